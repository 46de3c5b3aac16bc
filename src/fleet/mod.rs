//! Clients and servers: who sends which request where. For now one client population and one server.

mod front_end;
mod memory;
mod patience;
mod replay;
mod replay_error;
mod watch;

pub use self::front_end::{FrontEnd, Fronted};
pub use self::memory::{MemoryLimit, MemoryTaken, USUAL_MEMORY_BYTES};
pub use self::replay::{replay, replay_watched};
pub use self::replay_error::ReplayError;
pub use self::watch::{Unwatched, Watch};
