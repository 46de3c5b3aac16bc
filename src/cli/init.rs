//! `init`: writes a commented scenario to start from.

use std::path::PathBuf;

use super::failure::Failure;
use super::screen;
use crate::report::write_atomically;

const STARTER: &str = include_str!("../../configs/scenarios/starter.toml");

/// Write a commented scenario to start from
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file to write, such as scenario.toml
    file: PathBuf,
    /// Replace the file if it exists
    #[arg(long)]
    force: bool,
}

/// Writes the file.
pub fn run(args: &Args) -> Result<(), Failure> {
    let name = args.file.display();
    // Also a link that leads nowhere.
    if !args.force && args.file.symlink_metadata().is_ok() {
        return Err(Failure::Input(format!(
            "{name} exists already\n = help: give another name, or --force to replace it"
        )));
    }
    write_atomically(&args.file, |file| file.write_all(STARTER.as_bytes())).map_err(|error| {
        Failure::Input(format!(
            "cannot write {name}: {error}\n = help: give a file in a directory that exists and that you may write to"
        ))
    })?;
    screen::note(&format!("wrote {name}; next: tailcast run {name}"));
    Ok(())
}
