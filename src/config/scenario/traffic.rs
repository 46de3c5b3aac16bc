//! Who asks for what, when, and how fast they want it.

use super::slo::Objective;
use super::workload::Workload;

/// All requests, by the class that they belong to.
#[derive(Clone, Debug)]
pub struct Traffic {
    /// At least one; a scenario that names none has one that holds everything.
    pub classes: Vec<Class>,
}

/// Requests that share a workload and the objectives on it.
#[derive(Clone, Debug)]
pub struct Class {
    /// What is asked for, when, and how long clients wait for it.
    pub workload: Workload,
    /// How many of its requests are outstanding at most, while others that are due wait with their clients; `None` if
    /// each is sent when it is due.
    pub max_outstanding: Option<u32>,
    /// What their latencies should be.
    pub objectives: Vec<Objective>,
}

impl Traffic {
    /// Traffic of a single class.
    pub fn of_one_class(class: Class) -> Self {
        Self { classes: vec![class] }
    }

    /// The first class.
    pub fn first(&self) -> &Class {
        self.classes.first().expect("traffic has a class")
    }
}
