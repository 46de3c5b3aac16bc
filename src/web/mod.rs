//! The face over HTTP: a server that answers as vLLM does, timed by the simulator, and a page. It listens, reads what
//! clients send, and words what they get; what happens when is decided below.

mod host_check;
mod listening;
mod openai;
mod page;
mod routes;
mod stalls;

pub use listening::{WebSettings, serve};
