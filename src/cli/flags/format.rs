//! How lists are printed.

use clap::ValueEnum;

/// How to print a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned columns
    Text,
    /// A JSON array
    Json,
}
