//! From TOML text to domain values that are valid by construction, with errors that show the place and the remedy.
//!
//! A scenario is read in layers: a file, then the flags of the command line. Each value knows where it was written, so that every
//! message can show its line. What is left out takes a default that the ledger explains.

mod batching;
mod diagnostic;
mod document;
mod fields;
mod key;
mod load;
mod quantity;
mod text;

pub use diagnostic::{Diagnostic, Snippet};
pub use load::{Flag, Layers};
