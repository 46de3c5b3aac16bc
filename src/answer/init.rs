//! `init`: a commented scenario to start from.

const STARTER: &str = include_str!("../../configs/scenarios/starter.toml");

/// The text of the scenario.
pub const fn starter() -> &'static str {
    STARTER
}
