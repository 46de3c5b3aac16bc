//! `init`: writes a commented scenario to start from.

use std::io::Write;
use std::path::PathBuf;

use crate::answer::{InitQuestion, Problem};
use crate::cli::failure::Failure;
use crate::cli::terminal::screen;
use crate::config::Diagnostic;
use crate::report::{AtomicFile, is_standard_output};

/// Write a commented scenario to start from
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file to write, such as scenario.toml
    file: PathBuf,
    /// The model to serve: a name from `tailcast models`
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// The GPU to serve it on: a name from `tailcast gpus`
    #[arg(long, value_name = "NAME")]
    gpu: Option<String>,
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
    let usual = InitQuestion::default();
    let question = InitQuestion {
        model: args.model.clone().unwrap_or(usual.model),
        gpu: args.gpu.clone().unwrap_or(usual.gpu),
    };
    let text = question.answer()?;
    let mut file = AtomicFile::create(&args.file).map_err(|error| {
        Diagnostic::new(format!("cannot write {name}: {error}"))
            .help("give a file in a directory that exists and that you may write to")
    })?;
    // From here on it is the disk that is to blame.
    let written = file.write_all(text.as_bytes()).and_then(|()| file.keep());
    written.map_err(|error| Problem::cannot_write(&args.file, &error))?;
    if is_standard_output(&args.file) {
        return Ok(());
    }
    screen::note(&format!("wrote {name}; next: tailcast run {name}"));
    Ok(())
}
