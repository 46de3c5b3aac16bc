//! The numbers of a run, of all requests and of groups of them.

use super::classes::ClassReport;
use super::meters::Summary;
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
        Self {
            classes: recording.classes(),
        }
    }

    /// The numbers of a group; `None` if there is none like it.
    pub fn of_group(&self, group: &RequestGroup) -> Option<&Summary> {
        match group {
            RequestGroup::Class(name) => {
                let class = self.classes.iter().find(|it| it.class.name == *name);
                class.map(|it| &it.summary)
            }
        }
    }

    /// All groups, each with its numbers.
    pub fn groups_mut(&mut self) -> impl Iterator<Item = (RequestGroup, &mut Summary)> {
        let classes = self.classes.iter_mut();
        classes.map(|it| (RequestGroup::Class(it.class.name.clone()), &mut it.summary))
    }
}
