//! Who asks for what, when, and how fast they want it.

use std::collections::BTreeSet;

use super::slo::Objective;
use super::workload::Workload;
use crate::fleet::{ClassRules, ClientRules};
use crate::units::Span;

/// All requests, by the class that they belong to.
#[derive(Clone, Debug)]
pub struct Traffic {
    /// At least one; a scenario that names none has one without a name, which holds everything.
    pub classes: Vec<Class>,
    /// How many requests all classes send together at most; `None` if nothing but each of them says so.
    pub requests: Option<u64>,
    /// For how long all of them send; `None` if nothing but each of them says so.
    pub duration: Option<Span>,
    /// How many requests of all classes are outstanding at most, while others that are due wait with their clients;
    /// `None` if each is sent when it is due.
    pub max_outstanding: Option<u32>,
}

/// Requests that share a workload and the objectives on it.
#[derive(Clone, Debug)]
pub struct Class {
    /// What it is called; `None` of the only one of a scenario that names none.
    pub name: Option<String>,
    /// How urgent all of its requests are; `None` if they say so themselves.
    pub priority: Option<i32>,
    /// What is asked for, when, and how long clients wait for it.
    pub workload: Workload,
    /// How many of its own requests are outstanding at most.
    pub max_outstanding: Option<u32>,
    /// What its clients do beside waiting.
    pub clients: ClientRules,
    /// Behind how many others one of its requests may wait; `None` if it does not say so itself.
    pub max_queue: Option<u32>,
    /// Whether it says itself when its requests end.
    pub ends_by_itself: bool,
    /// What its own latencies should be, beside those of all requests.
    pub objectives: Vec<Objective>,
}

impl Class {
    /// Requests without a name or objectives, whose clients do so.
    pub const fn of(workload: Workload, clients: ClientRules) -> Self {
        Self {
            name: None,
            priority: None,
            workload,
            max_outstanding: None,
            clients,
            max_queue: None,
            ends_by_itself: false,
            objectives: Vec::new(),
        }
    }
}

impl Traffic {
    /// Traffic of a single class, which is not told apart from the whole.
    pub fn of_one_class(class: Class, max_outstanding: Option<u32>) -> Self {
        let (requests, duration) = match &class.workload {
            Workload::Synthetic(workload) => (workload.requests, workload.duration),
            Workload::Trace(replay) => (replay.limit, None),
        };
        Self {
            classes: vec![class],
            requests,
            duration,
            max_outstanding,
        }
    }

    /// The workload, if there are no classes that are told apart.
    pub fn only_workload(&self) -> Option<&Workload> {
        match &self.classes[..] {
            [
                Class {
                    name: None, workload, ..
                },
            ] => Some(workload),
            _ => None,
        }
    }

    /// Whether a load generator sends it: clients who never pause. What such tools report (`vllm bench serve
    /// --max-concurrency` and others) is of the whole run, the crowd at its start included.
    pub fn is_of_load_generator(&self) -> bool {
        let Some(Workload::Synthetic(workload)) = self.only_workload() else {
            return false;
        };
        let thinks = workload
            .session
            .as_ref()
            .is_some_and(|session| !session.think.is_none());
        workload.arrivals.is_closed_loop_without_think() && !thinks
    }

    /// The workload of each class.
    pub fn workloads(&self) -> impl Iterator<Item = &Workload> {
        self.classes.iter().map(|class| &class.workload)
    }

    /// What holds for each class, of which one of its requests may wait behind so many others if it does not say
    /// otherwise.
    pub fn rules(&self, max_queue: Option<u32>) -> Vec<ClassRules> {
        let rules = self.classes.iter().map(|class| ClassRules {
            clients: class.clients,
            max_queue: class.max_queue.or(max_queue),
        });
        rules.collect()
    }

    /// Whether the same goes on throughout: all classes have the same rate from the first request to the last of all.
    pub fn is_stationary(&self) -> bool {
        let is_stationary = |class: &Class| class.workload.is_stationary() && !class.ends_by_itself;
        self.classes.iter().all(is_stationary)
    }

    /// Whether the same is asked for at the same times, whatever the objectives.
    pub fn asks_for_the_same_as(&self, other: &Self) -> bool {
        let requests = |traffic: &Self| (traffic.requests, traffic.duration);
        let same = |(mine, theirs): (&Workload, &Workload)| mine == theirs;
        self.classes.len() == other.classes.len()
            && requests(self) == requests(other)
            && self.workloads().zip(other.workloads()).all(same)
    }

    /// Every priority that a request may have, the most urgent first; `None` where only a trace says so.
    pub fn priorities(&self) -> Option<BTreeSet<i32>> {
        let mut all = BTreeSet::new();
        for class in &self.classes {
            match (class.priority, &class.workload) {
                (Some(priority), _) => _ = all.insert(priority),
                (None, Workload::Trace(_)) => return None,
                (None, Workload::Synthetic(workload)) => match &workload.priority {
                    None => _ = all.insert(0),
                    Some(priorities) => all.extend(priorities.levels.iter().map(|level| level.value)),
                },
            }
        }
        Some(all)
    }

    /// Whether a request may be another turn of a session than the first.
    pub fn may_have_turns(&self) -> bool {
        self.workloads().any(|workload| match workload {
            Workload::Synthetic(workload) => workload.session.is_some(),
            Workload::Trace(_) => true,
        })
    }

    /// Whether there are never more requests than clients.
    pub fn is_closed_loop(&self) -> bool {
        self.workloads().all(Workload::is_closed_loop)
    }

    /// The mean rate of arrivals (of sessions, where there are any) of all classes that have one [1/s]; `None` if none
    /// has, or of a trace.
    pub fn rate_per_s(&self) -> Option<f64> {
        let rates = self.workloads().filter_map(Workload::mean_rate_per_s);
        rates.reduce(|one, other| one + other)
    }
}
