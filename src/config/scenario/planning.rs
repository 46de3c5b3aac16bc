//! What a plan for production has to know beside what is simulated: `[retrieval]`, `[reliability]`, `[capacity]`.

use super::capacity_rule::{self, MemoryRule};
use super::reliability::{self, Promise};
use super::retrieval;
use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::fields::Fields;
use crate::retrieval::Retrieval;

/// What a plan has to know; it changes no simulation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Planning {
    /// The documents that answers are looked up in, if the scenario says so.
    pub retrieval: Option<Retrieval>,
    /// What is promised of the service.
    pub promise: Promise,
    /// Rules of thumb for memory in the user's own numbers, if there are some.
    pub memory_rule: Option<MemoryRule>,
}

impl Planning {
    /// Reads the three tables.
    pub(super) fn read(fields: &Fields<'_>) -> Result<Self, Diagnostic> {
        Ok(Self {
            retrieval: retrieval::read(fields.optional_section("retrieval")?)?,
            promise: reliability::read(fields.optional_section("reliability")?)?,
            memory_rule: capacity_rule::read(fields.optional_section("capacity")?)?,
        })
    }
}
