//! A line on the terminal that says how far a long run has come.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Shorter runs show nothing.
const QUIET: Duration = Duration::from_secs(1);
const BETWEEN_UPDATES: Duration = Duration::from_millis(200);

/// The line while it is shown.
pub struct ProgressLine(Option<(Sender<()>, JoinHandle<()>)>);

/// What is counted, and how much of it there will be.
#[derive(Clone, Copy)]
struct Work {
    unit: &'static str,
    total: Option<u64>,
    started: Instant,
}

impl ProgressLine {
    /// Shows how many `unit`s of `total` are `done`, if stderr is a terminal.
    pub fn start(done: Arc<AtomicU64>, unit: &'static str, total: Option<u64>) -> Self {
        Self(io::stderr().is_terminal().then(|| {
            let (stop, stopped) = channel();
            let work = Work {
                unit,
                total,
                started: Instant::now(),
            };
            (stop, thread::spawn(move || work.show(&done, &stopped)))
        }))
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.0.take() {
            drop(stop);
            let _ = thread.join();
        }
    }
}

impl Work {
    fn show(self, done: &AtomicU64, stopped: &Receiver<()>) {
        let mut wait = QUIET;
        let mut shown = false;
        while stopped.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
            wait = BETWEEN_UPDATES;
            shown = true;
            let text = self.line(done.load(Ordering::Relaxed), self.started.elapsed());
            let _ = write!(io::stderr().lock(), "\r\u{1b}[K{text}");
        }
        if shown {
            let _ = write!(io::stderr().lock(), "\r\u{1b}[K");
        }
    }

    fn line(self, done: u64, elapsed: Duration) -> String {
        let Self { unit, total, .. } = self;
        let per_s = done as f64 / elapsed.as_secs_f64();
        let Some(total) = total else {
            return format!("{done} {unit} · {}/s", short(per_s));
        };
        let share = 100.0 * done as f64 / total.max(1) as f64;
        let text = format!("{done} of {total} {unit} ({share:.0} %) · {}/s", short(per_s));
        if done == 0 {
            return text;
        }
        let left = total.saturating_sub(done) as f64 / per_s;
        format!("{text} · {} left", time(left))
    }
}

/// A rate with about two digits.
fn short(per_s: f64) -> String {
    match per_s {
        rate if rate >= 1e6 => format!("{:.1}M", rate / 1e6),
        rate if rate >= 1e4 => format!("{:.0}k", rate / 1e3),
        rate if rate >= 10.0 => format!("{rate:.0}"),
        rate => format!("{rate:.1}"),
    }
}

fn time(seconds: f64) -> String {
    match seconds {
        long if long >= 5_400.0 => format!("{:.1} h", long / 3_600.0),
        long if long >= 90.0 => format!("{:.0} min", long / 60.0),
        short => format!("{:.0} s", short.ceil()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_fast_it_goes_and_how_long_it_will_take() {
        let work = Work {
            unit: "runs",
            total: Some(500),
            started: Instant::now(),
        };
        let line = work.line(100, Duration::from_secs(4));
        assert_eq!(line, "100 of 500 runs (20 %) · 25/s · 16 s left");
        assert_eq!(work.line(0, Duration::from_secs(1)), "0 of 500 runs (0 %) · 0.0/s");
        let endless = Work { total: None, ..work };
        let line = endless.line(5_000_000, Duration::from_secs(2));
        assert_eq!(line, "5000000 runs · 2.5M/s");
    }
}
