//! The result of one scenario, however it is shown.

use std::time::Duration;

use serde::Serialize;

use crate::config::ExpectedError;
use crate::metrics::{Breakdown, FleetReport, PathReport, Slo, SloOutcome, SloResult, Summary};
use crate::report::verb::path_budget;
use crate::step_time::LONGEST_STEP;
use crate::study::{CostReport, USUAL_ERRORS, Verdict, asks_for_anything, judged};

/// Everything a report of one scenario shows.
#[derive(Clone, Debug)]
pub struct RunReport {
    /// What was simulated, for people.
    pub headline: Headline,
    /// Names the scenario's content: the same for the same input.
    pub scenario_hash: String,
    /// The seed of the run, or of the first of several.
    pub seed: u64,
    /// How far the step times may be trusted and where they come from, such as "roofline: H100-SXM datasheet".
    pub fidelity: Option<String>,
    /// How far they may be off.
    pub model_error: Option<ModelError>,
    /// The numbers of the run, or of several pooled.
    pub summary: Summary,
    /// Each server, if there are several behind a router.
    pub fleet: Option<FleetReport>,
    /// Each stage of the path that requests take, if they take one.
    pub path: Option<PathReport>,
    /// The same of groups of requests, where they are told apart.
    pub breakdown: Breakdown,
    /// What it costs, if the scenario asks.
    pub cost: Option<CostReport>,
    /// What the GPU memory holds.
    pub memory: MemoryReport,
    /// What is known of each pool of the fleet without a run, in the order of the pools.
    pub pools: Vec<PoolFacts>,
    /// What was asked for.
    pub slos: Vec<Slo>,
    /// Whether it went to its end: nobody stopped it.
    pub is_complete: bool,
    /// What the user should know of how the workload was run.
    pub of_workload: Vec<String>,
}

/// What was simulated, in words.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct Headline {
    pub model: String,
    pub gpu: String,
    pub tensor_parallel: u32,
    /// The servers of each pool and their GPUs in words; `None` if all servers are alike.
    pub pools: Option<String>,
    /// The engine with its release, such as "vLLM 0.33".
    pub engine: String,
    /// Such as "continuous batching".
    pub policy: String,
    /// The name of the scenario.
    pub workload: String,
    /// How many runs with different seeds; at least 1.
    pub replications: u32,
    /// How long the simulation took in reality.
    pub wall: Option<Duration>,
}

/// What is known of the step times and how far predictions with as much were off.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelError {
    /// Such as `measured_gpu` or `datasheet`.
    pub class: &'static str,
    /// Of a step, and so of the mean TPOT, relative; `None` where the step times are given.
    pub step_time: Option<f64>,
    /// Of the mean TTFT, relative.
    pub ttft: Option<f64>,
    /// What the errors are made of: their squares add up to those above.
    pub parts: Vec<PartOfError>,
}

/// A part of an error, from something that the run is made of.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PartOfError {
    /// Such as `eight_bit_weights`.
    pub cause: &'static str,
    /// What has it, in words.
    pub of: String,
    /// What it adds to the error of a step, relative.
    pub step_time: f64,
    /// What it adds to that of the mean TTFT.
    pub ttft: f64,
    /// Whether nobody has measured runs with and without it.
    pub is_assumed: bool,
}

impl ModelError {
    /// The errors of step times that are known so.
    pub fn new(class: &'static str, error: Option<&ExpectedError>) -> Self {
        let parts = error.iter().flat_map(|error| &error.parts);
        let parts = parts.map(|part| {
            let errors = part.cause.errors();
            PartOfError {
                cause: errors.name,
                of: part.of.clone(),
                step_time: errors.tpot,
                ttft: errors.ttft,
                is_assumed: errors.runs == 0,
            }
        });
        Self {
            class,
            step_time: error.map(|error| error.tpot),
            ttft: error.map(|error| error.ttft),
            parts: parts.collect(),
        }
    }
}

/// What the GPU memory of one GPU holds [bytes]; `None` where no memory model was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct MemoryReport {
    pub total_bytes: Option<u64>,
    pub weights_bytes: Option<u64>,
    pub activations_bytes: Option<u64>,
    pub overhead_bytes: Option<u64>,
    pub kv_bytes: Option<u64>,
    /// (GPU memory - weights) / KV per user, with the mean context.
    pub closed_form_users: Option<f64>,
}

/// What is known of the servers of a pool without a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PoolFacts {
    /// What the memory of one of its GPUs holds; the users are those of all its servers.
    pub memory: MemoryReport,
    /// How far their step times may be off.
    pub model_error: ModelError,
}

impl RunReport {
    /// How each SLO fared.
    pub fn slo_results(&self) -> Vec<SloResult> {
        judged(&self.slos, &self.summary)
    }

    /// Whether anything was asked for.
    pub fn has_objectives(&self) -> bool {
        asks_for_anything(&self.slos, self.breakdown.classes.iter().map(|it| &it.class))
    }

    /// The result in a word; `None` of a run that was stopped.
    pub fn verdict(&self) -> Option<Verdict> {
        self.is_complete.then(|| Verdict::on(&self.slos, &self.summary))
    }

    /// What a reader must know before believing the numbers.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(saturation) = self.summary.saturation.filter(|saturation| saturation.queue_grows) {
            warnings.push(format!(
                "the queue still grows at the end (depth met by arrivals: {:.1} requests in the second quarter, {:.1} \
                 in the last): no steady \
                 state, latencies depend on the length of the run",
                saturation.early_depth, saturation.late_depth
            ));
        }
        if self.summary.gpu.cut_steps > 0 {
            warnings.push(format!(
                "{} of {} steps would take longer than {} hours, the longest step there is, and count as that long: \
                 times are too short",
                self.summary.gpu.cut_steps,
                self.summary.gpu.steps,
                LONGEST_STEP.seconds() / 3_600.0
            ));
        }
        let requests = &self.summary.requests;
        let cut_off = requests.running_at_end + requests.waiting_at_end;
        if cut_off > 0 {
            warnings.push(format!(
                "{cut_off} requests had not ended when the run did; latencies are those of finished requests only"
            ));
        }
        if requests.timed_out > 0 {
            warnings.push(format!(
                "{} of {} requests timed out; latencies are those of the {} that finished, while SLOs count every \
                 other one as a miss",
                requests.timed_out, requests.arrived, requests.finished
            ));
        }
        let is_served = requests.rejected < requests.arrived;
        if is_served && requests.rejected as f64 > USUAL_ERRORS * requests.arrived as f64 {
            warnings.push(format!(
                "{} of {} requests were rejected: each is longer than server.max_model_len, the KV cache or a limit of \
                 the policy allows; latencies are those of the others, while SLOs count every rejected one as a miss",
                requests.rejected, requests.arrived
            ));
        }
        if requests.arrived > 0 && requests.rejected == requests.arrived {
            warnings.push(format!(
                "all {} requests were rejected: each is longer than server.max_model_len, the KV cache or a limit of \
                 the policy allows",
                requests.rejected
            ));
            return warnings; // More requests would tell no more.
        }
        if requests.cut_at_max_model_len > 0 {
            warnings.push(format!(
                "the outputs of {} of {} requests are cut: prompt and output are longer together than \
                 server.max_model_len, where the engine stops",
                requests.cut_at_max_model_len, requests.arrived
            ));
        }
        warnings.extend(self.path.iter().flat_map(path_budget::warnings));
        warnings.extend(self.cut_in_pools());
        warnings.extend(self.unknown_objectives());
        warnings
    }

    /// Answers that may have been cut by their servers, where others would not have cut them.
    fn cut_in_pools(&self) -> impl Iterator<Item = String> {
        let pools = || self.fleet.iter().flat_map(|fleet| &fleet.pools);
        let longest = pools().map(|pool| pool.about.max_model_len).max();
        let cutting = pools().filter(move |pool| Some(pool.about.max_model_len) < longest);
        let cutting = cutting.filter(|pool| pool.reached_max_model_len > 0);
        cutting.map(|pool| {
            format!(
                "{} of {} answers of the pool {} end where prompt and output have max_model_len = {} tokens, and may \
                 be cut there: a router does not know how long an answer will be, and other pools take longer ones",
                pool.reached_max_model_len, pool.finished, pool.about.name, pool.about.max_model_len
            )
        })
    }

    /// Why objectives cannot be judged.
    fn unknown_objectives(&self) -> impl Iterator<Item = String> {
        let of_all = self
            .slo_results()
            .into_iter()
            .map(|result| (String::new(), &self.summary, result));
        let of_classes = self.breakdown.classes.iter().flat_map(|class| {
            let results = class.slo_results().into_iter();
            results.map(|result| (format!("{}: ", class.class.name), &class.summary, result))
        });
        let all = of_all.chain(of_classes);
        let unknown = all.filter(|(_, _, result)| result.outcome == SloOutcome::Unknown);
        unknown.map(|(of, summary, result)| {
            let latency = result.slo.as_latency();
            let samples = latency.map_or(0, |slo| summary.latency.of(slo.metric).count);
            if samples == 0 && summary.requests.finished > 0 {
                format!(
                    "{of}{} cannot be judged: no response has a time between tokens, as each came as a whole or is a \
                     single token",
                    result.slo
                )
            } else {
                let (which, instead) = if self.summary.steady_state.is_some() {
                    (" after the warm-up", ", or keep all of them by --warm-up none")
                } else {
                    ("", "")
                };
                format!(
                    "{of}{samples} samples{which} are too few to judge {}: simulate more requests{instead}",
                    result.slo
                )
            }
        })
    }

    /// What a reader must know before believing the numbers, how the workload was run included: for whoever hears of
    /// that nowhere else.
    pub fn all_warnings(&self) -> Vec<String> {
        let mut warnings = self.warnings();
        warnings.extend(self.of_workload.iter().cloned());
        warnings
    }
}
