//! Texts of conversations: those of `ShareGPT` (a JSON list of `conversations`, each turn `from` someone with a
//! `value`), LMSYS-Chat-1M and `WildChat` (`conversation`: `role` and `content`), and lists of `messages` as chat APIs
//! take them.
//!
//! Of each conversation the first question and its answer are a request, as `vllm bench serve` takes them. Nobody
//! counted tokens: [`TraceHints::chars_per_token`] characters make one. Nobody recorded arrivals: they are a Poisson
//! process of one a second in the mean, for a rate to be scaled to. Conversations without a question and an answer are
//! left out.
//! Rows with a `prompt` and `output_tokens`, as that benchmark's custom datasets have them, are read too.

use serde::Deserialize;
use serde_json::Value;

use super::error::TraceError;
use super::first_line::{FirstLine, Needs};
use super::format::{Hears, TraceFormat};
use super::hints::TraceHints;
use super::json_lines::JsonLines;
use super::lines::Lines;
use super::number;
use super::row::{Row, Rows};
use crate::stats::streams::{Xoshiro256PlusPlus, stream};
use crate::units::PICOS_PER_SECOND;
use crate::workload::draw_exponential;

/// Keys of a dataset for `vllm bench serve --dataset-name custom`.
const PROMPTS: [&str; 2] = ["prompt", "output_tokens"];

/// The format of texts of conversations.
pub struct Conversations;

#[derive(Deserialize)]
struct Conversation {
    #[serde(alias = "conversation", alias = "conversations")]
    messages: Option<Vec<Message>>,
    /// Of datasets for benchmarks, beside the tokens of the answer.
    prompt: Option<String>,
    output_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(alias = "from")]
    role: Option<String>,
    #[serde(alias = "value")]
    content: Option<Value>,
}

impl TraceFormat for Conversations {
    fn name(&self) -> &'static str {
        "conversations"
    }

    fn looks_like(&self) -> &'static str {
        "JSON, a list or lines, with the key conversations, conversation or messages: texts without arrivals"
    }

    fn needs(&self) -> Needs {
        Needs::Keys(&[&["conversations", "conversation", "messages"]])
    }

    fn recognises(&self, first: &FirstLine) -> bool {
        first.has(&self.needs()) || PROMPTS.iter().all(|name| first.has_name(name))
    }

    fn looseness(&self) -> u8 {
        2
    }

    fn rows(&self, lines: Lines, hints: &TraceHints, seed: u64) -> Result<Box<dyn Rows>, TraceError> {
        Ok(Box::new(ConversationRows {
            json: JsonLines::new(lines, &[]),
            chars_per_token: hints.chars_per_token(),
            random: stream(seed, "conversations"),
            at_picos: 0,
            rows: 0,
            left_out: 0,
        }))
    }

    fn hears(&self) -> Hears {
        Hears {
            chars_per_token: true,
            ..Hears::default()
        }
    }

    fn has_arrivals(&self) -> bool {
        false
    }
}

struct ConversationRows {
    json: JsonLines,
    chars_per_token: f64,
    random: Xoshiro256PlusPlus,
    at_picos: i128,
    rows: u64,
    left_out: u64,
}

impl Rows for ConversationRows {
    fn next_row(&mut self, row: &mut Row) -> Result<bool, TraceError> {
        let [input_tokens, output_tokens] = loop {
            let Some(read) = self.json.next::<Conversation>()? else {
                return Ok(false);
            };
            match (read.messages.as_deref(), &read.prompt, read.output_tokens) {
                (None, Some(prompt), Some(output)) => {
                    break [
                        self.tokens(prompt.chars().count()),
                        number::checked_output_tokens(output),
                    ];
                }
                (turns, ..) => match first_exchange(turns.unwrap_or_default()) {
                    Some(lengths) => break lengths.map(|chars| self.tokens(chars)),
                    None => self.left_out += 1,
                },
            }
        };
        let complaint = |complaint| self.json.line_error(complaint);
        *row = Row {
            number: self.rows,
            line: self.json.line(),
            arrival_picos: self.at_picos,
            input_tokens: input_tokens.map_err(complaint)?,
            output_tokens: output_tokens.map_err(complaint)?,
            ..Row::default()
        };
        self.rows += 1;
        let gap_s = draw_exponential(&mut self.random);
        self.at_picos += (gap_s * PICOS_PER_SECOND as f64).round() as i128;
        Ok(true)
    }

    fn arrival_field(&self) -> &'static str {
        "arrival"
    }

    fn failed(&self) -> u64 {
        self.left_out
    }
}

impl ConversationRows {
    fn tokens(&self, chars: usize) -> Result<u32, number::Complaint> {
        let tokens = (chars as f64 / self.chars_per_token).round() as u64;
        number::checked_tokens(tokens.max(1))
    }
}

/// How long the first question is, together with what stands before it, and how long the answer [characters].
fn first_exchange(messages: &[Message]) -> Option<[usize; 2]> {
    let is_of = |message: &Message, names: &[&str]| message.role.as_deref().is_some_and(|role| names.contains(&role));
    let asked = messages.iter().position(|message| is_of(message, &["human", "user"]))?;
    let answer = messages.get(asked + 1)?;
    if !is_of(answer, &["gpt", "assistant", "chatgpt", "bing", "bard", "model"]) {
        return None;
    }
    let before = &messages[..asked];
    let is_framed = before.iter().all(|message| is_of(message, &["system", "developer"]));
    let question: usize = messages[..=asked].iter().map(chars_of).sum();
    let answer = chars_of(answer);
    (is_framed && question > 0 && answer > 0).then_some([question, answer])
}

/// Characters of a message: of a text, or of all texts in a list of parts.
fn chars_of(message: &Message) -> usize {
    match &message.content {
        Some(Value::String(text)) => text.chars().count(),
        Some(Value::Array(parts)) => {
            let texts = parts.iter().filter_map(|part| part.get("text")?.as_str());
            texts.map(|text| text.chars().count()).sum()
        }
        _ => 0,
    }
}
