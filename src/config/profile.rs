//! `batching.profile`: which release of vLLM the defaults are of.

use super::diagnostic::Diagnostic;
use super::fields::Fields;
pub use crate::policy::vllm::NamedProfile as Named;

/// Reads the profile, on which other sections depend too.
pub fn read(fields: &Fields<'_>) -> Result<Named, Diagnostic> {
    fields.read(Named::read)
}
