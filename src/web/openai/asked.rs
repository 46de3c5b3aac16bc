//! What clients ask for: the fields of requests that say how long they are and who comes first. All others say what an
//! answer should be, which nobody simulates, and are left out, as vLLM leaves out those it does not know.

use std::time::Instant;

use serde::Deserialize;
use serde_json::Value;

use super::api_error::ApiError;
use crate::answer::serve::{Ask, LiveServer, chat, tokens};

/// What `/v1/completions` and `/v1/chat/completions` have in common.
#[derive(Debug, Deserialize)]
pub struct AskedFields {
    model: Option<String>,
    max_tokens: Option<i64>,
    max_completion_tokens: Option<i64>,
    #[serde(default)]
    min_tokens: Option<i64>,
    #[serde(default)]
    ignore_eos: Option<bool>,
    #[serde(default)]
    n: Option<i64>,
    #[serde(default)]
    priority: Option<i64>,
    #[serde(default)]
    stop: Option<Value>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
}

/// What a stream says beside its answer.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct StreamOptions {
    /// Whether its tokens are counted at its end.
    #[serde(default)]
    pub include_usage: Option<bool>,
    /// Whether they are with each part.
    #[serde(default)]
    pub continuous_usage_stats: Option<bool>,
}

/// A body of `/v1/completions`.
#[derive(Debug, Deserialize)]
pub struct CompletionBody {
    #[serde(default)]
    prompt: Option<Value>,
    #[serde(flatten)]
    sampling: AskedFields,
}

/// A body of `/v1/chat/completions`.
#[derive(Debug, Deserialize)]
pub struct ChatBody {
    #[serde(default)]
    messages: Vec<Message>,
    #[serde(flatten)]
    sampling: AskedFields,
}

/// A message of a chat.
#[derive(Debug, Deserialize)]
pub struct Message {
    role: String,
    #[serde(default)]
    content: Option<Value>,
}

/// What is to be answered, and how.
pub struct Asked {
    /// The requests, one a prompt.
    pub asks: Vec<Ask>,
    /// Whether answers are sent as they come; with what else.
    pub stream: Option<StreamOptions>,
}

/// The most prompts of one body.
const MOST_PROMPTS: usize = 256;
/// What vLLM gives a completion that does not say how long it may be (`OpenAI`'s default).
const USUAL_COMPLETION: u32 = 16;

impl CompletionBody {
    /// What it asks for.
    pub fn asked(self, live: &LiveServer, came: Instant) -> Result<Asked, ApiError> {
        let prompts = prompts(self.prompt.unwrap_or(Value::Null))?;
        let usual = Some(USUAL_COMPLETION);
        self.sampling.asked(prompts, usual, live, came)
    }
}

impl ChatBody {
    /// What it asks for.
    pub fn asked(self, live: &LiveServer, came: Instant) -> Result<Asked, ApiError> {
        if self.messages.is_empty() {
            return Err(ApiError::of("messages", "messages: a chat has at least one message"));
        }
        let prompt = self.prompt()?;
        self.sampling.asked(vec![prompt], None, live, came)
    }

    /// The tokens of its messages.
    pub fn prompt(&self) -> Result<Vec<u64>, ApiError> {
        let texts: Vec<String> = self.messages.iter().map(Message::text).collect::<Result<_, _>>()?;
        let roles = self.messages.iter().map(|message| message.role.as_str());
        Ok(chat(roles.zip(texts.iter().map(String::as_str))))
    }
}

impl Message {
    fn text(&self) -> Result<String, ApiError> {
        let of_part = |part: &Value| match (part.get("type").and_then(Value::as_str), part.get("text")) {
            (Some("text" | "input_text") | None, Some(Value::String(text))) => Ok(text.clone()),
            (kind, _) => Err(ApiError::of(
                "messages",
                format!(
                    "messages: a part of type {:?} is not served: this model reads text alone",
                    kind.unwrap_or("unknown")
                ),
            )),
        };
        match &self.content {
            None | Some(Value::Null) => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(Value::Array(parts)) => parts.iter().map(of_part).collect(),
            Some(_) => Err(ApiError::of(
                "messages",
                "messages: content is a text or a list of parts",
            )),
        }
    }
}

impl AskedFields {
    fn asked(
        self,
        prompts: Vec<Vec<u64>>,
        usual: Option<u32>,
        live: &LiveServer,
        came: Instant,
    ) -> Result<Asked, ApiError> {
        check_model(self.model.as_deref(), live)?;
        if let Some(n) = self.n.filter(|&n| n != 1) {
            return Err(ApiError::of(
                "n",
                format!("n={n} is not served: each request has one answer; write n=1"),
            ));
        }
        let stops = stops(self.stop.as_ref())?;
        let longest = self.max_completion_tokens.or(self.max_tokens);
        let max_tokens = longest
            .map(|tokens| count("max_tokens", tokens, 1))
            .transpose()?
            .or(usual);
        let min_tokens = count("min_tokens", self.min_tokens.unwrap_or(0), 0)?;
        if let Some(most) = max_tokens.filter(|&most| most < min_tokens) {
            let message = format!("min_tokens must be less than or equal to max_tokens={most}, got {min_tokens}.");
            return Err(ApiError::of("min_tokens", message));
        }
        let priority = i32::try_from(self.priority.unwrap_or(0));
        let priority = priority.map_err(|_| ApiError::of("priority", "priority is a number of 32 bits"))?;
        let stream = self.stream.unwrap_or(false);
        if !stream && self.stream_options.is_some() {
            let message = "Stream options can only be defined when `stream=True`.";
            return Err(ApiError::of("stream_options", message));
        }
        let ask = |tokens| Ask {
            tokens,
            max_tokens,
            min_tokens,
            ignore_eos: self.ignore_eos.unwrap_or(false),
            stops: stops.clone(),
            priority,
            came,
        };
        Ok(Asked {
            asks: prompts.into_iter().map(ask).collect(),
            stream: stream.then(|| self.stream_options.unwrap_or_default()),
        })
    }
}

/// Refuses a model that is not served; none named is the one that is.
pub fn check_model(model: Option<&str>, live: &LiveServer) -> Result<(), ApiError> {
    match model {
        Some(model) if !model.is_empty() && model != live.model() => Err(ApiError::no_model(model)),
        _ => Ok(()),
    }
}

fn count(field: &'static str, tokens: i64, least: i64) -> Result<u32, ApiError> {
    let refusal = || ApiError::of(field, format!("{field} must be at least {least}, got {tokens}."));
    if tokens < least {
        return Err(refusal());
    }
    // More than any model allows.
    Ok(u32::try_from(tokens).unwrap_or(u32::MAX))
}

/// The texts that end an answer.
fn stops(stop: Option<&Value>) -> Result<Vec<String>, ApiError> {
    let text = |stop: &Value| Some(stop.as_str().filter(|text| !text.is_empty())?.to_owned());
    let all = match stop {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::Array(all)) => all.iter().map(text).collect(),
        Some(one) => text(one).map(|one| vec![one]),
    };
    all.ok_or_else(|| ApiError::of("stop", "stop is a text that is not empty, or a list of such texts"))
}

/// The tokens of one prompt or several, each a text or a list of tokens.
fn prompts(prompt: Value) -> Result<Vec<Vec<u64>>, ApiError> {
    let wrong = || {
        let message = "prompt is a text, a list of texts, a list of token ids, or a list of such lists";
        ApiError::of("prompt", message)
    };
    match prompt {
        Value::String(text) => Ok(vec![tokens(&text)]),
        Value::Array(all) if all.first().is_some_and(Value::is_number) => Ok(vec![ids(&all).ok_or_else(wrong)?]),
        Value::Array(all) if !all.is_empty() => {
            if all.len() > MOST_PROMPTS {
                let message = format!(
                    "prompt: {} prompts at once, and at most {MOST_PROMPTS} are served",
                    all.len()
                );
                return Err(ApiError::of("prompt", message));
            }
            let of_one = |one: &Value| match one {
                Value::String(text) => Ok(tokens(text)),
                Value::Array(all) => ids(all).ok_or_else(wrong),
                _ => Err(wrong()),
            };
            all.iter().map(of_one).collect()
        }
        _ => Err(wrong()),
    }
}

/// Token ids, which are not negative.
fn ids(all: &[Value]) -> Option<Vec<u64>> {
    all.iter().map(Value::as_u64).collect()
}
