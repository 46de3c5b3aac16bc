//! Ctrl-C: the first one ends a run early, with the results so far; the second one ends the process.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use crate::report::remove_unfinished;

static STOP: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// What the first Ctrl-C sets.
pub fn stop() -> Arc<AtomicBool> {
    Arc::clone(STOP.get_or_init(Arc::default))
}

/// Starts to listen.
pub fn listen() {
    let stop = stop();
    // Without a handler Ctrl-C ends the process at once, which is acceptable too.
    let _ = ctrlc::set_handler(move || {
        if stop.swap(true, Ordering::Relaxed) {
            remove_unfinished();
            process::exit(130);
        }
    });
}
