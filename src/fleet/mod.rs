//! Clients and servers: who sends which request where. One client population against one server ([`replay`]), or
//! against many behind a router ([`replay_fleet`]).

mod agenda;
mod attempt;
mod autoscale;
mod books;
mod brief;
mod deadlines;
mod delivery;
mod faults;
mod front_end;
mod gauges;
mod hearing;
mod journeys;
mod member;
mod memory;
mod outages;
mod patience;
mod pools;
mod reference;
mod replay;
mod replay_error;
mod replay_fleet;
mod retry;
mod router;
mod router_queue;
mod rules;
mod scaling;
mod server_state;
mod servers;
mod telling;
mod tournament;
mod watch;

pub use self::autoscale::{Autoscale, ScaleSignal};
pub use self::faults::{Fault, FaultKind, FaultTime};
pub use self::front_end::{FreshServer, FrontEnd, Fronted};
pub use self::member::{FleetMember, MOST_POOLS};
pub use self::memory::{MemoryLimit, MemoryTaken, USUAL_MEMORY_BYTES};
pub use self::reference::replay_fleet_readable;
pub use self::replay::{replay, replay_watched};
pub use self::replay_error::ReplayError;
pub use self::replay_fleet::{FleetSettings, replay_fleet, usually_held_back};
pub use self::retry::Retry;
pub use self::router::{
    CustomRouter, LooksFor, ROUTERS, Router, RouterChoice, RouterKind, RouterMaker, RouterStart, View, router_named,
};
pub use self::rules::{Admission, ClassRules, ClientRules, Hardships};
pub use self::watch::{Unwatched, Watch};
