//! The API of vLLM's server, which is `OpenAI`'s with more: paths, bodies and errors as clients know them.
//!
//! After vLLM 0.33 (`vllm/entrypoints/openai/`: `api_server.py`, `protocol.py`, `serving_completion.py`,
//! `serving_chat.py`).

mod api_error;
mod asked;
mod body;
mod chunks;
mod complete;
mod mailbox;
mod tokenize;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::oneshot;

pub use self::body::{JsonBody, MOST_BYTES};

use self::api_error::ApiError;
use crate::answer::serve::LiveServer;

/// The API's paths.
pub fn routes() -> Router<LiveServer> {
    Router::new()
        .route("/v1/completions", post(complete::completions))
        .route("/v1/chat/completions", post(complete::chat_completions))
        .route("/v1/models", get(models))
        .route("/tokenize", post(tokenize::tokenize))
        .route("/detokenize", post(tokenize::detokenize))
        .route("/health", get(|| async {}))
        .route("/ping", get(|| async {}).post(|| async {}))
        .route("/version", get(version))
        .route("/metrics", get(metrics))
}

/// Answers where there is nothing, as `FastAPI` does.
pub async fn not_found() -> Response {
    (StatusCode::NOT_FOUND, Json(json!({"detail": "Not Found"}))).into_response()
}

/// Answers where something is asked for in another way, as `FastAPI` does.
pub async fn not_allowed() -> Response {
    let detail = json!({"detail": "Method Not Allowed"});
    (StatusCode::METHOD_NOT_ALLOWED, Json(detail)).into_response()
}

async fn models(State(live): State<LiveServer>) -> Json<Value> {
    Json(json!({
        "object": "list",
        "data": [{
            "id": live.model(),
            "object": "model",
            "created": complete::seconds_since_1970(),
            "owned_by": "vllm",
            "root": live.model(),
            "parent": null,
            "max_model_len": live.max_model_len(),
            "permission": [],
        }],
    }))
}

async fn version(State(live): State<LiveServer>) -> Json<Value> {
    let engine = live.engine();
    let release = engine.strip_prefix("vLLM ").unwrap_or(engine);
    Json(json!({"version": release, "tailcast": env!("CARGO_PKG_VERSION")}))
}

/// In Prometheus's text format 0.0.4.
async fn metrics(State(live): State<LiveServer>) -> Result<Response, ApiError> {
    let (sender, receiver) = oneshot::channel();
    live.expose(move |run| drop(sender.send(run)));
    let run = receiver.await.map_err(|_| ApiError::over())?;
    let text = live.metrics_text(&run);
    let kind = (header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
    Ok(([kind], text).into_response())
}
