//! Clients and servers: who sends which request where. For now one client population and one server.

mod front_end;
mod patience;
mod replay;
mod replay_error;
mod watch;

pub use self::front_end::{FrontEnd, Fronted};
pub use self::replay::{MOST_IN_SERVER, replay, replay_watched};
pub use self::replay_error::ReplayError;
pub use self::watch::{Unwatched, Watch};
