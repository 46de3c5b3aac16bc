//! `check`: runs both engines on a scenario and compares everything they tell, step by step.

use std::path::PathBuf;

use crate::answer::CheckQuestion;
use crate::cli::failure::Failure;
use crate::cli::flags::load::LoadFlags;
use crate::cli::terminal::color::ColorFlags;
use crate::cli::terminal::{Terminal, screen};

/// Run the fast and the readable engine on a scenario and compare them, event by event; of a fleet both of its forms
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The scenario file (TOML)
    scenario: PathBuf,
    #[command(flatten)]
    changes: LoadFlags,
}

/// Runs the verb.
pub fn run(args: &Args, color: ColorFlags) -> Result<(), Failure> {
    let question = CheckQuestion {
        base: args.changes.base(Some(&args.scenario))?,
    };
    let terminal = Terminal {
        is_quiet: false,
        shows_progress: false,
        color,
        threads: None,
    };
    Ok(screen::print(&question.answer(&terminal.control())?.to_text())?)
}
