//! How whoever asks a question stays in touch while it is answered: stops it, and hears how far it has come.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::fleet::MemoryLimit;

/// Hears what is to be known before an answer is there. Answers come from several threads at once.
pub trait Audience: Send + Sync {
    /// Something that a reader of the answer must know.
    fn warn(&self, _warning: &str) {}

    /// Something that is good to know.
    fn note(&self, _note: &str) {}

    /// Something that must be said even to those who want no warnings: a part of the answer is missing, or it goes on
    /// from an earlier one.
    fn tell(&self, _said: &str) {}

    /// All checks have passed, and the work begins: so many `unit`s in all, if that is known.
    fn begin(&self, _unit: &'static str, _total: Option<u64>) {}

    /// So many more are done.
    fn count(&self, _more: u64) {}

    /// The work is done; more of it may begin.
    fn end(&self) {}
}

/// An audience that hears of no warnings and no progress.
struct Nobody;

impl Audience for Nobody {}

/// What goes with every question. Clones share the same stop and the same audience.
#[derive(Clone)]
pub struct Control {
    /// Once it is set, runs end early and the answer is what there is so far, if that says anything.
    pub stop: Arc<AtomicBool>,
    /// Who hears of warnings and progress.
    pub audience: Arc<dyn Audience>,
    /// Threads for several runs; `None` for one a processor.
    pub threads: Option<u32>,
    /// How much memory the requests in the servers of all runs may take.
    pub memory: Arc<MemoryLimit>,
    /// What would ask the same again, for the foot of a page.
    pub command: String,
}

impl Default for Control {
    fn default() -> Self {
        Self {
            stop: Arc::default(),
            audience: Arc::new(Nobody),
            threads: None,
            memory: Arc::default(),
            command: String::new(),
        }
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Control");
        shown.field("stop", &self.stop).field("threads", &self.threads);
        shown.field("command", &self.command).finish_non_exhaustive()
    }
}

impl Control {
    /// A control with this stop and these threads whose work nobody hears of: for a part that is not counted.
    #[must_use]
    pub fn unheard(&self) -> Self {
        Self {
            audience: Arc::new(Nobody),
            ..self.clone()
        }
    }

    /// Whether whoever asked wants no more.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
