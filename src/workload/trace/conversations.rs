//! Texts of conversations: those of `ShareGPT` (a JSON list of `conversations`, each turn `from` someone with a
//! `value`), LMSYS-Chat-1M and `WildChat` (`conversation`: `role` and `content`), and lists of `messages` as chat APIs
//! take them.
//!
//! Of each conversation the first question and its answer are a request, as `vllm bench serve` takes them; with
//! [`TraceHints::think`] each question is one, whose prompt is all that was said before it, and waits for the answer to
//! the one before. Nobody counted tokens: [`TraceHints::tokenizer`] does, or [`TraceHints::chars_per_token`] characters
//! make one. Nobody recorded arrivals: they are a Poisson process of one conversation a second in the mean, for a rate
//! to be scaled to. Conversations without a question and an answer are left out.
//! Rows with a `prompt` and `output_tokens`, as that benchmark's custom datasets have them, are read too.

use std::collections::VecDeque;

use serde::Deserialize;
use serde_json::Value;

use super::block_segments::own;
use super::error::TraceError;
use super::first_line::{FirstLine, Needs};
use super::format::{Hears, TraceFormat};
use super::hints::TraceHints;
use super::json_lines::JsonLines;
use super::lines::Lines;
use super::number;
use super::row::{Row, Rows, SessionName};
use super::text_tokenizer::TextTokenizer;
use crate::stats::streams::{Xoshiro256PlusPlus, hash_bytes, mix, stream};
use crate::units::{PICOS_PER_SECOND, Span};
use crate::workload::{ContentId, RequestId, Segment, draw_exponential};

/// Keys of a dataset for `vllm bench serve --dataset-name custom`.
const PROMPTS: [&str; 2] = ["prompt", "output_tokens"];

/// Who asks, and who answers.
const QUESTIONS: [&str; 2] = ["human", "user"];
const ANSWERS: [&str; 6] = ["gpt", "assistant", "chatgpt", "bing", "bard", "model"];

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
            measure: match &hints.tokenizer {
                Some(tokenizer) => Measure::Tokens(tokenizer.clone()),
                None => Measure::Chars {
                    per_token: hints.chars_per_token(),
                },
            },
            think: hints.think,
            waiting: VecDeque::new(),
            random: stream(seed, "conversations"),
            at_picos: 0,
            rows: 0,
            left_out: 0,
        }))
    }

    fn hears(&self) -> Hears {
        Hears {
            chars_per_token: true,
            think: true,
            ..Hears::default()
        }
    }

    fn has_arrivals(&self) -> bool {
        false
    }
}

struct ConversationRows {
    json: JsonLines,
    measure: Measure,
    think: Option<Span>,
    /// The later exchanges of the conversation last read.
    waiting: VecDeque<Row>,
    random: Xoshiro256PlusPlus,
    at_picos: i128,
    rows: u64,
    left_out: u64,
}

impl Rows for ConversationRows {
    fn next_row(&mut self, row: &mut Row) -> Result<bool, TraceError> {
        if let Some(next) = self.waiting.pop_front() {
            *row = next;
            return Ok(true);
        }
        loop {
            let Some(read) = self.json.next::<Conversation>()? else {
                return Ok(false);
            };
            let mut exchanges = self.exchanges(&read);
            if self.think.is_none() {
                exchanges.truncate(1);
            }
            if exchanges.is_empty() {
                self.left_out += 1;
                continue;
            }
            self.waiting = self.rows_of(&exchanges)?;
            self.rows += exchanges.len() as u64;
            let gap_s = draw_exponential(&mut self.random);
            self.at_picos += (gap_s * PICOS_PER_SECOND as f64).round() as i128;
            *row = self.waiting.pop_front().expect("there is an exchange");
            return Ok(true);
        }
    }

    fn arrival_field(&self) -> &'static str {
        "arrival"
    }

    fn has_followers(&self) -> bool {
        self.think.is_some()
    }

    fn names_outputs(&self) -> bool {
        self.think.is_some()
    }

    fn failed(&self) -> u64 {
        self.left_out
    }
}

/// A question and its answer [tokens].
type Exchange = [u64; 2];

impl ConversationRows {
    /// What was asked and answered, in order.
    fn exchanges(&self, read: &Conversation) -> Vec<Exchange> {
        let measure = &self.measure;
        let in_tokens = |sizes: [usize; 2]| sizes.map(|size| measure.tokens(size));
        match (read.messages.as_deref(), &read.prompt, read.output_tokens) {
            (None, Some(prompt), Some(output)) => vec![[measure.tokens(measure.size(prompt)), output]],
            (messages, ..) if self.think.is_some() => {
                let all = all_exchanges(messages.unwrap_or_default(), measure).into_iter();
                all.map(in_tokens).collect()
            }
            (messages, ..) => {
                let first = first_exchange(messages.unwrap_or_default(), measure);
                first.map(in_tokens).into_iter().collect()
            }
        }
    }

    /// A row for each exchange. Those after the first repeat all that was said before, answers included.
    fn rows_of(&self, exchanges: &[Exchange]) -> Result<VecDeque<Row>, TraceError> {
        let complaint = |complaint| self.json.line_error(complaint);
        let is_one = self.think.is_none();
        let session = SessionName(mix(self.rows ^ hash_bytes(b"conversation")));
        let (mut said, mut tokens) = (Vec::new(), 0);
        let mut rows = VecDeque::new();
        for (&[question, answer], number) in exchanges.iter().zip(self.rows..) {
            tokens += question;
            let input_tokens = number::checked_tokens(tokens).map_err(complaint)?;
            let output_tokens = number::checked_output_tokens(answer).map_err(complaint)?;
            said.push(own(number, u32::try_from(question).unwrap_or(u32::MAX)));
            rows.push_back(Row {
                number,
                line: self.json.line(),
                arrival_picos: self.at_picos,
                input_tokens,
                output_tokens,
                segments: (!is_one).then(|| said.clone().into()),
                session: (!is_one).then_some(session),
                after: self.think.filter(|_| number > self.rows),
                ..Row::default()
            });
            said.push(Segment {
                content: ContentId::output_of(RequestId(number)),
                offset: 0,
                tokens: output_tokens,
            });
            tokens += answer;
        }
        Ok(rows)
    }
}

/// How long texts are.
enum Measure {
    /// In characters, of which so many make a token.
    Chars { per_token: f64 },
    /// In tokens.
    Tokens(TextTokenizer),
}

impl Measure {
    /// How long a text is.
    fn size(&self, text: &str) -> usize {
        match self {
            Self::Chars { .. } => text.chars().count(),
            // A tokenizer without a token for what it does not know counts none of it.
            Self::Tokens(tokenizer) => tokenizer.count(text).unwrap_or(0),
        }
    }

    /// How many tokens that is.
    fn tokens(&self, size: usize) -> u64 {
        let tokens = match self {
            Self::Chars { per_token } => (size as f64 / per_token).round() as u64,
            Self::Tokens(_) => size as u64,
        };
        tokens.max(1)
    }

    /// How long a message is: a text, or all texts in a list of parts.
    fn of(&self, message: &Message) -> usize {
        match &message.content {
            Some(Value::String(text)) => self.size(text),
            Some(Value::Array(parts)) => {
                let texts = parts.iter().filter_map(|part| part.get("text")?.as_str());
                texts.map(|text| self.size(text)).sum()
            }
            _ => 0,
        }
    }
}

/// How long each question is, together with what others than the model said before it, and how long its answer, up to
/// the first answer that is empty. What the model says before anybody asks belongs to the question.
fn all_exchanges(messages: &[Message], measure: &Measure) -> Vec<[usize; 2]> {
    let mut exchanges: Vec<[usize; 2]> = Vec::new();
    let (mut asked, mut is_asked) = (0, false);
    for message in messages {
        let size = measure.of(message);
        if is_of(message, &ANSWERS) && is_asked {
            if size == 0 || asked == 0 {
                break;
            }
            exchanges.push([asked, size]);
            (asked, is_asked) = (0, false);
        } else {
            asked += size;
            is_asked |= is_of(message, &QUESTIONS) || !exchanges.is_empty() && !is_of(message, &ANSWERS);
        }
    }
    exchanges
}

fn is_of(message: &Message, names: &[&str]) -> bool {
    message.role.as_deref().is_some_and(|role| names.contains(&role))
}

/// How long the first question is, together with what stands before it, and how long the answer.
fn first_exchange(messages: &[Message], measure: &Measure) -> Option<[usize; 2]> {
    let asked = messages.iter().position(|message| is_of(message, &QUESTIONS))?;
    let answer = messages.get(asked + 1)?;
    if !is_of(answer, &ANSWERS) {
        return None;
    }
    let before = &messages[..asked];
    let is_framed = before.iter().all(|message| is_of(message, &["system", "developer"]));
    let question: usize = messages[..=asked].iter().map(|message| measure.of(message)).sum();
    let answer = measure.of(answer);
    (is_framed && question > 0 && answer > 0).then_some([question, answer])
}
