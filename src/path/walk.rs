//! A request on its path.

use super::books::{EndedPath, ModelCall, StageVisit};
use super::calls::Calls;
use super::request_path::RequestPath;
use crate::units::Time;
use crate::workload::Request;

/// A request under way.
#[derive(Debug)]
pub(super) struct Walk {
    /// As its client sent it.
    pub(super) request: Request,
    pub(super) calls: Calls,
    /// Of each stage, how many that it follows are not passed yet.
    pub(super) before: Vec<u32>,
    /// How many stages of the path are not passed yet.
    pub(super) left: usize,
    /// Where each branch stands, by the stage of the path.
    pub(super) standing: Vec<Standing>,
    pub(super) visits: Vec<StageVisit>,
    pub(super) left_model: Option<Time>,
    pub(super) answered: Vec<ModelCall>,
}

/// Where a branch of a walk stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Standing {
    /// The stage that it is at: that of the path, or one that stands in for it.
    pub(super) at: usize,
    /// How often that one has still to be passed.
    pub(super) passes: u32,
    /// When it came there.
    pub(super) since: Time,
}

impl Walk {
    pub(super) fn of(request: Request, path: &RequestPath) -> Self {
        let stages = &path.stages;
        Self {
            calls: Calls::of(&request),
            request,
            before: stages.iter().map(|stage| stage.after().len() as u32).collect(),
            left: path.on_path().len(),
            standing: vec![Standing::default(); stages.len()],
            visits: vec![StageVisit::default(); stages.len()],
            left_model: None,
            answered: Vec::new(),
        }
    }

    /// About how much memory one takes on a path of so many stages, with what is due and who waits [bytes]. A hash
    /// table has up to twice the room that it needs, and what is due some more.
    pub(super) fn bytes(stages: usize) -> u64 {
        let of_a_stage = size_of::<Standing>() + size_of::<StageVisit>() + size_of::<u32>();
        (2 * size_of::<Self>() + 256 + stages * of_a_stage) as u64
    }

    /// What is known of it, as it ends now.
    pub(super) fn end(self, ended: Time, failed_at: Option<usize>) -> EndedPath {
        EndedPath {
            arrival: self.request.arrival,
            ended,
            failed_at,
            visits: self.visits,
            left_model: self.left_model,
            answered: self.answered,
        }
    }
}
