//! `init`: writes a commented scenario to start from.

use std::path::PathBuf;

use crate::answer::starter;
use crate::cli::failure::Failure;
use crate::cli::terminal::screen;
use crate::config::Diagnostic;
use crate::report::{is_standard_output, write_atomically};

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
        let message = format!("{name} exists already");
        return Err(Diagnostic::new(message)
            .help("give another name, or --force to replace it")
            .into());
    }
    write_atomically(&args.file, |file| file.write_all(starter().as_bytes())).map_err(|error| {
        Diagnostic::new(format!("cannot write {name}: {error}"))
            .help("give a file in a directory that exists and that you may write to")
    })?;
    if is_standard_output(&args.file) {
        return Ok(());
    }
    screen::note(&format!("wrote {name}; next: tailcast run {name}"));
    Ok(())
}
