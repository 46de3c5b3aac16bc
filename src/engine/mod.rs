//! One server: moves time from step to step and tells an [`Observer`] what happens. It does no I/O, prints nothing,
//! reads no clock and knows no file format.

mod continuous_server;
mod drafting_server;
mod engine_trait;
mod fast;
mod grouped;
mod make;
mod observer;
mod progress;
mod reference;
mod server;
mod server_settings;
mod sglang_log;
mod step_log;
mod telling;
mod transcript;

pub use engine_trait::{Engine, QuietRun, ServerLoad, Turn, TurnKind};
pub use make::{fast, has_fast, leaps, of_planner, reference, without_fast};
pub use observer::{End, Event, Finished, FleetSize, Loss, Observer, ServerChange, ServerId, StepRun, Streamed};
pub use server::Server;
pub use server_settings::ServerSettings;
pub use sglang_log::{SglangLog, SglangLogged, SglangSlots, SglangState, SglangTurn, SglangUpdate, log_sglang};
pub use step_log::{Action, Clock, Decided, LoggedExperiment, LoggedStep, StepLog, TransferSteps, Updated, log_steps};
pub use transcript::{Heard, Transcript};
