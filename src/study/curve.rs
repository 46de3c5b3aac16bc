//! Latency and throughput against load: where the curve bends, where memory is full, where requests begin to wait.

use super::load_dial::LoadDial;
use super::load_kind::LoadKind;
use super::model_range::shifted_runs;
use super::stopped::{Simulate, Stopped};
use super::{Base, Input, Next, Workers};
use crate::metrics::{Binding, Breakdown, Replications, RunResult, Summary};

/// What is asked.
pub struct CurveStudy<'a> {
    /// The scenario whose load is varied, and what is laid over it.
    pub base: &'a Base,
    /// What sets its load.
    pub dial: LoadDial,
    /// The loads to begin with.
    pub loads: Vec<f64>,
    /// Runs at each load.
    pub seeds: u32,
    /// How often to look closer at the knee.
    pub refinements: u32,
    /// Whether to simulate with all steps shorter and longer too.
    pub finds_ranges: bool,
}

/// Points of a curve, in the order of their loads.
#[derive(Clone, Debug)]
pub struct Curve {
    /// What its loads are.
    pub kind: LoadKind,
    /// The points that were simulated, from the lowest load to the highest.
    pub points: Vec<CurvePoint>,
    /// Runs at each point.
    pub runs: u32,
    /// Whether the user stopped it before all points were there.
    pub is_interrupted: bool,
    /// Loads that are no points: runs have fewer requests than should have been there at once.
    pub never_reached: Vec<NeverReached>,
}

/// A load that no run can show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NeverReached {
    /// So many clients.
    pub load: f64,
    /// Requests of a run.
    pub requests: u64,
}

/// The runs at one load, pooled.
#[derive(Clone, Debug)]
pub struct CurvePoint {
    /// The load of these runs, in the unit of the curve's kind.
    pub load: f64,
    /// Their numbers, with intervals if there are several.
    pub summary: Summary,
    /// The same of groups of requests.
    pub breakdown: Breakdown,
}

impl CurvePoint {
    /// Requests in the server, running and waiting, mean over time.
    fn in_server(&self) -> Option<f64> {
        let queue = &self.summary.queue;
        Some(queue.running.mean? + queue.depth.mean?)
    }
}

/// From this use of KV blocks on memory counts as full: a request more rarely fits.
const FULL: f64 = 0.99;

impl CurveStudy<'_> {
    /// Simulates all loads, then some between those around the knee. Points that are there when the user stops are
    /// kept.
    pub fn answer(&self, workers: &Workers, simulate: &Simulate) -> Result<Curve, Stopped> {
        let mut curve = Curve {
            kind: self.dial.kind(),
            points: Vec::new(),
            runs: 0,
            is_interrupted: false,
            never_reached: Vec::new(),
        };
        let mut loads = self.loads.clone();
        for round in 0..=self.refinements {
            match self.simulate(&loads, &mut curve, workers, simulate) {
                Err(Stopped::Interrupted) => {
                    curve.is_interrupted = true;
                    break;
                }
                other => other?,
            }
            curve.points.sort_by(|a, b| a.load.total_cmp(&b.load));
            if round < self.refinements {
                loads = curve.closer_to_the_knee();
            }
        }
        curve.points.sort_by(|a, b| a.load.total_cmp(&b.load));
        Ok(curve)
    }

    fn simulate(
        &self,
        loads: &[f64],
        curve: &mut Curve,
        workers: &Workers,
        simulate: &Simulate,
    ) -> Result<(), Stopped> {
        let inputs: Vec<Input> = loads
            .iter()
            .map(|&load| {
                let with = self.base.with(&self.dial.flags(load));
                with.map_err(|problem| Stopped::Invalid(self.dial.kind().with_unit(load), problem))
            })
            .collect::<Result<_, _>>()?;
        let mut tasks = Vec::new();
        for (point, input) in inputs.iter().enumerate() {
            let seeds: Vec<u64> = input.seeds(self.seeds).collect();
            curve.runs = seeds.len() as u32;
            tasks.extend(seeds.into_iter().map(|seed| (point, seed)));
        }
        let runs = curve.runs as usize;
        let mut pooled = Replications::default();
        let mut pending = 0;
        let done = workers.in_order(
            tasks.len(),
            |task| simulate(&inputs[tasks[task].0], tasks[task].1),
            |task, recording| {
                pooled.add(recording);
                pending += 1;
                if pending == runs {
                    let replications = std::mem::take(&mut pooled);
                    pending = 0;
                    let result = replications.result().expect("there is a run");
                    curve.take(loads[tasks[task].0], result);
                }
                Next::GoOn
            },
        );
        let about = |point: usize, stopped: Stopped| {
            let load = self.dial.kind().with_unit(loads[point]);
            stopped.about(&format!("at {load}"))
        };
        done.map_err(|(task, stopped)| about(tasks[task].0, stopped))?;
        if !self.finds_ranges {
            return Ok(());
        }
        for (number, (input, &load)) in inputs.iter().zip(loads).enumerate() {
            let Some(point) = curve
                .points
                .iter_mut()
                .find(|point| point.load.total_cmp(&load).is_eq())
            else {
                continue;
            };
            let seeds: Vec<u64> = input.seeds(self.seeds).collect();
            let shifted = shifted_runs(&[(input, &point.summary)], &seeds, workers, simulate);
            let mut shifted = shifted.map_err(|(_, stopped)| about(number, stopped))?;
            if let Some(shifted) = shifted.pop().flatten() {
                shifted.set_ranges(&mut point.summary);
            }
        }
        Ok(())
    }
}

impl Curve {
    /// Takes in the pooled runs at a load.
    fn take(&mut self, load: f64, result: RunResult) {
        let RunResult { summary, breakdown } = result;
        let requests = summary.requests.arrived / u64::from(self.runs);
        if self.kind.exceeds(load, requests) {
            self.never_reached.push(NeverReached { load, requests });
            return;
        }
        self.points.push(CurvePoint {
            load,
            summary,
            breakdown,
        });
    }

    /// What to say of the loads that are no points; nothing if all are.
    pub fn of_never_reached(&self) -> Option<String> {
        let NeverReached { load, requests } = self.never_reached.first()?;
        if *requests == 0 {
            return Some("no request reaches a server, whatever the load".to_owned());
        }
        let beyond = if self.never_reached.len() > 1 { " and more" } else { "" };
        Some(format!(
            "{}{beyond} are never there at once, as a run has only {requests} requests: left out",
            self.kind.with_unit(*load)
        ))
    }

    /// The point from which on more load buys latency rather than throughput: where throughput / mean E2E latency, the
    /// "power" of Kleinrock (Power and deterministic rules of thumb for probabilistic problems in computer
    /// communications, ICC 1979), is largest. `None` if that is at an end of the curve, as the knee then lies beyond it
    /// or cannot be told.
    pub fn knee(&self) -> Option<&CurvePoint> {
        let last = self.points.len().checked_sub(1)?;
        let at = self.most_power()?;
        (at > 0 && at < last).then(|| &self.points[at])
    }

    /// The first load at which the KV cache was full at some time.
    pub fn kv_full_from(&self) -> Option<&CurvePoint> {
        self.points.iter().find(|point| {
            let summary = &point.summary;
            summary.kv.usage.max.is_some_and(|most| most >= FULL)
                || summary.requests.preemptions > 0
                || summary.constraint.binding == Binding::KvCapacity
        })
    }

    /// The first load at which a request or more waits on average.
    pub fn queue_from(&self) -> Option<&CurvePoint> {
        let waits = |point: &&CurvePoint| point.summary.queue.depth.mean.is_some_and(|it| it >= 1.0);
        self.points.iter().find(waits)
    }

    /// The load at which `users` are in the server at once. Of rates: where the mean number in the server, running and
    /// waiting, passes it, which by Little's law is rate times E2E latency; between two points by straight line, `None`
    /// if that is on none of them.
    pub fn load_with_users(&self, users: f64) -> Option<f64> {
        if self.kind.counts_clients() {
            return Some(users);
        }
        self.points.windows(2).find_map(|pair| {
            let (low, high) = (pair[0].in_server()?, pair[1].in_server()?);
            (low <= users && users <= high && low < high).then(|| {
                let part = (users - low) / (high - low);
                pair[0].load + part * (pair[1].load - pair[0].load)
            })
        })
    }

    /// Whether more than `users` are in the server at once even at the lowest load.
    pub fn always_has_more_than(&self, users: f64) -> bool {
        let first = self.points.first().and_then(CurvePoint::in_server);
        first.is_some_and(|in_server| in_server > users)
    }

    /// Prompt and output of the mean request [tokens], at the lowest load at which any finished.
    pub fn mean_context_tokens(&self) -> Option<f64> {
        self.points.iter().find_map(|point| point.summary.mean_context_tokens())
    }

    fn most_power(&self) -> Option<usize> {
        let power = |point: &CurvePoint| {
            let throughput = point.summary.throughput.requests_per_s?;
            Some(throughput / point.summary.latency.e2e.mean?)
        };
        let powers = self.points.iter().map(|point| power(point).unwrap_or(0.0));
        let most = powers.enumerate().max_by(|a, b| a.1.total_cmp(&b.1))?;
        Some(most.0)
    }

    /// Loads between the point with the most power and its neighbours.
    fn closer_to_the_knee(&self) -> Vec<f64> {
        let Some(at) = self.most_power() else {
            return Vec::new();
        };
        let before = at.checked_sub(1).map(|before| (before, at));
        let after = (at + 1 < self.points.len()).then_some((at, at + 1));
        let between = |(low, high): (usize, usize)| self.kind.between(self.points[low].load, self.points[high].load);
        before.into_iter().chain(after).filter_map(between).collect()
    }
}
