//! The numbers of a run, of all requests and of groups of them.

use super::classes::ClassReport;
use super::meters::Summary;
use super::partition::PartitionTotals;
use super::recording::Recording;
use super::request_group::RequestGroup;

/// The numbers of a run, or of several pooled.
#[derive(Clone, Debug)]
pub struct RunResult {
    /// Those of all requests.
    pub summary: Summary,
    /// Those of groups of requests, where they are told apart.
    pub breakdown: Breakdown,
}

/// The numbers of groups of requests.
#[derive(Clone, Debug, Default)]
pub struct Breakdown {
    /// Each class of traffic, if there are any.
    pub classes: Vec<ClassReport>,
    /// Requests of each priority, if there are several; the most urgent first.
    pub priorities: Vec<GroupReport>,
    /// Each turn of sessions, if any has several. A request outside of sessions counts as a first turn.
    pub turns: Vec<GroupReport>,
}

/// The numbers of the requests of a group.
#[derive(Clone, Debug)]
pub struct GroupReport {
    /// Whose they are.
    pub group: RequestGroup,
    /// What their clients felt, and which part of their prompts was found in the prefix cache. What its sections say
    /// of the servers otherwise is of all requests, and gaps between tokens are not known.
    pub summary: Summary,
}

impl RunResult {
    /// The numbers of a single run; those of several come from [`super::Replications`].
    pub fn of(recording: &Recording) -> Self {
        Self {
            summary: Summary::of(recording),
            breakdown: Breakdown::of(recording),
        }
    }
}

impl Breakdown {
    /// The numbers of a single run.
    pub(super) fn of(recording: &Recording) -> Self {
        let reports = |partition: &PartitionTotals, group: fn(Option<i32>) -> RequestGroup| {
            // The numbers of all take long to work out beside those of a short run.
            if partition.is_one_group() {
                return Vec::new();
            }
            let all = Summary::of_totals(&recording.client, &recording.server, &recording.durations);
            let reports = partition.report(&all, &recording.durations).into_iter();
            let reports = reports.map(|(number, summary)| GroupReport {
                group: group(number),
                summary,
            });
            reports.collect()
        };
        Self {
            classes: recording.classes(),
            priorities: reports(&recording.priorities, RequestGroup::Priority),
            turns: reports(&recording.turns, RequestGroup::Turn),
        }
    }

    /// The numbers of a group; `None` if there is none like it.
    pub fn of_group(&self, group: &RequestGroup) -> Option<&Summary> {
        match group {
            RequestGroup::Class(name) => {
                let class = self.classes.iter().find(|it| it.class.name == *name);
                class.map(|it| &it.summary)
            }
            RequestGroup::Priority(_) | RequestGroup::Turn(_) => {
                let mut others = self.priorities.iter().chain(&self.turns);
                others.find(|it| it.group == *group).map(|it| &it.summary)
            }
        }
    }

    /// All groups, each with its numbers.
    pub fn groups_mut(&mut self) -> impl Iterator<Item = (RequestGroup, &mut Summary)> {
        let classes = self.classes.iter_mut();
        let classes = classes.map(|it| (RequestGroup::Class(it.class.name.clone()), &mut it.summary));
        let others = self.priorities.iter_mut().chain(&mut self.turns);
        classes.chain(others.map(|it| (it.group.clone(), &mut it.summary)))
    }
}
