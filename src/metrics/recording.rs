//! What a recorder heard in one run, or in several pooled: sums and distributions, from which a summary is made.

use std::sync::Arc;

use super::classes::{ClassReport, ClassTotals};
use super::fleet::{FleetReport, FleetTotal};
use super::meter::{Durations, Total};
use super::meters::{ClientTotals, ServerTotals};
use super::metric::Metric;
use super::partition::PartitionTotals;
use super::path::PathReport;
use super::server::{StepShares, Waves};
use super::slo::Slo;
use crate::money::CostRules;
use crate::stats::Distribution;

/// Sums and distributions over one run or several. Pooling adds them, so that rates and shares of the pool are those of
/// all its time.
#[derive(Clone, Debug)]
pub struct Recording {
    pub(super) client: ClientTotals,
    pub(super) server: ServerTotals,
    /// Each server, if there are several.
    pub(super) fleet: Option<FleetTotal>,
    /// Each class of traffic, if there are any.
    pub(super) classes: Vec<ClassTotals>,
    /// Requests of each priority, if there are several.
    pub(super) priorities: PartitionTotals,
    /// Each turn of sessions, if any has several.
    pub(super) turns: PartitionTotals,
    pub(super) durations: Durations,
    /// What was asked of it.
    pub(super) slos: Vec<Slo>,
    /// What it costs, if somebody asked.
    pub(super) cost: Option<Arc<CostRules>>,
}

impl Recording {
    /// The distribution of a latency [ps].
    pub fn latency(&self, metric: Metric) -> &Distribution {
        if metric.is_of_path() {
            return self.client.path.latency(metric);
        }
        self.client.latency.of(metric)
    }

    /// The stages of the path of requests, one by one; `None` without a path.
    pub fn path(&self) -> Option<PathReport> {
        self.client.path.report()
    }

    /// What was asked of it.
    pub fn slos(&self) -> &[Slo] {
        &self.slos
    }

    /// How many requests were sent.
    pub const fn arrived(&self) -> u64 {
        self.client.requests.arrived
    }

    /// What the time of steps is made of; `None` where steps are given as they are.
    pub fn step_shares(&self) -> Option<StepShares> {
        self.server.step_time.section(&self.durations)
    }

    /// Waves in which requests came.
    pub const fn waves(&self) -> Waves {
        self.server.waves
    }

    /// Servers behind a router, one by one; `None` of a single server.
    pub fn fleet(&self) -> Option<FleetReport> {
        self.fleet
            .as_ref()
            .map(|fleet| fleet.report(&self.client, &self.durations))
    }

    /// What the clients of each class felt; none if there are no classes.
    pub fn classes(&self) -> Vec<ClassReport> {
        let classes = self.classes.iter();
        classes
            .map(|class| class.report(&self.server, &self.durations))
            .collect()
    }

    /// Adds another run of the same server.
    pub(super) fn pool(&mut self, other: &Self) {
        self.priorities.pool(&self.client, &other.priorities, &other.client);
        self.turns.pool(&self.client, &other.turns, &other.client);
        self.client.pool(&other.client);
        self.server.pool(&other.server);
        if let (Some(mine), Some(theirs)) = (&mut self.fleet, &other.fleet) {
            mine.pool(theirs);
        }
        for (mine, theirs) in self.classes.iter_mut().zip(&other.classes) {
            mine.pool(theirs);
        }
        self.durations.pool(&other.durations);
    }
}
