//! How far a server has come, told in steps: several may begin and end at one instant.

/// How many steps of a server have been decided, and how many have ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    pub decided: u64,
    pub ended: u64,
}
