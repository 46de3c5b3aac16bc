//! A scenario's servers for clients from outside.

use std::cell::RefCell;
use std::iter::repeat_n;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use super::deliveries::Deliveries;
use super::live_clock::LiveClock;
use super::live_settings::LiveSettings;
use super::live_source::{Command, LiveSource};
use super::shared::Shared;
use crate::study::control::Control;
use crate::study::exposition::live_exposition;
use crate::study::input::Input;
use crate::study::sending::SimulationError;
use crate::study::simulate::{Run, run_for};

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
