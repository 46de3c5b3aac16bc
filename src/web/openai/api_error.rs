//! Errors in `OpenAI`'s form, with vLLM's status codes.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::answer::serve::{LiveEnd, LiveServer, NotTaken};

/// Why a request is not answered.
#[derive(Clone, Debug)]
pub struct ApiError {
    status: StatusCode,
    kind: &'static str,
    message: String,
    param: Option<&'static str>,
    retry_after_s: Option<u64>,
}

impl ApiError {
    fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            kind,
            message: message.into(),
            param: None,
            retry_after_s: None,
        }
    }

    /// The request is wrong.
    pub fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequestError", message)
    }

    /// The request is wrong in this field.
    pub fn of(param: &'static str, message: impl Into<String>) -> Self {
        Self {
            param: Some(param),
            ..Self::bad(message)
        }
    }

    /// The body is longer than the server takes.
    pub fn too_large() -> Self {
        let message = "the body of the request is longer than this server takes";
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "BadRequestError", message)
    }

    /// The client took too long to send it.
    pub fn too_slow() -> Self {
        let message = "the body of the request did not come in time";
        Self::new(StatusCode::REQUEST_TIMEOUT, "BadRequestError", message)
    }

    /// There is no such model.
    pub fn no_model(model: &str) -> Self {
        let message = format!("The model `{model}` does not exist.");
        Self {
            param: Some("model"),
            ..Self::new(StatusCode::NOT_FOUND, "NotFoundError", message)
        }
    }

    /// Nobody serves any more.
    pub fn over() -> Self {
        let message = "the server is stopping";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailableError", message)
    }

    /// The request was not handed over.
    pub fn not_taken(why: NotTaken) -> Self {
        match why {
            NotTaken::Empty => Self::of(
                "prompt",
                "Either prompt or prompt_embeds must be provided and non-empty.",
            ),
            NotTaken::Over => Self::over(),
            NotTaken::Full => {
                let message = "the prompts that are being answered are too long together for this server's memory";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailableError", message)
            }
            NotTaken::TooLong {
                allowed,
                prompt,
                answer,
            } => Self::bad(format!(
                "This model's maximum context length is {allowed} tokens. However, you requested {} tokens ({prompt} \
                 in the prompt, {answer} in the completion). Please reduce the length of the prompt or completion.",
                prompt as u64 + u64::from(answer)
            )),
        }
    }

    /// The request has ended in this way, before anything was sent.
    pub fn ended(end: LiveEnd, live: &LiveServer) -> Self {
        match end {
            LiveEnd::Rejected => Self::bad("no server can ever serve a request of this length"),
            LiveEnd::Refused => {
                let status = live.refuses_with().and_then(|status| StatusCode::from_u16(status).ok());
                let status = status.unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
                let kind = if status == StatusCode::TOO_MANY_REQUESTS {
                    "RateLimitError"
                } else {
                    "ServiceUnavailableError"
                };
                Self {
                    retry_after_s: live.retry_after_s(),
                    ..Self::new(status, kind, "too many requests wait")
                }
            }
            LiveEnd::Failed => {
                let message = "the server that worked on the request has failed";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailableError", message)
            }
            LiveEnd::Stopped | LiveEnd::Answered(_) => Self::over(),
        }
    }

    /// The body, which a stream carries where its head has been sent.
    pub fn body(&self) -> Value {
        json!({"error": {
            "message": self.message,
            "type": self.kind,
            "param": self.param,
            "code": self.status.as_u16(),
        }})
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body())).into_response();
        if let Some(pause) = self.retry_after_s {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(pause));
        }
        response
    }
}
