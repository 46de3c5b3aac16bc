//! A run that goes on in real time, or in time that passes faster or slower: clients that are no part of the simulation
//! hand over requests, and hear of each token when it is due.
//!
//! One thread owns the servers. Its [`LiveSource`] is a workload whose requests come from outside: it waits for them in
//! real time, and wakes the loop that drives the servers again and again so that these never fall behind the clock.
//! [`Deliveries`] hears what servers tell, and gives each client its tokens at the instants at which the simulation has
//! them there, the front end's latencies included. Lateness does not add up, as every instant is worked out from the
//! start of the clock.

mod deliveries;
mod live_clock;
mod live_run;
mod live_settings;
mod live_source;
mod prompt_names;
mod shared;

pub use deliveries::{LiveClient, LiveEnd, LiveNews, WholeAnswer};
pub use live_clock::LiveClock;
pub use live_run::run_live;
pub use live_settings::LiveSettings;
pub use live_source::{Command, LiveSource};
pub use prompt_names::PromptNames;
