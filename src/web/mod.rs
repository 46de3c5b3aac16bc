//! The face over HTTP: a server that answers as vLLM does, timed by the simulator, and a page. It listens, reads what
//! clients send, and words what they get; what happens when is decided below.

mod host_check;
mod listening;
mod openai;
mod page;
mod stalls;

pub use listening::{WebSettings, serve};

use axum::Router;

use crate::answer::serve::LiveServer;

/// Everything that is asked for by a path; handlers share the live server.
fn routes(live: LiveServer) -> Router {
    Router::new()
        .merge(openai::routes())
        .merge(page::routes())
        .fallback(openai::not_found)
        .method_not_allowed_fallback(openai::not_allowed)
        .with_state(live)
}
