//! Texts to tokens and back, as the server counts them.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::api_error::ApiError;
use super::asked::{ChatBody, check_model};
use super::body::JsonBody;
use crate::answer::serve::{LiveServer, text, tokens};

/// A body of `/tokenize`: a text, or the messages of a chat.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum TokenizeBody {
    /// A text.
    Text {
        /// What is to be tokenized.
        prompt: String,
        /// Whose tokens they are.
        #[serde(default)]
        model: Option<String>,
    },
    /// The messages of a chat.
    Chat(ChatBody),
}

/// A body of `/detokenize`.
#[derive(Deserialize)]
pub struct DetokenizeBody {
    tokens: Vec<u64>,
    #[serde(default)]
    model: Option<String>,
}

/// Answers `/tokenize`.
pub async fn tokenize(
    State(live): State<LiveServer>,
    JsonBody(body): JsonBody<TokenizeBody>,
) -> Result<Json<Value>, ApiError> {
    let tokens = match body {
        TokenizeBody::Text { prompt, model } => {
            check_model(model.as_deref(), &live)?;
            tokens(&prompt)
        }
        TokenizeBody::Chat(chat) => chat.prompt()?,
    };
    Ok(Json(json!({
        "count": tokens.len(),
        "max_model_len": live.max_model_len(),
        "tokens": tokens,
        "token_strs": null,
    })))
}

/// Answers `/detokenize`.
pub async fn detokenize(
    State(live): State<LiveServer>,
    JsonBody(body): JsonBody<DetokenizeBody>,
) -> Result<Json<Value>, ApiError> {
    check_model(body.model.as_deref(), &live)?;
    Ok(Json(json!({"prompt": text(&body.tokens)})))
}
