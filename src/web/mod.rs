//! The face over HTTP: a server that answers as vLLM does, timed by the simulator, and a page. It listens, reads what
//! clients send, and words what they get; what happens when is decided below.

mod host_check;
mod listening;
mod page;
mod served;
mod stalls;

pub use listening::{WebSettings, serve};
pub use served::Served;

use axum::Router;

/// Everything that is asked for by a path.
fn routes(served: Served) -> Router {
    Router::new().merge(page::routes()).with_state(served)
}
