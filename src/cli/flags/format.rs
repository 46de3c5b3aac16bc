//! How facts and lists are printed.

use clap::ValueEnum;

/// How to print facts or a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned columns
    Text,
    /// JSON
    Json,
}
