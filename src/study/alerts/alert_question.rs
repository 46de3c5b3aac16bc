//! Which alert rules does a scenario need, and what are they worth?

use std::cell::RefCell;

use super::alert_answer::{AlertAnswer, Detection, FalseAlarms, RuleVerdict, RuleWorth, SimulatedFailure};
use super::alert_rule::AlertRule;
use super::alert_runs::{AlertRun, alert_run};
use super::alert_thresholds::rules;
use super::firings::{Firing, firings};
use crate::config::Flag;
use crate::metrics::ExposedRun;
use crate::study::control::Control;
use crate::study::in_order::{Next, Workers};
use crate::study::input::{Base, Input};
use crate::study::load_dial::LoadDial;
use crate::study::load_kind::LoadKind;
use crate::study::stopped::Stopped;
use crate::units::Span;

/// Which alert rules does a scenario need, and what are they worth?
#[derive(Clone, Copy)]
pub struct AlertQuestion<'a> {
    /// The scenario.
    pub base: &'a Base,
    /// How many healthy runs thresholds come from; as many others are judged, and so many are made of each failure.
    pub seeds: u32,
    /// Seconds between two scrapes; [`AlertQuestion::USUAL_INTERVAL`].
    pub interval: Span,
    /// How many hours a run is made longer to, where its arrivals allow it; [`AlertQuestion::USUAL_HOURS`].
    pub hours: f64,
    /// Who makes the runs.
    pub workers: &'a Workers,
    /// Who may stop them.
    pub control: &'a Control,
}

/// What is simulated of a failure.
struct Failure {
    name: String,
    flags: Vec<Flag>,
    /// Whether it is there from the start.
    from_start: bool,
}

/// What came of a failure.
struct Failed {
    name: String,
    runs: Vec<AlertRun>,
    from_start: bool,
}

/// Runs of more requests take too long.
const MOST_REQUESTS: f64 = 250_000.0;
const SECONDS_PER_HOUR: f64 = 3_600.0;
/// How much more comes in when there is too much.
const OVERLOAD: f64 = 1.5;

impl AlertQuestion<'_> {
    /// Seconds between two scrapes: what Prometheus's own example has.
    pub const USUAL_INTERVAL: Span = Span::from_micros(15_000_000);
    /// Runs of an hour see most of what happens by chance.
    pub const USUAL_HOURS: f64 = 1.0;

    /// Simulates the scenario healthy and failing, and tries the rules on it.
    pub fn answer(&self) -> Result<AlertAnswer, Stopped> {
        let own = self.input(&[])?;
        let has_faults = own.scenario.operation.has_faults();
        let mut flags = Vec::new();
        if has_faults {
            flags.push(flag("fleet.fault=[]"));
        }
        let first = self.run(&self.input(&flags)?, own.scenario.seed)?;
        let mut notes = Vec::new();
        let dial = dial_of(&own);
        let load = dial.as_ref().and_then(|dial| dial.load_of(&own));
        let times = self.times(&first, dial.as_ref());
        if let (Some(dial), Some(load)) = (&dial, load) {
            flags.extend(dial.flags_of_length(load, times));
        }
        let healthy = self.input(&flags)?;
        let (fitted, judged) = self.healthy_runs(&healthy, &mut notes)?;
        let length_s = fitted.iter().map(AlertRun::seconds).fold(f64::INFINITY, f64::min);
        let lengthened = dial.as_ref().zip(load).map(|(dial, load)| (dial, load, times));
        let failures = failures(&own, has_faults, length_s, lengthened, &mut notes);
        let mut failed = Vec::new();
        for failure in failures {
            let Ok(input) = self.input(&failure.flags) else {
                notes.push(format!("{} could not be simulated in this scenario", failure.name));
                continue;
            };
            failed.push(Failed {
                name: failure.name,
                runs: self.runs(&input, 0, self.seeds)?,
                from_start: failure.from_start,
            });
        }
        Ok(self.judge(&healthy, fitted, &judged, &failed, notes))
    }

    /// Thresholds come from the first of these, and false alarms are counted in the others.
    fn healthy_runs(&self, input: &Input, notes: &mut Vec<String>) -> Result<(Vec<AlertRun>, Vec<AlertRun>), Stopped> {
        let fitted = self.runs(input, 0, self.seeds)?;
        if input.is_always_the_same() {
            notes.push(
                "every seed gives the same run: false alarms are counted in the run that the thresholds come from"
                    .to_owned(),
            );
            return Ok((fitted, self.runs(input, 0, 1)?));
        }
        Ok((fitted, self.runs(input, self.seeds, self.seeds)?))
    }

    fn judge(
        &self,
        healthy: &Input,
        fitted: Vec<AlertRun>,
        judged: &[AlertRun],
        failed: &[Failed],
        mut notes: Vec<String>,
    ) -> AlertAnswer {
        let hours = |runs: &[AlertRun]| runs.iter().map(AlertRun::seconds).sum::<f64>() / SECONDS_PER_HOUR;
        let healthy_hours_for_thresholds = hours(&fitted);
        let exposed: Vec<ExposedRun> = fitted.into_iter().map(|run| run.exposed).collect();
        let rules = rules(&exposed, &healthy.slos);
        let worth = rules.into_iter().map(|rule| {
            let count = judged.iter().map(|run| firings(&rule, &run.exposed).len()).sum();
            let false_alarms = FalseAlarms::of(count, hours(judged) * SECONDS_PER_HOUR);
            let detection: Vec<Detection> = failed.iter().map(|one| one.detection(&rule)).collect();
            let verdict = RuleVerdict::on(&false_alarms, &detection);
            RuleWorth {
                rule,
                false_alarms,
                detection,
                verdict,
            }
        });
        let quiet = FalseAlarms::of(0, hours(judged) * SECONDS_PER_HOUR);
        notes.extend(quiet.per_day_at_most.map(|most| {
            format!(
                "no false alarm in {:.1} healthy hours still allows up to {most:.1} a day, with 95 % confidence",
                hours(judged)
            )
        }));
        AlertAnswer {
            scrape_interval_s: self.interval.seconds(),
            healthy_hours_for_thresholds,
            healthy_hours_judged: hours(judged),
            failures: failed.iter().map(Failed::simulated).collect(),
            rules: worth.collect(),
            notes,
        }
    }

    fn input(&self, flags: &[Flag]) -> Result<Input, Stopped> {
        let read = self.base.with(flags);
        read.map_err(|problem| Stopped::Invalid("for the alerts".to_owned(), problem))
    }

    fn run(&self, input: &Input, seed: u64) -> Result<AlertRun, Stopped> {
        alert_run(input, seed, self.interval, &self.control.unheard())
    }

    /// Runs with so many seeds, after the first few.
    fn runs(&self, input: &Input, after: u32, count: u32) -> Result<Vec<AlertRun>, Stopped> {
        let seeds: Vec<u64> = input.seeds(after + count).skip(after as usize).collect();
        let all = RefCell::new(Vec::new());
        let made = self.workers.in_order(
            seeds.len(),
            |number| self.run(input, seeds[number]),
            |_, run| {
                all.borrow_mut().push(run);
                Next::GoOn
            },
        );
        made.map_err(|(_, stopped)| stopped)?;
        Ok(all.into_inner())
    }

    /// How many times as long as the scenario's own the runs are.
    fn times(&self, own: &AlertRun, dial: Option<&LoadDial>) -> u32 {
        if dial.is_none_or(LoadDial::has_one_length) {
            return 1;
        }
        let wanted = (self.hours * SECONDS_PER_HOUR / own.seconds().max(1.0)).ceil();
        let allowed = (MOST_REQUESTS / own.requests().max(1.0)).floor();
        wanted.min(allowed).max(1.0) as u32
    }
}

fn flag(assignment: impl Into<String>) -> Flag {
    Flag::new("alerts", assignment)
}

/// What sets the load of the scenario, if anything does.
fn dial_of(input: &Input) -> Option<LoadDial> {
    let kinds = [LoadKind::Rate, LoadKind::Users, LoadKind::Concurrency];
    let dials = kinds.into_iter().filter_map(|kind| LoadDial::new(kind, input).ok());
    dials.into_iter().find(|dial| dial.load_of(input).is_some())
}

/// What is to fail: what the scenario says or, if it says nothing, a server, the pace of one, and the load.
fn failures(
    own: &Input,
    has_faults: bool,
    length_s: f64,
    lengthened: Option<(&LoadDial, f64, u32)>,
    notes: &mut Vec<String>,
) -> Vec<Failure> {
    let length = |load_times: f64| {
        let flags = lengthened.map(|(dial, load, times)| dial.flags_of_length(load * load_times, times));
        flags.unwrap_or_default()
    };
    if has_faults {
        return vec![Failure {
            name: "what the scenario says".to_owned(),
            flags: length(1.0),
            from_start: false,
        }];
    }
    let (at, lasts) = ((length_s / 3.0).floor(), (length_s / 3.0).floor().max(1.0));
    let with = |name: &str, fault: String| {
        let mut flags = length(1.0);
        flags.push(flag(format!("fleet.fault=[{fault}]")));
        Failure {
            name: name.to_owned(),
            flags,
            from_start: false,
        }
    };
    let (lost, restart) = if own.scenario.operation.servers() > 1 {
        ("one server lost", "never")
    } else {
        ("the server lost for five minutes", "300s")
    };
    let crash = format!("{{ kind = \"crash\", at = \"{at}s\", server = 0, restart = \"{restart}\" }}");
    let mut all = vec![with(lost, crash)];
    let slow = format!("{{ kind = \"slow\", at = \"{at}s\", server = 0, factor = 3.0, duration = \"{lasts}s\" }}");
    all.push(with("one server three times as slow", slow));
    if lengthened.is_some() {
        all.push(Failure {
            name: "half as much load again".to_owned(),
            flags: length(OVERLOAD),
            from_start: true,
        });
    } else {
        notes.push("the load of this scenario is not one number, so too much of it was not simulated".to_owned());
    }
    all
}

impl Failed {
    /// From when to before when each failure lasts that is to be found, in a run [s].
    fn spans(&self, run: &AlertRun) -> Vec<(f64, f64)> {
        let starts = if self.from_start { &[0.0][..] } else { &run.failures_s };
        let ends = starts.iter().skip(1).copied().chain([f64::INFINITY]);
        starts.iter().copied().zip(ends).collect()
    }

    fn simulated(&self) -> SimulatedFailure {
        SimulatedFailure {
            name: self.name.clone(),
            times: self.runs.iter().map(|run| self.spans(run).len()).sum(),
        }
    }

    fn detection(&self, rule: &AlertRule) -> Detection {
        let mut delays_s = Vec::new();
        for run in &self.runs {
            let alerts: Vec<Firing> = firings(rule, &run.exposed);
            for (start, end) in self.spans(run) {
                let mut within = alerts
                    .iter()
                    .filter(|alert| alert.start_s >= start && alert.start_s < end);
                delays_s.extend(within.next().map(|alert| alert.start_s - start));
            }
        }
        Detection::of(&self.name, self.simulated().times, delays_s)
    }
}
