//! The page at `/`, and what it asks under `/api/`: questions of [`crate::answer`], as the command line asks them.

use axum::Router;
use axum::extract::State;
use axum::response::Html;
use axum::routing::get;
use axum::{Json, http::header};

use crate::answer::serve::LiveServer;

/// The page, which needs nothing from anywhere else.
const PAGE: &str = include_str!("index.html");

/// What browsers may load for the page: nothing but what comes with it.
const CONTENT_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'; \
    img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page's own paths. Those of what it asks start with `/api/`.
pub fn routes() -> Router<LiveServer> {
    Router::new()
        .route(
            "/",
            get(|| async { ([(header::CONTENT_SECURITY_POLICY, CONTENT_POLICY)], Html(PAGE)) }),
        )
        .route("/api/served", get(what_is_served))
}

/// What this server pretends to be.
async fn what_is_served(State(live): State<LiveServer>) -> Json<serde_json::Value> {
    Json(serde_json::json!({
        "tool": concat!("tailcast ", env!("CARGO_PKG_VERSION")),
        "scenario": live.scenario(),
        "model": live.model(),
        "engine": live.engine(),
        "servers": live.servers(),
        "max_model_len": live.max_model_len(),
    }))
}
