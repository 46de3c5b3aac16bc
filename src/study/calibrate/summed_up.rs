//! A benchmark's summary against the scenario's own workload.

use super::coefficient::Fittable;
use super::comparison::{ComparedNumber, FittedData, MeasuredData, RUN_TO_RUN, Target, run_with_gaps};
use super::gaps::TokenGaps;
use super::latencies::{Latency, LatencyStatistic, Served};
use super::refusal::Refusal;
use crate::config::{Measured, Scenario, Values, Workload};
use crate::stats::mean;
use crate::study::SimulationError;

/// The numbers of one run, and the seeds of the runs that they are compared with.
pub struct SummedUp {
    values: Values,
    names: Vec<(Latency, LatencyStatistic)>,
    /// Those that are fitted, in the order of the targets.
    fitted: Vec<(Latency, LatencyStatistic)>,
    targets: Vec<Target>,
    seeds: Vec<u64>,
    requests: Option<u64>,
    warnings: Vec<String>,
}

/// A run of the scenario's workload: its requests, and the times between their tokens.
type SimulatedRun = (Vec<Served>, TokenGaps);

/// Runs whose mean is compared: their scatter is what chance does to one.
const RUNS: u64 = 8;
/// Lengths further apart than this are those of another workload.
const LENGTHS_ALIKE: f64 = 0.1;
/// A median gap is of few steps of many, and clients see several tokens at once now and then.
const MEDIAN_GAP_NOISE: f64 = 0.02;
/// How far the longest gaps of two runs may be apart: a client's own pauses are among them.
const LONG_GAP_NOISE: f64 = 0.05;
/// Request rates that differ by a larger fraction are worth a warning.
const RATES_ALIKE: f64 = 0.2;

impl SummedUp {
    pub fn new(scenario: &Scenario, measured: &Measured) -> Result<Self, Refusal> {
        let values = measured.values.clone();
        let workload = scenario.traffic.only_workload();
        let is_always_the_same = matches!(workload, Some(Workload::Trace(replay)) if !replay.jitter_ties);
        let runs = if is_always_the_same { 1 } else { RUNS };
        let seeds: Vec<u64> = (0..runs).map(|more| scenario.seed.wrapping_add(more)).collect();
        let all = [Latency::Ttft, Latency::Tpot, Latency::Itl, Latency::E2e].into_iter();
        let all = all.flat_map(|latency| LatencyStatistic::ALL.map(|statistic| (latency, statistic)));
        let is_known = |&(latency, statistic): &_| values.contains_key(name(latency, statistic).as_str());
        let mut summed_up = Self {
            names: all.filter(is_known).collect(),
            fitted: Vec::new(),
            targets: Vec::new(),
            seeds,
            requests: values.get("requests.finished").map(|&it| it as u64),
            warnings: why_not_one_by_one(scenario, measured).into_iter().collect(),
            values,
        };
        let first = summed_up.runs(scenario)?;
        summed_up.refuse_other_requests(&first[0].0)?;
        summed_up.warn_of_another_rate(scenario, &first[0].0);
        summed_up.choose_targets(&first);
        Ok(summed_up)
    }

    /// Fitted are means and medians of first tokens and of the times after them, and of the gaps between tokens what
    /// these do not say: steps of decoding requests alone, which are the median, and those that hold prompts too, which
    /// are the longest. Where the mean time after first tokens is not known, the mean gap takes its place.
    fn choose_targets(&mut self, runs: &[SimulatedRun]) {
        let has_tpot = self.values.contains_key("tpot.mean");
        for &(latency, statistic) in &self.names {
            let is_tail = statistic == LatencyStatistic::P99;
            let least_noise = match (latency, statistic) {
                (Latency::E2e, _) | (Latency::Ttft | Latency::Tpot, LatencyStatistic::P99) => continue,
                (Latency::Itl, LatencyStatistic::Mean) if has_tpot => continue,
                (Latency::Itl, _) if !is_on_a_plateau(runs, statistic) => continue,
                (Latency::Itl, LatencyStatistic::P50) => MEDIAN_GAP_NOISE,
                (Latency::Itl, LatencyStatistic::P99) => LONG_GAP_NOISE,
                _ => RUN_TO_RUN,
            };
            self.fitted.push((latency, statistic));
            self.targets.push(Target {
                latency: Some(latency),
                is_tail,
                measured: self.values[name(latency, statistic).as_str()],
                noise: scatter(runs, latency, statistic).hypot(least_noise),
            });
        }
    }

    fn runs(&self, scenario: &Scenario) -> Result<Vec<SimulatedRun>, SimulationError> {
        let hears_gaps = self.names.iter().any(|(latency, _)| *latency == Latency::Itl);
        let one = |&seed: &u64| run_with_gaps(scenario, seed, hears_gaps);
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

fn name(latency: Latency, statistic: LatencyStatistic) -> String {
    format!("{}.{}", latency.name(), statistic.name())
}

fn statistic_of((served, gaps): &SimulatedRun, latency: Latency, statistic: LatencyStatistic) -> Option<f64> {
    if latency != Latency::Itl {
        return statistic.of(served.iter().filter_map(|it| it.of(latency)).collect());
    }
    match statistic.share() {
        None => gaps.mean(),
        Some(share) => gaps.quantiles([share]).map(|[gap]| gap),
    }
}

/// Whether a quantile of the gaps is that of one kind of steps in every run. Between two kinds, of steps with prompts
/// and of others, it is either's by chance, and says nothing of how long they take.
fn is_on_a_plateau(runs: &[SimulatedRun], statistic: LatencyStatistic) -> bool {
    /// Neighbours of the quantile, as parts of what lies beyond it.
    const NEAR: f64 = 0.2;
    /// Gaps of one kind of steps differ by less between them.
    const ALIKE: f64 = 1.4;
    let Some(share) = statistic.share() else {
        return true;
    };
    let near = NEAR * (1.0 - share);
    let around = |(_, gaps): &SimulatedRun| gaps.quantiles([share - near, share + near]);
    let ends: Option<Vec<[f64; 2]>> = runs.iter().map(around).collect();
    ends.is_some_and(|ends| {
        let low = ends.iter().map(|[low, _]| *low).fold(f64::INFINITY, f64::min);
        let high = ends.iter().map(|[_, high]| *high).fold(0.0, f64::max);
        low > 0.0 && high < ALIKE * low
    })
}

/// The mean over the runs.
fn mean_of(runs: &[SimulatedRun], latency: Latency, statistic: LatencyStatistic) -> Option<f64> {
    mean(runs.iter().filter_map(|run| statistic_of(run, latency, statistic)))
}

/// How far one run and the mean of all are apart by chance, relative.
fn scatter(runs: &[SimulatedRun], latency: Latency, statistic: LatencyStatistic) -> f64 {
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
        let of = |&(latency, statistic): &(Latency, LatencyStatistic)| {
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
        let of = |&(latency, statistic): &(Latency, LatencyStatistic)| {
            mean_of(&runs, latency, statistic).unwrap_or(f64::MIN_POSITIVE)
        };
        Ok(self.fitted.iter().map(of).collect())
    }

    fn is_blind_to(&self, coefficient: Fittable) -> Option<String> {
        coefficient.needs_loads().then(|| {
            "sums over all requests show one load only; give requests one by one, at several rates, or several loads"
                .to_owned()
        })
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
