//! `check`: runs both engines on a scenario and compares everything they tell, step by step.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::bounds::Bounds;
use super::failure::Failure;
use super::interrupt;
use super::progress::Progress;
use super::scenario::ScenarioFlags;
use super::screen;
use super::simulate::replay;
use super::watched_source::WatchedSource;
use crate::config::Workload;
use crate::engine::{self, Heard, Server, Transcript};
use crate::study::Input;
use crate::workload::trace;

/// Run the fast and the readable engine on a scenario and compare them, event by event
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The scenario file (TOML)
    scenario: PathBuf,
    #[command(flatten)]
    changes: ScenarioFlags,
}

/// How much is handed over at once.
const CHUNK: usize = 4096;
/// Chunks that one engine may be ahead of the other.
const AHEAD: usize = 16;

/// Runs the verb.
pub fn run(args: &Args) -> Result<(), Failure> {
    let input = args.changes.load(Some(&args.scenario))?;
    interrupt::listen();
    let scenario = &input.scenario;
    let progress = Progress::start(None, false);
    if let Some(policy) = engine::without_fast(&scenario.server.policy) {
        return tell_of_one(&input, policy, &progress);
    }
    let (outcome, done) = thread::scope(|scope| {
        let (slow, hear_slow) = sync_channel(AHEAD);
        let (fast, hear_fast) = sync_channel(AHEAD);
        let progress = &progress;
        let input = &input;
        let slow = scope.spawn(move || {
            tell(
                input,
                engine::reference(&scenario.server, scenario.step_time()),
                slow,
                progress,
            )
        });
        let fast = scope.spawn(move || {
            tell(
                input,
                engine::fast(&scenario.server, scenario.step_time()),
                fast,
                progress,
            )
        });
        let outcome = compare(&hear_slow, &hear_fast);
        // An engine that still tells must learn that nobody listens.
        drop((hear_slow, hear_fast));
        let done = [slow, fast].map(|engine| engine.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        (outcome, done)
    });
    if interrupt::happened() {
        return Err(Failure::Interrupted);
    }
    match outcome {
        Outcome::Different(difference) => Err(Failure::Runtime(difference)),
        Outcome::Equal { events, steps } => {
            for engine in done {
                engine?;
            }
            screen::print(&format!(
                "equal: both engines tell the same {events} events and {steps} steps\n"
            ))?;
            Ok(())
        }
    }
}

/// Runs the readable engine where there is no other to compare it with.
fn tell_of_one(input: &Input, policy: &str, progress: &Progress) -> Result<(), Failure> {
    let scenario = &input.scenario;
    let (listener, hear) = sync_channel(AHEAD);
    let (told, (events, steps)) = thread::scope(|scope| {
        let engine = engine::reference(&scenario.server, scenario.step_time());
        let counts = scope.spawn(move || count(&hear));
        (
            tell(input, engine, listener, progress),
            counts.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
        )
    });
    if interrupt::happened() {
        return Err(Failure::Interrupted);
    }
    told?;
    screen::print(&format!(
        "one engine: {policy} has no fast engine, so there is nothing to compare; the readable engine tells {events} \
         events and {steps} steps\n"
    ))?;
    Ok(())
}

/// How many events and how many steps are heard.
fn count(heard: &Receiver<Vec<Heard>>) -> (u64, u64) {
    let mut counts = (0, 0);
    for heard in heard.iter().flatten() {
        match heard {
            Heard::Step { .. } => counts.1 += 1,
            Heard::Event { .. } => counts.0 += 1,
        }
    }
    counts
}

enum Outcome {
    Equal { events: u64, steps: u64 },
    Different(String),
}

fn compare(slow: &Receiver<Vec<Heard>>, fast: &Receiver<Vec<Heard>>) -> Outcome {
    let mut slow = slow.iter().flatten();
    let mut fast = fast.iter().flatten();
    let (mut events, mut steps) = (0, 0);
    loop {
        match (slow.next(), fast.next()) {
            (None, None) => return Outcome::Equal { events, steps },
            (slow, fast) if slow == fast => match slow {
                Some(Heard::Step { .. }) => steps += 1,
                _ => events += 1,
            },
            (slow, fast) => {
                let shown =
                    |heard: Option<Heard>| heard.map_or_else(|| "nothing more".to_owned(), |it| format!("{it:?}"));
                return Outcome::Different(format!(
                    "different: after {events} events and {steps} steps that are equal\n  the readable engine tells \
                     {}\n  the fast engine tells {}\n = help: this is a bug in tailcast; please report it with the \
                     scenario",
                    shown(slow),
                    shown(fast)
                ));
            }
        }
    }
}

fn tell(input: &Input, engine: Server, listener: SyncSender<Vec<Heard>>, progress: &Progress) -> Result<(), Failure> {
    let mut chunks = Chunks {
        chunk: Vec::with_capacity(CHUNK),
        listener,
    };
    let mut engine = input.scenario.front_end.before(engine);
    let mut transcript = Transcript(|heard| chunks.add(heard));
    let bounds = Bounds::default();
    let scenario = &input.scenario;
    match &scenario.workload {
        Workload::Synthetic(workload) => {
            let mut source = WatchedSource::new(workload.source(scenario.seed), progress, &bounds);
            replay(&mut engine, &mut source, &mut transcript)?;
        }
        Workload::Trace(workload) => {
            let opened =
                trace::open_seeded(workload, scenario.seed).map_err(|error| Failure::Input(error.to_string()))?;
            let mut source = WatchedSource::new(opened, progress, &bounds);
            replay(&mut engine, &mut source, &mut transcript)?;
        }
    }
    chunks.hand_over();
    Ok(())
}

/// Hands over what it is given, many at once.
struct Chunks {
    chunk: Vec<Heard>,
    listener: SyncSender<Vec<Heard>>,
}

impl Chunks {
    fn add(&mut self, heard: Heard) {
        self.chunk.push(heard);
        if self.chunk.len() == CHUNK {
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        // Once a difference is found nobody listens any more.
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK));
        let _ = self.listener.send(chunk);
    }
}
