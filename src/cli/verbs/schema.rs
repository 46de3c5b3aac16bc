//! `schema`: prints the JSON Schema of a scenario.

use crate::cli::failure::Failure;
use crate::cli::terminal::screen;
use crate::config::schema;

/// Print the JSON Schema of a scenario, for editors that check and complete what is written
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Prints the JSON Schema of a scenario.
pub fn run() -> Result<(), Failure> {
    Ok(screen::print(&format!("{:#}\n", schema()))?)
}
