//! `help`: what `--help` says, of everything or of one verb.

use clap::Command;

use super::man::verb_named;
use crate::cli::failure::Failure;
use crate::cli::terminal::screen;

/// Explain everything, or one verb
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The verb to explain
    verb: Option<String>,
}

/// Runs the verb; `command` is the whole command line.
pub fn run(args: &Args, mut command: Command) -> Result<(), Failure> {
    command.build();
    let text = match &args.verb {
        None => command.render_long_help(),
        Some(name) => verb_named(&command, name)?.clone().render_long_help(),
    };
    Ok(screen::print_own(&text.to_string())?)
}
