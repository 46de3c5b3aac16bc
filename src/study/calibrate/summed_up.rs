//! A benchmark's summary against the scenario's own workload.

use super::coefficient::Fittable;
use super::comparison::{ComparedNumber, FittedData, MeasuredData, RUN_TO_RUN, Target, run};
use super::latencies::{self, Latency, Served};
use super::refusal::Refusal;
use crate::config::{Measured, Scenario, Values, Workload};
use crate::stats::mean;
use crate::study::SimulationError;

/// The numbers of one run, and the seeds of the runs that they are compared with.
pub struct SummedUp {
    values: Values,
    names: Vec<(Latency, latencies::LatencyStatistic)>,
    targets: Vec<Target>,
    seeds: Vec<u64>,
    requests: Option<u64>,
    warnings: Vec<String>,
}

/// Runs whose mean is compared: their scatter is what chance does to one.
const RUNS: u64 = 8;
/// Lengths further apart than this are those of another workload.
const LENGTHS_ALIKE: f64 = 0.1;
/// Request rates that differ by a larger fraction are worth a warning.
const RATES_ALIKE: f64 = 0.2;

impl SummedUp {
    pub fn new(scenario: &Scenario, measured: &Measured) -> Result<Self, Refusal> {
        let values = measured.values.clone();
        let workload = scenario.traffic.only_workload();
        let is_always_the_same = matches!(workload, Some(Workload::Trace(replay)) if !replay.jitter_ties);
        let runs = if is_always_the_same { 1 } else { RUNS };
        let seeds: Vec<u64> = (0..runs).map(|more| scenario.seed.wrapping_add(more)).collect();
        let known = |statistics: &[latencies::LatencyStatistic]| {
            let mut names = Vec::new();
            for latency in Latency::ALL {
                for &statistic in statistics {
                    if values.contains_key(name(latency, statistic).as_str()) {
                        names.push((latency, statistic));
                    }
                }
            }
            names
        };
        let names = known(&latencies::LatencyStatistic::ALL);
        let fitted = known(&[latencies::LatencyStatistic::Mean, latencies::LatencyStatistic::P50]);
        let mut summed_up = Self {
            names,
            targets: Vec::new(),
            seeds,
            requests: values.get("requests.finished").map(|&it| it as u64),
            warnings: why_not_one_by_one(scenario, measured).into_iter().collect(),
            values,
        };
        let first = summed_up.runs(scenario)?;
        summed_up.refuse_other_requests(&first[0])?;
        summed_up.warn_of_another_rate(scenario, &first[0]);
        for (latency, statistic) in fitted {
            if latency != Latency::E2e {
                let noise = scatter(&first, latency, statistic).hypot(RUN_TO_RUN);
                summed_up.targets.push(Target {
                    latency: Some(latency),
                    measured: summed_up.values[name(latency, statistic).as_str()],
                    noise,
                });
            }
        }
        Ok(summed_up)
    }

    fn runs(&self, scenario: &Scenario) -> Result<Vec<Vec<Served>>, SimulationError> {
        let one = |&seed: &u64| Ok(run(scenario, seed, None)?.into_iter().flatten().collect());
        self.seeds.iter().map(one).collect()
    }

    fn refuse_other_requests(&self, simulated: &[Served]) -> Result<(), Refusal> {
        let of_request = |name: &str| {
            let rate = self.values.get("throughput.requests_per_s")?;
            Some(self.values.get(name)? / rate)
        };
        let inputs = mean(simulated.iter().map(|it| f64::from(it.input_tokens)));
        let outputs = mean(simulated.iter().map(|it| f64::from(it.output_tokens)));
        let checks = [
            ("prompts", "throughput.input_tokens_per_s", inputs),
            ("outputs", "throughput.output_tokens_per_s", outputs),
        ];
        for (what, rate, simulated) in checks {
            let simulated = simulated.unwrap_or(0.0);
            if let Some(measured) = of_request(rate)
                && (simulated / measured - 1.0).abs() > LENGTHS_ALIKE
            {
                return Err(Refusal::new(
                    format!(
                        "the scenario's {what} have {simulated:.0} tokens in the mean, and the measured ones \
                         {measured:.0}"
                    ),
                    "describe the measured workload in [workload]",
                ));
            }
        }
        Ok(())
    }

    fn warn_of_another_rate(&mut self, scenario: &Scenario, simulated: &[Served]) {
        let start = simulated.iter().map(|it| it.arrival).fold(f64::MAX, f64::min);
        let end = simulated.iter().map(|it| it.arrival + it.e2e).fold(0.0, f64::max);
        let rate = simulated.len() as f64 / (end - start);
        let Some(&measured) = self.values.get("throughput.requests_per_s") else {
            return;
        };
        let is_alike = (rate / measured - 1.0).abs() <= RATES_ALIKE;
        if !is_alike {
            self.warnings.push(format!(
                "{} serves {rate:.2} requests/s, and {measured:.2} were measured: is its load the measured one?",
                scenario.name
            ));
        }
    }
}

/// Why requests that are known one by one are not compared so.
fn why_not_one_by_one(scenario: &Scenario, measured: &Measured) -> Option<String> {
    let requests = measured.requests.as_ref()?;
    let reason = if requests.iter().any(|it| it.arrival.is_none()) {
        "the data do not say when requests were sent"
    } else if matches!(scenario.traffic.only_workload(), Some(Workload::Trace(_))) {
        "the requests of the scenario's trace are not the measured ones"
    } else {
        "turns of sessions depend on the answers before them"
    };
    Some(format!("{reason}, so only sums over all requests are compared"))
}

fn name(latency: Latency, statistic: latencies::LatencyStatistic) -> String {
    format!("{}.{}", latency.name(), statistic.name())
}

fn statistic_of(run: &[Served], latency: Latency, statistic: latencies::LatencyStatistic) -> Option<f64> {
    statistic.of(run.iter().filter_map(|it| it.of(latency)).collect())
}

/// The mean over the runs.
fn mean_of(runs: &[Vec<Served>], latency: Latency, statistic: latencies::LatencyStatistic) -> Option<f64> {
    mean(runs.iter().filter_map(|run| statistic_of(run, latency, statistic)))
}

/// How far one run and the mean of all are apart by chance, relative.
fn scatter(runs: &[Vec<Served>], latency: Latency, statistic: latencies::LatencyStatistic) -> f64 {
    let logarithms: Vec<f64> = (runs.iter())
        .filter_map(|run| statistic_of(run, latency, statistic).map(f64::ln))
        .collect();
    let count = logarithms.len() as f64;
    let centre = mean(logarithms.iter().copied()).unwrap_or(0.0);
    let squares: f64 = logarithms.iter().map(|it| (it - centre).powi(2)).sum();
    if count < 2.0 {
        return 0.0;
    }
    (squares / (count - 1.0) * (1.0 + 1.0 / count)).sqrt()
}

impl MeasuredData for SummedUp {
    fn statistics(&self, scenario: &Scenario) -> Result<Vec<ComparedNumber>, SimulationError> {
        let runs = self.runs(scenario)?;
        let of = |&(latency, statistic): &(Latency, latencies::LatencyStatistic)| {
            let name = name(latency, statistic);
            let measured = *self.values.get(name.as_str())?;
            let simulated = mean_of(&runs, latency, statistic)?;
            Some(ComparedNumber {
                name,
                measured,
                error: simulated / measured - 1.0,
            })
        };
        Ok(self.names.iter().filter_map(of).collect())
    }
}

impl FittedData for SummedUp {
    fn targets(&self) -> &[Target] {
        &self.targets
    }

    fn simulate(&self, scenario: &Scenario) -> Result<Vec<f64>, SimulationError> {
        let runs = self.runs(scenario)?;
        let is_fitted = |(latency, statistic): &&(Latency, latencies::LatencyStatistic)| {
            *latency != Latency::E2e && *statistic != latencies::LatencyStatistic::P99
        };
        let of = |&(latency, statistic): &(Latency, latencies::LatencyStatistic)| {
            mean_of(&runs, latency, statistic).unwrap_or(f64::MIN_POSITIVE)
        };
        Ok(self.names.iter().filter(is_fitted).map(of).collect())
    }

    fn is_blind_to(&self, coefficient: Fittable) -> Option<String> {
        match coefficient {
            Fittable::StepMicros | Fittable::LatencyMicros => None,
            Fittable::KernelScale | Fittable::PerStreamMicros => {
                Some("sums over all requests show one load only; give requests one by one, at several rates".to_owned())
            }
        }
    }

    fn amount(&self) -> String {
        match self.requests {
            Some(requests) => format!("{requests} requests, summed up"),
            None => "requests, summed up".to_owned(),
        }
    }

    fn method(&self) -> String {
        match self.seeds.len() {
            1 => "the scenario's trace".to_owned(),
            runs => format!("the mean of {runs} runs of the scenario's own workload"),
        }
    }

    fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }
}
