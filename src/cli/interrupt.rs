//! Ctrl-C: the first one ends a run early, with the results so far; the second one ends the process.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::report::remove_unfinished;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Starts to listen.
pub fn listen() {
    // Without a handler Ctrl-C ends the process at once, which is acceptable too.
    let _ = ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            remove_unfinished();
            process::exit(130);
        }
    });
}

/// Whether the user has asked to stop.
pub fn happened() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}
