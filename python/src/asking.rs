//! Asks a question on a thread of its own, so that the one that asks can hear Ctrl-C.

use std::panic::resume_unwind;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use pyo3::prelude::*;
use tailcast::answer::{Control, Problem};

use crate::failure::raised;

/// So often Python is asked whether a signal came.
const LOOKS_EVERY: Duration = Duration::from_millis(50);

/// What `work` gives, with the interpreter free meanwhile. A signal whose handler raises stops it, and what was raised
/// is the result.
pub fn ask<T: Send>(
    py: Python<'_>,
    jobs: Option<u32>,
    work: impl FnOnce(&Control) -> Result<T, Problem> + Send,
) -> PyResult<T> {
    let control = Control {
        threads: jobs,
        ..Control::default()
    };
    py.detach(|| watched(&control, work))
}

fn watched<T: Send>(control: &Control, work: impl FnOnce(&Control) -> Result<T, Problem> + Send) -> PyResult<T> {
    let (sender, receiver) = channel();
    let mut signal = None;
    let answer = thread::scope(|scope| {
        let worker = scope.spawn(move || {
            let answer = work(control);
            // Nobody listens after a signal.
            let _ = sender.send(());
            answer
        });
        while let Err(RecvTimeoutError::Timeout) = receiver.recv_timeout(LOOKS_EVERY) {
            if let Err(raised) = look_for_signals() {
                control.stop.store(true, std::sync::atomic::Ordering::Relaxed);
                signal = Some(raised);
                break;
            }
        }
        worker.join()
    });
    match (signal, answer) {
        (Some(raised), _) => Err(raised),
        (None, Ok(answer)) => answer.map_err(|problem| raised(&problem)),
        (None, Err(panic)) => match panic.downcast::<PyErr>() {
            // Python code within the simulation has raised it.
            Ok(raised) => Err(*raised),
            Err(panic) => resume_unwind(panic),
        },
    }
}

#[expect(
    clippy::redundant_closure_for_method_calls,
    reason = "the method alone has but one lifetime"
)]
fn look_for_signals() -> PyResult<()> {
    Python::attach(|py| py.check_signals())
}
