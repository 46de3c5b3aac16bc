//! The tracks of the server as a whole; each request has one of its own.

use super::events::Track;

/// What belongs to the server as a whole.
pub(super) const SERVER: u64 = 1;
pub(super) const STEPS: Track = Track {
    process: SERVER,
    thread: 1,
};
pub(super) const REJECTED: Track = Track {
    process: SERVER,
    thread: 2,
};
