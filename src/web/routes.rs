//! Everything that is asked for by a path.

use axum::Router;

use super::{openai, page};
use crate::answer::serve::LiveServer;

/// All paths; their handlers share the live server.
pub fn routes(live: LiveServer) -> Router {
    Router::new()
        .merge(openai::routes())
        .merge(page::routes())
        .fallback(openai::not_found)
        .method_not_allowed_fallback(openai::not_allowed)
        .with_state(live)
}
