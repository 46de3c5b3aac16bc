//! Whoever waits for an answer at the terminal: hears warnings and progress, and stops it by Ctrl-C.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::progress::ProgressLine;
use super::{command_line, interrupt, memory, screen};
use crate::answer::{Audience, Control, MemoryLimit};
use crate::cli::terminal::color::ColorFlags;

/// What is wanted of the terminal.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    /// Whether nothing but results is wanted.
    pub is_quiet: bool,
    /// Whether a line may say how far a long run has come.
    pub shows_progress: bool,
    /// When to colour.
    pub color: ColorFlags,
    /// Threads for several runs; `None` for one a processor.
    pub threads: Option<u32>,
}

impl Terminal {
    /// Keeps an answer in touch with it.
    pub fn control(self) -> Control {
        Control {
            stop: interrupt::stop(),
            audience: Arc::new(Watching {
                terminal: self,
                done: Arc::default(),
                line: Mutex::default(),
            }),
            threads: self.threads,
            memory: Arc::new(MemoryLimit::new(memory::limit_bytes())),
            command: command_line::of_this_process(),
        }
    }
}

/// Hears of the work for it.
struct Watching {
    terminal: Terminal,
    done: Arc<AtomicU64>,
    line: Mutex<Option<ProgressLine>>,
}

impl Watching {
    fn show(&self, line: Option<ProgressLine>) {
        *self.line.lock().unwrap_or_else(PoisonError::into_inner) = line;
    }
}

impl Audience for Watching {
    fn warn(&self, warning: &str) {
        if !self.terminal.is_quiet {
            screen::warn(warning, self.terminal.color.on_stderr());
        }
    }

    fn note(&self, note: &str) {
        if !self.terminal.is_quiet {
            screen::note(note);
        }
    }

    fn tell(&self, said: &str) {
        screen::note(said);
    }

    fn begin(&self, unit: &'static str, total: Option<u64>) {
        interrupt::listen();
        self.done.store(0, Ordering::Relaxed);
        if self.terminal.shows_progress && !self.terminal.is_quiet {
            self.show(Some(ProgressLine::start(Arc::clone(&self.done), unit, total)));
        }
    }

    fn count(&self, more: u64) {
        self.done.fetch_add(more, Ordering::Relaxed);
    }

    fn end(&self) {
        self.show(None);
    }
}
