//! `batching.profile`: which release of vLLM the defaults are of.

use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::fields::Fields;
pub use crate::policy::vllm::NamedProfile as Named;

/// Reads the profile, on which other sections depend too.
pub fn read(fields: &Fields<'_>) -> Result<Named, Diagnostic> {
    fields.read(Named::read)
}
