//! What a path is made of.

use super::outages::StageOutages;
use crate::workload::SpanDistribution;

/// The stages that each request of a workload passes. They are in no circle, and one of those on the path itself is the
/// model.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestPath {
    /// All of them, in the order in which they are written; others refer to them by their places here.
    pub stages: Vec<PathStage>,
    /// The place of the model.
    pub model: usize,
    /// The most tokens that a prompt and its output may have together.
    pub max_model_len: u32,
}

/// A stage of a path.
#[derive(Clone, Debug, PartialEq)]
pub struct PathStage {
    /// What it is called.
    pub name: String,
    /// What a request does there.
    pub work: StageWork,
    /// Where it stands.
    pub place: PlaceOnPath,
    /// How often it is passed, one time after the other; at least 1.
    pub times: u32,
    /// When nobody can start there.
    pub outages: StageOutages,
    /// What stands in for it.
    pub fallback: PathFallback,
}

/// What a request does at a stage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StageWork {
    /// It is on its way for a while, whoever else is.
    Delay(SpanDistribution),
    /// It is served, after whoever came before.
    Station(PathStation),
    /// It is answered by the model.
    Model,
}

/// Servers with one queue, first come, first served.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PathStation {
    /// How many there are; at least 1.
    pub servers: u32,
    /// How long one takes for those whom it serves together.
    pub service: SpanDistribution,
    /// How many may wait; `None` if any number may.
    pub queue: Option<u32>,
    /// How many are served together at most; at least 1.
    pub batch: u32,
}

/// Where a stage stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlaceOnPath {
    /// On the path, behind all of these; with the request, behind none.
    After(Vec<usize>),
    /// Between two calls of the model, behind those of its kind that stand before it in the list.
    BetweenCalls {
        /// What it adds to the prompt of the next call [tokens].
        result_tokens: u32,
    },
    /// Beside it, where it stands in for others.
    Aside,
}

/// What is done where a stage refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathFallback {
    /// Nothing: the path has failed.
    Fail,
    /// The path goes on without the stage.
    Skip,
    /// This stage stands in for it.
    Stage(usize),
}

impl RequestPath {
    /// How often a request calls the model.
    pub fn calls(&self) -> u32 {
        self.stages[self.model].times
    }

    /// The places of the stages between two calls, in their order.
    pub(super) fn between_calls(&self) -> Vec<usize> {
        let is_between = |stage: &PathStage| matches!(stage.place, PlaceOnPath::BetweenCalls { .. });
        self.places(is_between)
    }

    /// The places of the stages on the path itself.
    pub(super) fn on_path(&self) -> Vec<usize> {
        self.places(|stage| matches!(stage.place, PlaceOnPath::After(_)))
    }

    /// The places of those that start with the request.
    pub(super) fn firsts(&self) -> Vec<usize> {
        self.places(|stage| stage.place == PlaceOnPath::After(Vec::new()))
    }

    /// Whether any stage is ever down.
    pub fn has_outages(&self) -> bool {
        self.stages.iter().any(|stage| stage.outages != StageOutages::Never)
    }

    fn places(&self, has: impl Fn(&PathStage) -> bool) -> Vec<usize> {
        let stages = self.stages.iter().enumerate();
        stages.filter(|(_, stage)| has(stage)).map(|(place, _)| place).collect()
    }
}

impl PathStage {
    /// The places of the stages that it follows.
    pub(super) fn after(&self) -> &[usize] {
        match &self.place {
            PlaceOnPath::After(before) => before,
            PlaceOnPath::BetweenCalls { .. } | PlaceOnPath::Aside => &[],
        }
    }
}
