//! Why there is no answer, or only a part of one.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::Path;

use crate::config::{self, Diagnostic};
use crate::study::{SimulationError, Stopped};

/// Why there is no answer: what went wrong, where, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Who is to blame.
    pub blame: Blame,
    /// What to say.
    pub diagnostic: Diagnostic,
}

/// Who is to blame for a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The question, a scenario, a trace or a catalogue is wrong.
    Input,
    /// The model does not fit into the GPU's memory.
    Memory,
    /// The machine that simulates: a disk is full, threads cannot be started, two engines disagree.
    Machine,
    /// Nobody: whoever asked stopped it.
    Stop,
}

impl Problem {
    /// The machine that simulates is to blame.
    pub fn of_machine(message: impl Into<String>) -> Self {
        Self {
            blame: Blame::Machine,
            diagnostic: Diagnostic::new(message),
        }
    }

    /// A file could not be written.
    pub fn cannot_write(path: &Path, error: &io::Error) -> Self {
        Self::of_machine(format!("cannot write {}: {error}", path.display()))
    }

    /// Whoever asked stopped it.
    pub fn interrupted() -> Self {
        Self {
            blame: Blame::Stop,
            diagnostic: Diagnostic::new("interrupted"),
        }
    }

    /// Says what it is about.
    #[must_use]
    pub fn about(self, what: &str) -> Self {
        if self.blame == Blame::Stop {
            return self;
        }
        Self {
            diagnostic: self.diagnostic.about(what),
            ..self
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.diagnostic.fmt(formatter)
    }
}

impl Error for Problem {}

impl From<Diagnostic> for Problem {
    fn from(diagnostic: Diagnostic) -> Self {
        Self {
            blame: Blame::Input,
            diagnostic,
        }
    }
}

impl From<config::NoScenario> for Problem {
    fn from(problem: config::NoScenario) -> Self {
        let blame = match problem {
            config::NoScenario::Invalid(_) => Blame::Input,
            config::NoScenario::DoesNotFit(_) => Blame::Memory,
        };
        Self {
            blame,
            diagnostic: problem.into(),
        }
    }
}

impl From<SimulationError> for Problem {
    fn from(error: SimulationError) -> Self {
        Diagnostic::from(error).into()
    }
}

impl From<Stopped> for Problem {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Interrupted => Self::interrupted(),
            Stopped::Invalid(label, problem) if label.is_empty() => problem.into(),
            Stopped::Invalid(label, problem) => Self::from(problem).about(&label),
            Stopped::Failed(diagnostic) => diagnostic.into(),
        }
    }
}
