//! Routers: which server a request is sent to. A router is one file with a [`RouterKind`], and a line in `list.rs`.

mod central_queue;
mod custom;
mod hashing;
mod least_kv;
mod least_outstanding;
mod list;
mod power_of_two;
mod prefix_affinity;
mod prefix_aware;
mod random;
mod round_robin;
mod router_trait;
mod session;
mod weighted;

pub use custom::{CustomRouter, RouterChoice, RouterMaker};
pub use list::{ROUTERS, router_named};
pub use router_trait::{LooksFor, Router, RouterKind, RouterStart, View};
