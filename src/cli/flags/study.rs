//! The flags of verbs that make many runs.

use crate::answer::Control;
use crate::cli::terminal::Terminal;
use crate::cli::terminal::color::ColorFlags;

/// Flags of a study.
#[derive(Debug, clap::Args)]
pub struct StudyFlags {
    /// Threads for the runs; by default one a processor
    #[arg(long, value_name = "THREADS", value_parser = clap::value_parser!(u32).range(1..=1024))]
    jobs: Option<u32>,
    /// Print no warnings and no progress
    #[arg(short, long)]
    quiet: bool,
    /// Print no progress
    #[arg(long)]
    no_progress: bool,
}

impl StudyFlags {
    /// How the answer stays in touch with the terminal.
    pub fn control(&self, color: ColorFlags) -> Control {
        Terminal {
            is_quiet: self.quiet,
            shows_progress: !self.no_progress,
            color,
            threads: self.jobs,
        }
        .control()
    }

    /// Threads for the runs; `None` for one a processor.
    pub const fn jobs(&self) -> Option<u32> {
        self.jobs
    }

    /// Whether nothing but results is wanted.
    pub const fn is_quiet(&self) -> bool {
        self.quiet
    }
}
