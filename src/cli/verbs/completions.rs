//! `completions`: what a shell needs to complete the command line.

use clap::Command;
use clap_complete::{Shell, generate};

use crate::cli::failure::Failure;
use crate::cli::terminal::screen;

/// Print completions for a shell
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Runs the verb; `command` is the whole command line.
pub fn run(args: &Args, mut command: Command) -> Result<(), Failure> {
    let mut script = Vec::new();
    let name = command.get_name().to_owned();
    generate(args.shell, &mut command, name, &mut script);
    Ok(screen::print_own(&String::from_utf8_lossy(&script))?)
}
