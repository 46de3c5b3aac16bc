//! `check`: whether both engines, or both fleets, tell the same of a scenario, event by event.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::problem::Problem;
use crate::config::Diagnostic;
use crate::engine::{self, Heard, Transcript};
use crate::study::{
    Base, Bounds, Control, Input, SimulationError, Watched, replay_readable_fleet, replay_servers, replay_workload,
};

/// Do the fast and the readable engine tell the same?
#[derive(Clone, Debug, Default)]
pub struct CheckQuestion {
    /// The scenario that both engines run, or that both fleets do.
    pub base: Base,
}

/// They do, or there is only one: what was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckAnswer {
    /// The policy, if it has no fast engine, so that the readable one was compared with nothing.
    pub without_fast: Option<&'static str>,
    /// Events of requests.
    pub events: u64,
    /// Steps that the engines tell of; of a fleet, which tells those of each server by itself, none are compared.
    pub steps: u64,
    /// Whether there are many servers.
    pub is_fleet: bool,
}

/// Which of the two tells.
#[derive(Clone, Copy)]
enum Form {
    Readable,
    Fast,
}

/// How much is handed over at once.
const CHUNK: usize = 4096;
/// Chunks that one engine may be ahead of the other.
const AHEAD: usize = 16;

impl CheckQuestion {
    /// Runs both engines side by side; a difference between them is a problem. Where there is only the readable one, it
    /// runs alone.
    pub fn answer(&self, control: &Control) -> Result<CheckAnswer, Problem> {
        let input = self.base.load()?;
        control.audience.begin("requests", None);
        let is_fleet = input.scenario.operation.fleet.is_some();
        let told = match engine::without_fast(&input.scenario.deployment.server) {
            Some(policy) if !is_fleet => tell_of_one(&input, policy, control),
            // A fleet has both forms whatever its servers are.
            _ => tell_of_both(&input, control),
        };
        control.audience.end();
        if control.is_stopped() {
            return Err(Problem::interrupted());
        }
        told
    }
}

fn tell_of_both(input: &Input, control: &Control) -> Result<CheckAnswer, Problem> {
    let (outcome, done) = thread::scope(|scope| {
        let (readable, hear_readable) = sync_channel(AHEAD);
        let (fast, hear_fast) = sync_channel(AHEAD);
        let readable = scope.spawn(move || tell_in_chunks(input, Form::Readable, readable, control));
        let fast = scope.spawn(move || tell_in_chunks(input, Form::Fast, fast, control));
        let outcome = compare(&hear_readable, &hear_fast);
        // An engine that still tells must learn that nobody listens.
        drop((hear_readable, hear_fast));
        let done =
            [readable, fast].map(|engine| engine.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        (outcome, done)
    });
    let equal = outcome?;
    for engine in done {
        engine?;
    }
    Ok(CheckAnswer {
        is_fleet: input.scenario.operation.fleet.is_some(),
        ..equal
    })
}

fn tell_of_one(input: &Input, policy: &'static str, control: &Control) -> Result<CheckAnswer, Problem> {
    let mut counted = CheckAnswer {
        without_fast: Some(policy),
        ..CheckAnswer::default()
    };
    tell(input, Form::Readable, |heard| counted.count(&heard), control)?;
    Ok(counted)
}

impl CheckAnswer {
    /// Whether both engines agree, as one line of text.
    pub fn to_text(&self) -> String {
        let Self { events, steps, .. } = self;
        if let Some(policy) = self.without_fast {
            return format!(
                "one engine: {policy} has no fast engine, so there is nothing to compare; the readable engine tells \
                 {events} events and {steps} steps\n"
            );
        }
        if self.is_fleet {
            return format!("equal: the fast and the readable fleet tell the same {events} events\n");
        }
        format!("equal: both engines tell the same {events} events and {steps} steps\n")
    }

    fn count(&mut self, heard: &Heard) {
        match heard {
            Heard::Step { .. } => self.steps += 1,
            Heard::Event { .. } => self.events += 1,
        }
    }
}

fn compare(readable: &Receiver<Vec<Heard>>, fast: &Receiver<Vec<Heard>>) -> Result<CheckAnswer, Problem> {
    let mut readable = readable.iter().flatten();
    let mut fast = fast.iter().flatten();
    let mut equal = CheckAnswer::default();
    loop {
        match (readable.next(), fast.next()) {
            (None, None) => return Ok(equal),
            (Some(readable), Some(fast)) if readable == fast => equal.count(&readable),
            (readable, fast) => return Err(difference(equal, readable, fast)),
        }
    }
}

fn difference(equal: CheckAnswer, readable: Option<Heard>, fast: Option<Heard>) -> Problem {
    let CheckAnswer { events, steps, .. } = equal;
    let shown = |heard: Option<Heard>| heard.map_or_else(|| "nothing more".to_owned(), |it| format!("{it:?}"));
    let message = format!(
        "different: after {events} events and {steps} steps that are equal\n  the readable engine tells {}\n  the fast \
         engine tells {}",
        shown(readable),
        shown(fast)
    );
    let help = "this is a bug in tailcast; please report it with the scenario";
    let problem = Problem::of_machine(message);
    Problem {
        diagnostic: Diagnostic::help(problem.diagnostic, help),
        ..problem
    }
}

/// Runs one of the two on the scenario, and has `hear` listen to all that it tells.
fn tell(input: &Input, form: Form, hear: impl FnMut(Heard), control: &Control) -> Result<(), SimulationError> {
    let scenario = &input.scenario;
    let (deployment, seed) = (&scenario.deployment, scenario.seed);
    let (control, bounds) = (control.unheard(), Bounds::default());
    let mut watch = Watched::new(&control, &bounds);
    let mut transcript = Transcript(hear);
    let make = match (&scenario.operation.fleet, form) {
        (Some(fleet), Form::Readable) => {
            return replay_readable_fleet(scenario, fleet, seed, &mut transcript, &mut watch);
        }
        (Some(_), Form::Fast) => return replay_servers(scenario, seed, &mut transcript, &mut watch).map(drop),
        (None, Form::Readable) => engine::reference,
        (None, Form::Fast) => engine::fast,
    };
    let engine = make(&deployment.server, scenario.step_time());
    let mut engine = deployment.front_end.before(engine).fresh(deployment.fresh);
    replay_workload(scenario, seed, &mut engine, &mut transcript, &mut watch).map(drop)
}

fn tell_in_chunks(
    input: &Input,
    form: Form,
    listener: SyncSender<Vec<Heard>>,
    control: &Control,
) -> Result<(), SimulationError> {
    let mut chunks = Chunks {
        chunk: Vec::with_capacity(CHUNK),
        listener,
    };
    tell(input, form, |heard| chunks.add(heard), control)?;
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
