//! Clients and servers: who sends which request where. One client population against one server ([`replay`]), or
//! against many behind a router ([`replay_fleet`]).

mod books;
mod clients;
mod front_end;
mod hearing;
mod memory;
mod patience;
mod reference;
mod replay;
mod replay_error;
mod replay_fleet;
mod router;
mod servers;
mod telling;
mod tournament;
mod watch;

pub use self::front_end::{FrontEnd, Fronted};
pub use self::memory::{MemoryLimit, MemoryTaken, USUAL_MEMORY_BYTES};
pub use self::reference::replay_fleet_readable;
pub use self::replay::{replay, replay_watched};
pub use self::replay_error::ReplayError;
pub use self::replay_fleet::{FleetMember, FleetSettings, replay_fleet, usually_held_back};
pub use self::router::{LooksFor, ROUTERS, Router, RouterKind, RouterStart, View, router_named};
pub use self::watch::{Unwatched, Watch};
