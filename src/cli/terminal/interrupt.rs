//! Signals that end a process: the first one ends a run early, with the results so far; the second one ends the
//! process. Neither leaves unfinished files.

use std::process;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use crate::report::remove_unfinished;

static STOP: OnceLock<Arc<AtomicBool>> = OnceLock::new();
static IS_LISTENING: AtomicBool = AtomicBool::new(false);
/// The exit code of a run that was stopped: 128 and the number of the signal, as shells report a process that it ended.
static CODE: AtomicU8 = AtomicU8::new(OF_CTRL_C);

const OF_CTRL_C: u8 = 130;

/// What the first signal sets.
pub fn stop() -> Arc<AtomicBool> {
    Arc::clone(STOP.get_or_init(Arc::default))
}

/// The exit code of whoever was stopped: 130 by Ctrl-C, 143 if asked to terminate, 129 if the terminal was closed.
pub fn exit_code() -> u8 {
    CODE.load(Ordering::Relaxed)
}

/// Starts to listen, unless somebody does.
pub fn listen() {
    if !IS_LISTENING.swap(true, Ordering::Relaxed) {
        // Without a handler a signal ends the process at once, which is acceptable too.
        let _ = install();
    }
}

/// A signal has come, which makes `code` the exit code.
fn heed(code: u8) {
    CODE.store(code, Ordering::Relaxed);
    if stop().swap(true, Ordering::Relaxed) {
        remove_unfinished();
        process::exit(code.into());
    }
}

#[cfg(unix)]
fn install() -> std::io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;
    let mut wanted = vec![SIGINT, SIGTERM];
    if !is_ignored(SIGHUP) {
        wanted.push(SIGHUP);
    }
    let mut signals = Signals::new(wanted)?;
    let wait = move || {
        for signal in signals.forever() {
            heed(128 + u8::try_from(signal).unwrap_or(OF_CTRL_C - 128));
        }
    };
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(wait)
        .map(drop)
}

/// Whether a signal was to be ignored when the process started, as `nohup` asks for it. Only Linux tells; elsewhere the
/// answer is yes, so that nobody is stopped against their will.
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok());
    mask.is_none_or(|mask| mask >> (signal - 1) & 1 == 1)
}

#[cfg(not(unix))]
fn install() -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(|| heed(OF_CTRL_C))
}
