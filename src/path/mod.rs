//! The way of a request from its client to the model and back: gateways, retrieval, tools, each a delay or a station
//! with servers of its own, and what stands in for those that fail.
//!
//! A [`PathSource`] stands between the clients of a workload and the servers of its model: it takes the clients'
//! requests, has them pass the stages before the model, sends them there when they get so far, and tells their clients
//! that they are answered when they have passed the stages after it. Servers and fleets see a workload like any other.

mod books;
mod calls;
mod outages;
mod request_path;
mod source;
mod station;
mod walk;

pub use books::{EndedPath, ModelCall, PathBooks, StageVisit, StationSums};
pub use calls::MOST_CALLS;
pub use outages::StageOutages;
pub use request_path::{PathFallback, PathStage, PathStation, PlaceOnPath, RequestPath, StageWork};
pub use source::PathSource;
