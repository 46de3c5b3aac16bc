//! A line on the terminal that says how far a long run has come.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Shorter runs show nothing.
const QUIET: Duration = Duration::from_secs(1);
const BETWEEN_UPDATES: Duration = Duration::from_millis(200);

/// Counts requests, and shows them if there is a terminal to show them on.
pub struct Progress {
    requests: Arc<AtomicU64>,
    line: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// Starts at 0 of `total` requests; shows nothing unless `wanted` and stderr is a terminal.
    pub fn start(total: Option<u64>, wanted: bool) -> Self {
        let requests = Arc::new(AtomicU64::new(0));
        let line = (wanted && io::stderr().is_terminal()).then(|| {
            let (stop, stopped) = channel();
            let requests = Arc::clone(&requests);
            (
                stop,
                thread::spawn(move || show(&requests, total, &stopped)),
            )
        });
        Self { requests, line }
    }

    /// So many more requests have been sent.
    pub fn count(&self, more: u64) {
        self.requests.fetch_add(more, Ordering::Relaxed);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.line.take() {
            drop(stop);
            let _ = thread.join();
        }
    }
}

fn show(requests: &AtomicU64, total: Option<u64>, stopped: &Receiver<()>) {
    let mut wait = QUIET;
    let mut shown = false;
    while stopped.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
        wait = BETWEEN_UPDATES;
        shown = true;
        let sent = requests.load(Ordering::Relaxed);
        let text = match total {
            Some(total) => format!(
                "{sent} of {total} requests ({:.0} %)",
                100.0 * sent as f64 / total as f64
            ),
            None => format!("{sent} requests"),
        };
        let _ = write!(io::stderr().lock(), "\r\u{1b}[K{text}");
    }
    if shown {
        let _ = write!(io::stderr().lock(), "\r\u{1b}[K");
    }
}
