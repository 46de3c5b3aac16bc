//! How a verb can end other than well, and the exit code of each way.

use std::io;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};

use super::terminal::color::ColorFlags;
use super::terminal::{interrupt, screen};
use crate::answer::{Blame, Problem};
use crate::config::{self, Diagnostic, on_one_line};

/// Why a verb did not do what it was asked to.
#[derive(Debug)]
pub enum Failure {
    /// There is no answer, or only a part of one.
    Problem(Box<Problem>),
    /// A service level objective is missed; the results say which.
    ObjectiveMissed,
    /// Whoever reads our output has read enough.
    BrokenPipe,
}

impl Failure {
    /// The user stopped the run.
    pub fn interrupted() -> Self {
        Problem::interrupted().into()
    }

    /// Tells the user, and gives the exit code.
    pub fn report(&self, color: ColorFlags) -> ExitCode {
        if let Self::Problem(problem) = self {
            screen::error(&problem.to_string(), color.on_stderr());
        }
        self.code()
    }

    fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Problem(problem) => match problem.blame {
                Blame::Machine => 1,
                Blame::Input => 2,
                Blame::Memory => 3,
                Blame::Stop => interrupt::exit_code(),
            },
            Self::ObjectiveMissed => 99,
            // As a shell reports a process that SIGPIPE ended.
            Self::BrokenPipe => 141,
        })
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl From<Diagnostic> for Failure {
    fn from(diagnostic: Diagnostic) -> Self {
        Problem::from(diagnostic).into()
    }
}

impl From<config::NoScenario> for Failure {
    fn from(problem: config::NoScenario) -> Self {
        Problem::from(problem).into()
    }
}

/// Of what is printed: files have problems of their own.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::BrokenPipe
        } else {
            Problem::of_machine(format!("cannot write to stdout: {error}")).into()
        }
    }
}

/// Prints what clap has to say: help and version with exit code 0, a usage error with 2.
pub fn of_usage(mut error: clap::Error) -> ExitCode {
    make_printable(&mut error);
    // If nobody listens, there is nobody to tell.
    let _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// Rewrites what the error repeats of the command line.
fn make_printable(error: &mut clap::Error) {
    let shown = |text: &String| on_one_line(text).into_owned();
    let repeated: Vec<(ContextKind, ContextValue)> = error
        .context()
        .filter_map(|(kind, value)| match value {
            ContextValue::String(text) => Some((kind, ContextValue::String(shown(text)))),
            ContextValue::Strings(texts) => Some((kind, ContextValue::Strings(texts.iter().map(shown).collect()))),
            _ => None,
        })
        .collect();
    let mut is_changed = false;
    for (kind, value) in repeated {
        is_changed |= error.get(kind) != Some(&value);
        error.insert(kind, value);
    }
    if is_changed {
        // It repeats the same once more, between colours.
        error.remove(ContextKind::Suggested);
    }
}
