//! What happens when something fails: in the scenario's own failures if it has some, with one server less, and in a
//! month of failures as they are known of hardware.

use super::fallbacks::{self, StageFallback};
use super::own_traffic::{self, OwnTraffic};
use super::question::{Answered, ProductionQuestion, answered};
use super::servers::NeededServers;
use crate::config::{Flag, Promise};
use crate::metrics::{FleetReport, Summary};
use crate::money::{DAYS_PER_MONTH, SECONDS_PER_DAY};
use crate::stats::at_least_of;
use crate::study::Stopped;

/// Failures, and what is promised in spite of them.
pub struct Failures {
    /// What is promised.
    pub promise: Promise,
    /// What came of the scenario's own failures; `None` if it has none.
    pub measured: Option<MeasuredFailures>,
    /// Failures of hardware as they are known, if the scenario has none of its own.
    pub assumed: Option<AssumedFailures>,
    /// What the own traffic sees with one server less, for as long as it likes.
    pub one_down: Answered<OneDown>,
    /// The share of the requests of the scenario's own run that were answered.
    pub answered_share: Option<f64>,
    /// What stands in for each stage of the path; none without a path.
    pub fallbacks: Vec<StageFallback>,
    /// The share of answers for which something stood in; `None` without a path.
    pub degraded_share: Option<f64>,
}

/// What came of the failures of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeasuredFailures {
    /// How many there were, of all runs.
    pub faults: u64,
    /// After how many of them more requests were outstanding to the end than before.
    pub unrecovered: u64,
    /// The longest that it took to recover [s].
    pub time_to_recover_s: Option<f64>,
    /// The share of requests that were answered.
    pub availability: Option<f64>,
    /// How long nobody would have to be served to lose as many requests as a failure did [s].
    pub outage_s_per_fault: Option<f64>,
}

/// Failures of hardware in a month.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AssumedFailures {
    /// Mean time between failures of a GPU [h].
    pub gpu_hours_between: f64,
    /// How long a server is missing [s].
    pub repair_s: f64,
    /// Failures of all servers in a month.
    pub faults_per_month: f64,
    /// The share of time with servers enough; `None` if it is not known how many are enough.
    pub availability: Option<f64>,
}

/// What the own traffic sees with one server less.
pub struct OneDown {
    /// Servers that are left.
    pub servers: u32,
    /// What it sees; `None` if none is left.
    pub summary: Option<Summary>,
    /// The share of requests that are answered.
    pub answered_share: Option<f64>,
}

/// 419 unexpected interruptions in 54 days on 16,384 GPUs (The Llama 3 Herd of Models, 2024, section 3.3.4) [h].
const GPU_HOURS_BETWEEN: f64 = 16_384.0 * 54.0 * 24.0 / 419.0;
/// Until another machine has loaded the model: an assumption [s].
const REPAIR_S: f64 = 600.0;

/// Finds out.
pub(super) fn find(
    question: &ProductionQuestion<'_>,
    own: &OwnTraffic,
    servers: Option<&NeededServers>,
) -> Result<Failures, Stopped> {
    let scenario = &question.input.scenario;
    let has_faults = scenario.operation.has_faults();
    let measured = own.fleet.as_ref().filter(|_| has_faults);
    let measured = measured.map(|fleet| MeasuredFailures::of(own, fleet));
    Ok(Failures {
        promise: scenario.planning.promise,
        assumed: (!has_faults).then(|| AssumedFailures::of(question, servers)),
        measured,
        one_down: one_down(question)?,
        answered_share: own.answered_share(),
        fallbacks: fallbacks::of_stages(scenario, own),
        degraded_share: own.summary.path.and_then(|path| path.degraded_share),
    })
}

impl Failures {
    /// How long nobody may be served in a month by what is promised [s].
    pub fn allowed_s_per_month(&self) -> f64 {
        (1.0 - self.promise.sla) * DAYS_PER_MONTH * SECONDS_PER_DAY
    }

    /// How many failures like those of the run a month may have by what is promised.
    pub fn faults_allowed_per_month(&self) -> Option<f64> {
        let outage_s = self.measured?.outage_s_per_fault.filter(|&outage| outage > 0.0)?;
        Some(self.allowed_s_per_month() / outage_s)
    }
}

impl MeasuredFailures {
    fn of(own: &OwnTraffic, fleet: &FleetReport) -> Self {
        let requests = &own.summary.requests;
        let unanswered = requests.rejected + requests.timed_out + requests.cancelled + requests.failed;
        let rate_per_s = requests.arrived as f64 / own.summary.throughput.duration_s;
        let outage_s = unanswered as f64 / rate_per_s;
        let per_fault = outage_s / fleet.faults as f64;
        Self {
            faults: fleet.faults,
            unrecovered: fleet.unrecovered,
            time_to_recover_s: fleet.time_to_recover_s,
            availability: own.answered_share(),
            outage_s_per_fault: Some(per_fault).filter(|it| it.is_finite()),
        }
    }
}

impl AssumedFailures {
    fn of(question: &ProductionQuestion<'_>, servers: Option<&NeededServers>) -> Self {
        let scenario = &question.input.scenario;
        let gpus = f64::from(scenario.gpus());
        let count = scenario.operation.servers();
        // A server is missing when any of its GPUs is.
        let hours_between = GPU_HOURS_BETWEEN * f64::from(count) / gpus;
        let up = hours_between * 3_600.0 / (hours_between * 3_600.0 + REPAIR_S);
        let needed = servers.and_then(NeededServers::needed);
        Self {
            gpu_hours_between: GPU_HOURS_BETWEEN,
            repair_s: REPAIR_S,
            faults_per_month: DAYS_PER_MONTH * 24.0 * gpus / GPU_HOURS_BETWEEN,
            availability: needed.map(|needed| at_least_of(needed, count, up)),
        }
    }
}

fn one_down(question: &ProductionQuestion<'_>) -> Result<Answered<OneDown>, Stopped> {
    let operation = &question.input.scenario.operation;
    if operation.pools().len() > 1 {
        return Ok(Err(
            "its servers are unlike: write a [[fleet.fault]] that says which one fails".to_owned(),
        ));
    }
    if operation.is_scaled() {
        return Ok(Err(
            "its autoscaler starts another one: write a [[fleet.fault]] that says when".to_owned(),
        ));
    }
    let left = operation.servers() - 1;
    if left == 0 {
        return Ok(Ok(OneDown {
            servers: 0,
            summary: None,
            answered_share: Some(0.0),
        }));
    }
    let mut changes = question.unharmed();
    changes.push(Flag::new("--set", format!("fleet.servers={left}")));
    let one_less = || -> Result<OneDown, Stopped> {
        let input = question.base.with(&changes);
        let input = input.map_err(|problem| Stopped::Failed(problem.into()))?;
        let (pooled, _) = own_traffic::pooled(question, &input)?;
        let summary = pooled.summary();
        Ok(OneDown {
            servers: left,
            answered_share: summary.as_ref().and_then(own_traffic::answered_share),
            summary,
        })
    };
    answered(one_less())
}
