//! Why the page gets no answer: what the command line would say, and the key that it is about.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::asked::PageAsked;
use crate::answer::{Blame, Problem};

/// Why there is no answer.
#[derive(Clone, Debug)]
pub struct PageRefusal {
    status: StatusCode,
    /// As the command line would say it.
    message: String,
    /// The key that it is about, if it is about one.
    key: Option<String>,
}

impl PageRefusal {
    /// The problem as an answer.
    pub fn of(problem: &Problem) -> Self {
        let status = match problem.blame {
            Blame::Input => StatusCode::BAD_REQUEST,
            Blame::Memory => StatusCode::UNPROCESSABLE_ENTITY,
            Blame::Machine => StatusCode::INTERNAL_SERVER_ERROR,
            Blame::Stop => StatusCode::REQUEST_TIMEOUT,
        };
        Self {
            status,
            message: problem.to_string(),
            key: None,
        }
    }

    /// Too much is asked at once.
    pub fn busy() -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            message: "the page is asked more than it can answer; try again in a moment".to_owned(),
            key: None,
        }
    }

    /// It went wrong in a way that nobody foresaw.
    pub fn broken() -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            message: "the simulation has panicked, which is a bug of tailcast".to_owned(),
            key: None,
        }
    }

    /// Names the key that it is about.
    pub fn about(self, asked: &PageAsked) -> Self {
        let key = asked.key_in(&self.message);
        Self { key, ..self }
    }
}

impl IntoResponse for PageRefusal {
    fn into_response(self) -> Response {
        let body = Json(json!({ "error": { "message": self.message, "key": self.key } }));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            return (self.status, [(header::RETRY_AFTER, "1")], body).into_response();
        }
        (self.status, body).into_response()
    }
}
