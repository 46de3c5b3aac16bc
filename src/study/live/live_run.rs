//! A scenario's servers for clients from outside.

use std::cell::RefCell;
use std::iter::repeat_n;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use super::deliveries::Deliveries;
use super::live_clock::LiveClock;
use super::live_source::{Command, LiveSource};
use super::shared::Shared;
use crate::fleet::MemoryLimit;
use crate::study::control::Control;
use crate::study::exposition::live_exposition;
use crate::study::input::Input;
use crate::study::sending::SimulationError;
use crate::study::simulate::{Run, run_for};

/// How a live run goes on and ends.
#[derive(Clone, Debug)]
pub struct LiveSettings {
    /// The model as clients know it.
    pub model: String,
    /// Seconds of simulated time in one of real time.
    pub speed: f64,
    /// Once it is set, the run ends when those who are inside have their answers.
    pub stop: Arc<AtomicBool>,
    /// How long that may take at most [real time].
    pub grace: Duration,
    /// How much memory the requests in the servers may take.
    pub memory: Arc<MemoryLimit>,
}

/// Runs the scenario's servers for whoever sends `commands`, until `settings.stop` is set or all senders are gone. Of
/// the scenario only its servers, their faults and what is let in count: what clients do is theirs.
pub fn run_live(input: &Input, settings: LiveSettings, commands: Receiver<Command>) -> Result<Run, SimulationError> {
    let scenario = &input.scenario;
    let clock = LiveClock::start(settings.speed);
    let deployments = scenario.deployments().into_iter();
    let front_ends = deployments.flat_map(|(deployment, servers)| repeat_n(deployment.front_end, servers as usize));
    let is_fleet = scenario.operation.fleet.is_some();
    let deliveries = Rc::new(RefCell::new(Deliveries::new(clock, front_ends, is_fleet)));
    let exposition = Rc::new(RefCell::new(live_exposition(scenario, &settings.model)));
    let control = Control {
        memory: Arc::clone(&settings.memory),
        ..Control::default()
    };
    let heard = (Rc::clone(&deliveries), Rc::clone(&exposition));
    let mut source = LiveSource::new(commands, clock, heard, settings, Arc::clone(&control.stop));
    let mut listeners = (Shared(Rc::clone(&deliveries)), Shared(exposition));
    let run = run_for(input, &mut source, vec![&mut listeners.0, &mut listeners.1], &control);
    deliveries.borrow_mut().stop();
    run
}
