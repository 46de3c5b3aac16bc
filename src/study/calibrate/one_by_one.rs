//! Measured requests against the same requests simulated.

use super::busyness::{self, Bin};
use super::coefficient::Fittable;
use super::comparison::{ComparedNumber, FittedData, MeasuredData, RUN_TO_RUN, Target, run};
use super::latencies::{self, Latency, Served};
use super::recorded::Recorded;
use super::refusal::Refusal;
use crate::config::{Measured, MeasuredRequest, Scenario, Workload};
use crate::stats::mean;
use crate::study::SimulationError;

/// Requests one by one, in bins by how many others ran when they came.
pub struct OneByOne {
    rows: Vec<MeasuredRequest>,
    measured: Vec<Served>,
    bins: Vec<(Bin, Latency)>,
    targets: Vec<Target>,
    /// The least and the most others that a bin's requests met.
    running: (f64, f64),
    is_trace: bool,
    /// Whether the workload's clients wait for their answers.
    is_closed_loop: bool,
    unfinished: u64,
}

/// More bins tell no more.
const MOST_BINS: usize = 10;
/// Loads that differ by less tell nothing of how latencies depend on load.
const LEAST_SPREAD: f64 = 1.5;
/// Requests of a bin that must have a time between tokens.
const LEAST_WITH_GAPS: usize = 10;

impl OneByOne {
    /// `None` if the data or the workload have no requests that could be matched.
    pub fn new(scenario: &Scenario, measured: &Measured) -> Result<Option<Self>, Refusal> {
        let Some(requests) = &measured.requests else {
            return Ok(None);
        };
        if requests.iter().any(|request| request.arrival.is_none()) {
            return Ok(None);
        }
        let mut rows = requests.clone();
        rows.sort_by_key(|request| request.arrival);
        let (is_trace, is_closed_loop) = match scenario.traffic.only_workload() {
            Some(Workload::Trace(replay)) => (true, replay.concurrency.is_some()),
            // What a turn says depends on the answers before it.
            Some(Workload::Synthetic(workload)) if workload.session.is_none() => {
                (false, workload.arrivals.is_closed_loop())
            }
            _ => return Ok(None),
        };
        let mut matched = Self {
            measured: rows.iter().map(Served::measured).collect(),
            rows,
            bins: Vec::new(),
            targets: Vec::new(),
            running: (0.0, 0.0),
            is_trace,
            is_closed_loop,
            unfinished: measured.unfinished,
        };
        let simulated = matched.simulated(scenario)?;
        if is_trace && !matched.matches(&simulated) {
            return Ok(None);
        }
        let used: Vec<bool> = simulated.iter().map(Option::is_some).collect();
        matched.bin(&used);
        Ok(Some(matched))
    }

    /// Whether a trace has the measured requests, in their order.
    fn matches(&self, simulated: &[Option<Served>]) -> bool {
        let same = |(measured, simulated): (&Served, &Option<Served>)| {
            simulated.is_none_or(|it| it.output_tokens == measured.output_tokens)
        };
        simulated.len() == self.measured.len() && self.measured.iter().zip(simulated).all(same)
    }

    fn bin(&mut self, used: &[bool]) {
        // In a closed loop arrivals are not the recorded ones, so that only all requests together are alike.
        let most = if self.is_closed_loop { 1 } else { MOST_BINS };
        let bins = busyness::bins(&self.rows, used, most);
        let ends = [bins.first(), bins.last()].map(|bin| bin.map_or(0.0, |bin| bin.running));
        self.running = (ends[0], ends[1]);
        for bin in bins {
            for latency in [Latency::Ttft, Latency::Tpot] {
                let values: Vec<f64> = (bin.requests.iter())
                    .filter_map(|&place| self.measured[place].of(latency))
                    .collect();
                let enough = latency == Latency::Ttft || values.len() >= LEAST_WITH_GAPS;
                if let Some(measured) = mean(values).filter(|&it| enough && it > 0.0) {
                    self.bins.push((bin.clone(), latency));
                    self.targets.push(Target {
                        latency: Some(latency),
                        is_tail: false,
                        measured,
                        noise: RUN_TO_RUN,
                    });
                }
            }
        }
    }

    /// The requests as the scenario's server serves them.
    pub fn simulated(&self, scenario: &Scenario) -> Result<Vec<Option<Served>>, SimulationError> {
        let recorded = match scenario.traffic.only_workload() {
            Some(Workload::Synthetic(workload)) => Some(Recorded::new(workload, &self.rows, scenario.seed)),
            _ => None,
        };
        run(scenario, scenario.seed, recorded)
    }
}

impl MeasuredData for OneByOne {
    fn statistics(&self, scenario: &Scenario) -> Result<Vec<ComparedNumber>, SimulationError> {
        let simulated = self.simulated(scenario)?;
        let pairs: Vec<(&Served, &Served)> = (self.measured.iter().zip(&simulated))
            .filter_map(|(measured, simulated)| Some((measured, simulated.as_ref()?)))
            .collect();
        let mut found = Vec::new();
        for latency in Latency::OF_REQUESTS {
            for statistic in latencies::LatencyStatistic::ALL {
                let measured = pairs.iter().filter_map(|(it, _)| it.of(latency)).collect();
                let simulated = pairs.iter().filter_map(|(_, it)| it.of(latency)).collect();
                let both = (statistic.of(measured), statistic.of(simulated));
                if let (Some(measured), Some(simulated)) = both {
                    found.push(ComparedNumber {
                        name: format!("{}.{}", latency.name(), statistic.name()),
                        measured,
                        error: simulated / measured - 1.0,
                    });
                }
            }
        }
        Ok(found)
    }
}

impl FittedData for OneByOne {
    fn targets(&self) -> &[Target] {
        &self.targets
    }

    fn simulate(&self, scenario: &Scenario) -> Result<Vec<f64>, SimulationError> {
        let simulated = self.simulated(scenario)?;
        let of = |(bin, latency): &(Bin, Latency)| {
            let requests = bin.requests.iter();
            let values = requests.filter_map(|&place| simulated.get(place)?.as_ref()?.of(*latency));
            mean(values).unwrap_or(f64::MIN_POSITIVE)
        };
        Ok(self.bins.iter().map(of).collect())
    }

    fn is_blind_to(&self, coefficient: Fittable) -> Option<String> {
        let (least, most) = self.running;
        let varies = most >= LEAST_SPREAD * least.max(1.0);
        (coefficient.needs_loads() && !varies).then(|| {
            if self.is_closed_loop {
                "a closed loop is one load; measure at several rates".to_owned()
            } else {
                format!(
                    "the load hardly varied: {least:.0} to {most:.0} requests ran when another came; measure at \
                     several rates"
                )
            }
        })
    }

    fn amount(&self) -> String {
        format!("{} requests", self.rows.len())
    }

    fn method(&self) -> String {
        let (least, most) = self.running;
        let what = if self.is_trace {
            "the scenario's trace replayed, request by request"
        } else if self.is_closed_loop {
            "recorded lengths in the scenario's closed loop, request by request"
        } else {
            "recorded arrivals and lengths replayed, request by request"
        };
        format!("{what}, with {least:.0} to {most:.0} others running")
    }

    fn warnings(&self) -> Vec<String> {
        (self.unfinished > 0)
            .then(|| {
                format!(
                    "{} requests did not finish; they are left out of the load",
                    self.unfinished
                )
            })
            .into_iter()
            .collect()
    }
}
