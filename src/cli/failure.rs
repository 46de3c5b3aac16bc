//! How a verb can end other than well, and the exit code of each way.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use super::color::ColorFlags;
use super::screen;
use crate::config::{Diagnostic, Problem};

/// Why a verb did not do what it was asked to.
#[derive(Debug)]
pub enum Failure {
    /// Something went wrong that the input is not to blame for.
    Runtime(String),
    /// The command line, a scenario, a trace or a catalogue is wrong.
    Input(String),
    /// The model does not fit into the GPU's memory.
    Infeasible(String),
    /// A service level objective is missed; the results say which.
    ObjectiveMissed,
    /// The user stopped the run.
    Interrupted,
    /// Whoever reads our output has read enough.
    BrokenPipe,
}

impl Failure {
    /// A file could not be written.
    pub fn cannot_write(path: &Path, error: &io::Error) -> Self {
        Self::Runtime(format!("cannot write {}: {error}", path.display()))
    }

    /// Says what it is about.
    pub fn about(self, what: &str) -> Self {
        let said = |message: String| format!("{what}: {message}");
        match self {
            Self::Runtime(message) => Self::Runtime(said(message)),
            Self::Input(message) => Self::Input(said(message)),
            Self::Infeasible(message) => Self::Infeasible(said(message)),
            other => other,
        }
    }

    /// Tells the user, and gives the exit code.
    pub fn report(&self, color: ColorFlags) -> ExitCode {
        let message = match self {
            Self::Runtime(message) | Self::Input(message) | Self::Infeasible(message) => message,
            Self::Interrupted => "interrupted",
            Self::ObjectiveMissed | Self::BrokenPipe => return self.code(),
        };
        screen::error(message, color.on_stderr());
        self.code()
    }

    fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Runtime(_) => 1,
            Self::Input(_) => 2,
            Self::Infeasible(_) => 3,
            Self::ObjectiveMissed => 99,
            Self::Interrupted => 130,
            // As a shell reports a process that SIGPIPE ended.
            Self::BrokenPipe => 141,
        })
    }
}

impl From<Diagnostic> for Failure {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Input(diagnostic.to_string())
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Invalid(diagnostic) => Self::from(*diagnostic),
            Problem::DoesNotFit(shortage) => Self::Infeasible(shortage.to_string()),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::BrokenPipe
        } else {
            Self::Runtime(error.to_string())
        }
    }
}

/// Prints what clap has to say: help and version with exit code 0, a usage error with 2.
pub fn of_usage(error: &clap::Error) -> ExitCode {
    // If nobody listens, there is nobody to tell.
    let _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}
