//! `init`: writes a commented scenario to start from.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use super::failure::Failure;
use super::screen;

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
    let mut options = OpenOptions::new();
    options.write(true);
    if args.force {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    let written = options
        .open(&args.file)
        .and_then(|mut file| file.write_all(STARTER.as_bytes()));
    match written {
        Ok(()) => {
            screen::note(&format!("wrote {name}; next: tailcast run {name}"));
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(Failure::Input(format!(
            "{name} exists already\n = help: give another name, or --force to replace it"
        ))),
        Err(error) => Err(Failure::Input(format!(
            "cannot write {name}: {error}\n = help: give a file in a directory that exists and that you may write to"
        ))),
    }
}
