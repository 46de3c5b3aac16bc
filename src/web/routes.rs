//! Everything that is asked for by a path.

use axum::Router;

use super::{openai, page};
use crate::answer::Base;
use crate::answer::serve::LiveServer;

/// All paths; their handlers share the live server, and the page asks about variations of `base`.
pub fn routes(live: LiveServer, base: &Base) -> Router {
    Router::new()
        .merge(openai::routes())
        .merge(page::routes(base))
        .fallback(openai::not_found)
        .method_not_allowed_fallback(openai::not_allowed)
        .with_state(live)
}
