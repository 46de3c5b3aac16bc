//! `/v1/completions` and `/v1/chat/completions`.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::api_error::ApiError;
use super::asked::{Asked, ChatBody, CompletionBody, StreamOptions};
use super::body::JsonBody;
use super::chunks::{EventWriter, event, event_stream};
use super::mailbox::{Answering, Arrived};
use crate::answer::serve::{LiveEnd, LiveServer, WholeAnswer, answer_text};

/// Answers `/v1/completions`.
pub async fn completions(
    State(live): State<LiveServer>,
    JsonBody(body): JsonBody<CompletionBody>,
) -> Result<Response, ApiError> {
    let asked = body.asked(&live, Instant::now())?;
    answer(Form::Completion, live, asked).await
}

/// Answers `/v1/chat/completions`.
pub async fn chat_completions(
    State(live): State<LiveServer>,
    JsonBody(body): JsonBody<ChatBody>,
) -> Result<Response, ApiError> {
    let asked = body.asked(&live, Instant::now())?;
    answer(Form::Chat, live, asked).await
}

/// The seconds of the clock.
pub fn seconds_since_1970() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// How an answer is worded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Completion,
    Chat,
}

/// The answers to the prompts of one body.
struct Answers {
    live: LiveServer,
    form: Form,
    id: String,
    created: u64,
    notify: Arc<Notify>,
    /// By prompt.
    choices: Vec<Choice>,
}

/// The answer to one prompt.
struct Choice {
    answering: Answering,
    sent: u32,
    answered: Option<WholeAnswer>,
}

async fn answer(form: Form, live: LiveServer, asked: Asked) -> Result<Response, ApiError> {
    let notify = Arc::new(Notify::new());
    let start = |ask| {
        Ok(Choice {
            answering: Answering::start(&live, ask, &notify)?,
            sent: 0,
            answered: None,
        })
    };
    let choices: Vec<Choice> = asked.asks.into_iter().map(start).collect::<Result<_, ApiError>>()?;
    let number = choices.first().map_or(0, |first| first.answering.submitted.id.number());
    let created = seconds_since_1970();
    let kind = match form {
        Form::Completion => "cmpl",
        Form::Chat => "chatcmpl",
    };
    let mut answers = Answers {
        form,
        id: format!("{kind}-{:08x}{number:024x}", created as u32),
        created,
        live,
        notify,
        choices,
    };
    let Some(options) = asked.stream else {
        return answers.whole().await;
    };
    // Where requests may be refused or lost, the status says so: nothing is sent before something is known.
    let known = if answers.live.may_fail() {
        answers.first_news().await?
    } else {
        Vec::new()
    };
    let (writer, response) = event_stream();
    tokio::spawn(async move {
        tokio::select! {
            () = answers.stream(&writer, options, known) => {}
            () = writer.closed() => {}
        }
    });
    Ok(response)
}

impl Answers {
    /// Waits for the whole answer.
    async fn whole(mut self) -> Result<Response, ApiError> {
        while self.choices.iter().any(|choice| choice.answered.is_none()) {
            let notified = Arc::clone(&self.notify);
            for choice in &mut self.choices {
                let Some(arrived) = choice.answering.take() else {
                    continue;
                };
                choice.sent += arrived.tokens;
                match arrived.end {
                    Some(LiveEnd::Answered(answered)) => choice.answered = Some(answered),
                    Some(end) => return Err(ApiError::ended(end, &self.live)),
                    None => {}
                }
            }
            if self.choices.iter().any(|choice| choice.answered.is_none()) {
                notified.notified().await;
            }
        }
        let choices: Vec<Value> = (0..self.choices.len()).map(|index| self.choice(index)).collect();
        let mut body = self.head("text_completion", "chat.completion");
        body["choices"] = Value::Array(choices);
        body["usage"] = usage(self.choices.iter());
        Ok(Json(body).into_response())
    }

    /// A whole answer to one prompt.
    fn choice(&self, index: usize) -> Value {
        let choice = &self.choices[index];
        let text = choice.text(0, choice.sent);
        let reason = choice.answered.map(reason);
        match self.form {
            Form::Completion => json!({
                "index": index,
                "text": text,
                "logprobs": null,
                "finish_reason": reason,
                "stop_reason": choice.stop_reason(),
            }),
            Form::Chat => json!({
                "index": index,
                "message": {"role": "assistant", "content": text, "tool_calls": []},
                "logprobs": null,
                "finish_reason": reason,
                "stop_reason": choice.stop_reason(),
            }),
        }
    }

    fn head(&self, completion: &str, chat: &str) -> Value {
        let object = match self.form {
            Form::Completion => completion,
            Form::Chat => chat,
        };
        json!({"id": self.id, "object": object, "created": self.created, "model": self.live.model()})
    }

    /// Waits for the first that is heard of any prompt.
    async fn first_news(&mut self) -> Result<Vec<(usize, Arrived)>, ApiError> {
        loop {
            let news = self.news();
            let failed = news.iter().find_map(|(_, arrived)| match arrived.end {
                Some(LiveEnd::Answered(_)) | None => None,
                Some(end) => Some(end),
            });
            match failed {
                Some(end) => return Err(ApiError::ended(end, &self.live)),
                None if news.is_empty() => self.notify.notified().await,
                None => return Ok(news),
            }
        }
    }

    /// What has come since anybody looked.
    fn news(&mut self) -> Vec<(usize, Arrived)> {
        let choices = self.choices.iter_mut().enumerate();
        choices
            .filter_map(|(index, choice)| Some((index, choice.answering.take()?)))
            .collect()
    }

    /// Sends answers as they come.
    async fn stream(&mut self, writer: &EventWriter, options: StreamOptions, mut known: Vec<(usize, Arrived)>) {
        let (at_end, always) = (
            options.include_usage.unwrap_or(false),
            options.continuous_usage_stats.unwrap_or(false),
        );
        while self.choices.iter().any(|choice| choice.answered.is_none()) {
            let mut news = std::mem::take(&mut known);
            if news.is_empty() {
                news = self.news();
            }
            if news.is_empty() {
                self.notify.notified().await;
                continue;
            }
            let mut events = String::new();
            for (index, arrived) in news {
                if arrived.end.is_some_and(|end| !matches!(end, LiveEnd::Answered(_))) {
                    writer.write(events).await;
                    return writer.break_off().await;
                }
                events += &self.part(index, arrived, at_end && always);
            }
            if !writer.write(events).await {
                return;
            }
        }
        let mut last = String::new();
        if at_end {
            let mut body = self.head("text_completion", "chat.completion.chunk");
            body["choices"] = json!([]);
            body["usage"] = usage(self.choices.iter());
            last += &event(&body);
        }
        writer.write(last + &event(&"[DONE]")).await;
    }

    /// The events of what has come for a prompt.
    fn part(&mut self, index: usize, arrived: Arrived, with_usage: bool) -> String {
        let choice = &mut self.choices[index];
        let from = choice.sent;
        choice.sent += arrived.tokens;
        if let Some(LiveEnd::Answered(answered)) = arrived.end {
            choice.answered = Some(answered);
        }
        let choice = &self.choices[index];
        let text = choice.text(from, choice.sent);
        let reason = choice.answered.map(reason);
        let head = self.head("text_completion", "chat.completion.chunk");
        let usage = with_usage.then(|| usage([choice].into_iter()));
        let with = |choice: Value| {
            let mut body = head.clone();
            body["choices"] = json!([choice]);
            if let Some(usage) = &usage {
                body["usage"] = usage.clone();
            }
            event(&body)
        };
        let mut events = String::new();
        if self.form == Form::Chat && from == 0 {
            // vLLM says who speaks when the first token is there.
            let delta = json!({"role": "assistant", "content": ""});
            events += &with(json!({"index": index, "delta": delta, "logprobs": null, "finish_reason": null}));
        }
        events += &match self.form {
            Form::Completion => with(json!({
                "index": index,
                "text": text,
                "logprobs": null,
                "finish_reason": reason,
                "stop_reason": choice.stop_reason(),
            })),
            Form::Chat => with(json!({
                "index": index, "delta": {"content": text}, "logprobs": null, "finish_reason": reason,
                "stop_reason": choice.stop_reason(),
            })),
        };
        events
    }
}

impl Choice {
    fn text(&self, from: u32, to: u32) -> String {
        let submitted = &self.answering.submitted;
        let mut text = answer_text(submitted.id.0, from, to);
        if let Some(stop) = &submitted.stop {
            stop.cut(&mut text, from);
        }
        text
    }

    /// The text that has ended it, once it has ended.
    fn stop_reason(&self) -> Option<&str> {
        let stop = self.answering.submitted.stop.as_ref()?;
        self.answered.map(|_| stop.stop.as_str())
    }
}

/// The tokens of these answers, as far as they were sent.
fn usage<'a>(choices: impl Iterator<Item = &'a Choice>) -> Value {
    let (mut prompt, mut cached, mut answer) = (0_u64, 0_u64, 0_u64);
    for choice in choices {
        prompt += u64::from(choice.answering.submitted.input_tokens);
        cached += u64::from(choice.answered.map_or(0, |answered| answered.cached_tokens));
        answer += u64::from(choice.sent);
    }
    json!({
        "prompt_tokens": prompt,
        "total_tokens": prompt + answer,
        "completion_tokens": answer,
        "prompt_tokens_details": {"cached_tokens": cached},
    })
}

fn reason(answered: WholeAnswer) -> &'static str {
    if answered.is_stopped { "stop" } else { "length" }
}
