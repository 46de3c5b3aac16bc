//! A scheduler's log: what each step held, in full. It drives vLLM's scheduler in readable form as vLLM's own engine
//! loop does (`vllm/v1/engine/core.py`: `step`, and `step_with_batch_queue` with two batches in flight when scheduling
//! is asynchronous), so that the two logs can be laid side by side.

use std::collections::{BTreeMap, VecDeque};

use crate::kv::BlockId;
use crate::policy::vllm::{Member, Output, TransferPlan, VllmPlan, VllmScheduler};
use crate::step_time::{StepShape, StepTime};
use crate::units::{Span, Time};
use crate::workload::{Request, RequestId};

/// How time goes on from step to step.
pub enum Clock<'a> {
    /// Times are numbers of steps, also of those that hold nothing.
    Counted,
    /// Steps take their time, and an idle server jumps to the next arrival.
    Timed(&'a dyn StepTime),
}

/// What a client or an operator does before a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The client gives up.
    Abort(RequestId),
    /// The operator empties the prefix cache.
    ResetPrefixCache,
}

/// What is to be logged.
pub struct LoggedExperiment<'a> {
    /// The requests in the order of arrival.
    pub requests: &'a [Request],
    /// What else happens, and before which step.
    pub actions: &'a [(u64, Action)],
    /// How time goes on.
    pub clock: Clock<'a>,
    /// Whether a step is decided while the one before still runs.
    pub async_scheduling: bool,
    /// How many steps transfers between GPU and CPU take, where there are any.
    pub transfer_steps: Option<TransferSteps>,
}

/// How many steps transfers take after the one with which they begin; those that a step waits for end with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferSteps {
    /// From the CPU to the GPU.
    pub load: u64,
    /// From the GPU to the CPU.
    pub store: u64,
}

/// What each step held, and when each request got its tokens.
#[derive(Default)]
pub struct StepLog {
    /// The steps in order.
    pub steps: Vec<LoggedStep>,
    /// Who got tokens when, in order. Times are the end of the step, or its number.
    pub tokens: Vec<(RequestId, u64)>,
    /// Whether it was given up because it would pass [`Time::LIMIT`].
    pub too_long: bool,
}

/// One line of the log.
#[derive(Default)]
pub struct LoggedStep {
    /// Requests that arrived before it.
    pub added: Vec<RequestId>,
    /// What else happened before it, and whether it worked.
    pub actions: Vec<(Action, bool)>,
    /// The number of a step that an empty server lets pass without a decision, as it does where scheduling is
    /// asynchronous.
    pub idle: Option<u64>,
    /// The decision; none if the line only awaits the output of an earlier step.
    pub decided: Option<Decided>,
    /// The output awaited after the decision; none if there was none to wait for.
    pub updated: Option<Updated>,
}

/// What the scheduler decided for one step, with the state around it.
pub struct Decided {
    /// The step's number.
    pub number: u64,
    /// When it was taken.
    pub at: Time,
    /// When the step runs.
    pub runs: (Time, Time),
    /// The queue before.
    pub waiting_before: Vec<RequestId>,
    /// The running requests before.
    pub running_before: Vec<RequestId>,
    /// What the step holds: who computes, and who was preempted.
    pub plan: VllmPlan,
    /// Blocks in use afterwards.
    pub used_blocks: u32,
    /// Blocks nobody uses afterwards, next to be taken first.
    pub free_queue: Vec<BlockId>,
    /// The blocks of each request that runs or has loaded some, by group; null where it has none.
    pub tables: Vec<(RequestId, Vec<Vec<BlockId>>)>,
    /// How many blocks the running requests hold in each group, shared ones counted for each.
    pub held: Vec<u32>,
    /// Blocks in the memory of the CPU afterwards.
    pub cpu_blocks: usize,
}

/// What a step has brought.
pub struct Updated {
    /// Number of the step whose output this is.
    pub of_step: u64,
    /// When it ended.
    pub at: Time,
    /// The tokens that each request got from the step.
    pub outputs: Vec<Output>,
    /// The queue afterwards.
    pub waiting: Vec<RequestId>,
    /// The running requests afterwards.
    pub running: Vec<RequestId>,
    /// Blocks nobody uses afterwards, next to be taken first.
    pub free_queue: Vec<BlockId>,
    /// Different contents in the prefix cache afterwards.
    pub cached_blocks: usize,
    /// Transfers that have ended.
    pub transfers_done: Vec<u64>,
}

/// A decided step whose output is still awaited.
struct InFlight {
    number: u64,
    ends: Time,
    plan: VllmPlan,
}

struct Logger<'a> {
    experiment: &'a LoggedExperiment<'a>,
    scheduler: VllmScheduler,
    to_come: std::slice::Iter<'a, Request>,
    in_flight: VecDeque<InFlight>,
    now: Time,
    /// The number of the next decision.
    number: u64,
    /// Whether requests have finished since the latest decision: the workers have to be told.
    finishes_to_tell: bool,
    /// When each transfer under way ends: with this step.
    transfers: BTreeMap<u64, u64>,
    log: StepLog,
}

/// Logs the steps that serve the requests, up to the last output, or until nothing can happen any more.
pub fn log_steps(scheduler: VllmScheduler, experiment: &LoggedExperiment<'_>) -> StepLog {
    let mut logger = Logger {
        experiment,
        scheduler,
        to_come: experiment.requests.iter(),
        in_flight: VecDeque::new(),
        now: Time::ZERO,
        number: 0,
        finishes_to_tell: false,
        transfers: BTreeMap::new(),
        log: StepLog::default(),
    };
    while logger.step() {}
    logger.log
}

impl Logger<'_> {
    /// One turn of the engine's loop; false if there is nothing left to do.
    fn step(&mut self) -> bool {
        let decided_up_to = self.in_flight.back().map_or(self.now, |step| step.ends);
        if decided_up_to.max(self.now) >= Time::LIMIT {
            self.log.too_long = true;
            return false;
        }
        let mut line = LoggedStep {
            added: self.drain_arrivals(),
            ..LoggedStep::default()
        };
        let unfinished = self.scheduler.waiting_count() + self.scheduler.running().len() > 0;
        let asynchronous = self.experiment.async_scheduling;
        let has_transfers = self.experiment.transfer_steps.is_some();
        let to_tell = self.finishes_to_tell && (asynchronous || has_transfers) || !self.transfers.is_empty();
        if !unfinished && self.in_flight.is_empty() && !to_tell {
            if self.to_come.len() == 0 {
                return false;
            }
            if let Clock::Timed(_) = self.experiment.clock {
                self.now = self.to_come.as_slice()[0].arrival;
                return true;
            }
            if asynchronous {
                line.idle = Some(self.number);
                line.actions = self.act();
                self.number += 1;
                self.log.steps.push(line);
                return true;
            }
        }
        let counted = matches!(self.experiment.clock, Clock::Counted) && !asynchronous && self.to_come.len() > 0;
        if unfinished || to_tell || counted {
            line.actions = self.act();
            let decided = self.decide();
            let executes = !decided.plan.scheduled.is_empty();
            let mut awaited = self.in_flight.iter();
            let stuck = awaited.all(|step| step.plan.scheduled.is_empty())
                && decided.plan.preempted.is_empty()
                && self.transfers.is_empty()
                && self.scheduler.waiting_count() + self.scheduler.running().len() > 0;
            line.decided = Some(decided);
            if stuck && !self.skip_to_arrival() {
                return false; // Whoever is left will wait for ever.
            }
            if asynchronous && executes && self.in_flight.len() < 2 {
                self.log.steps.push(line);
                return true;
            }
        }
        line.updated = self.in_flight.pop_front().map(|step| self.update(&step));
        self.log.steps.push(line);
        true
    }

    /// Goes on to the next arrival, before which nothing can be scheduled; false if there is none. Counted time goes on
    /// by itself.
    fn skip_to_arrival(&mut self) -> bool {
        let Some(next) = self.to_come.as_slice().first() else {
            return false;
        };
        if let Clock::Timed(_) = self.experiment.clock {
            self.now = next.arrival;
        }
        true
    }

    fn drain_arrivals(&mut self) -> Vec<RequestId> {
        let due = match self.experiment.clock {
            Clock::Counted => Time::ZERO + Span::from_micros(self.number),
            Clock::Timed(_) => self.now,
        };
        let mut added = Vec::new();
        while let Some(request) = self.to_come.as_slice().first().filter(|request| request.arrival <= due) {
            self.to_come.next();
            self.scheduler.submit(request.clone());
            added.push(request.id);
        }
        added
    }

    fn act(&mut self) -> Vec<(Action, bool)> {
        let mut done = Vec::new();
        for &(step, action) in self.experiment.actions {
            if step == self.number {
                let worked = match action {
                    Action::Abort(id) => self.scheduler.abort(id),
                    Action::ResetPrefixCache => self.scheduler.reset_prefix_cache(),
                };
                done.push((action, worked));
            }
        }
        done
    }

    fn decide(&mut self) -> Decided {
        let waiting_before = self.scheduler.waiting().map(Member::id).collect();
        let running_before = self.scheduler.running().map(Member::id).collect();
        let plan = self.scheduler.schedule();
        self.finishes_to_tell = false;
        self.note_transfers(&plan.transfers);
        let starts = self.in_flight.back().map_or(self.now, |step| step.ends.max(self.now));
        let ends = starts + self.step_span(&plan);
        self.in_flight.push_back(InFlight {
            number: self.number,
            ends,
            plan: plan.clone(),
        });
        let pool = self.scheduler.pool();
        let mut held = vec![0; self.scheduler.groups().len()];
        for member in self.scheduler.running() {
            held.iter_mut().zip(member.held()).for_each(|(all, own)| *all += own);
        }
        self.number += 1;
        Decided {
            number: self.number - 1,
            at: self.now,
            runs: (starts, ends),
            waiting_before,
            running_before,
            plan,
            used_blocks: pool.usable() - pool.free_count(),
            free_queue: pool.free_queue().collect(),
            tables: self
                .scheduler
                .holding()
                .map(|member| (member.id(), member.tables.clone()))
                .collect(),
            held,
            cpu_blocks: self.scheduler.cpu_blocks(),
        }
    }

    /// Notes when the transfers that a decision begins end, and that others end with its step.
    fn note_transfers(&mut self, plan: &TransferPlan) {
        let Some(steps) = self.experiment.transfer_steps else {
            return;
        };
        let loads = plan.loads.iter().map(|it| (it.job, self.number + steps.load));
        let stores = plan.stores.iter().map(|it| (it.job, self.number + 1 + steps.store));
        let flushed = plan.flushed.iter().map(|&job| (job, self.number));
        self.transfers.extend(loads.chain(stores).chain(flushed));
    }

    /// Ends the transfers that end with a step.
    fn end_transfers(&mut self, step: u64) -> Vec<u64> {
        let due = self.transfers.extract_if(.., |_, end| *end <= step);
        let done: Vec<u64> = due.map(|(job, _)| job).collect();
        self.scheduler.end_transfers(&done);
        done
    }

    fn step_span(&self, plan: &VllmPlan) -> Span {
        match self.experiment.clock {
            Clock::Timed(step_time) if !plan.scheduled.is_empty() => {
                let mut shape = StepShape::default();
                for part in &plan.scheduled {
                    shape.add(part.computed_before, part.tokens, part.computed_before + part.tokens);
                }
                step_time.step(&shape)
            }
            _ => Span::ZERO,
        }
    }

    fn update(&mut self, step: &InFlight) -> Updated {
        self.now = self.now.max(step.ends);
        let outputs = self.scheduler.update(&step.plan);
        let transfers_done = self.end_transfers(step.number);
        self.finishes_to_tell |= outputs.iter().any(|output| output.finished.is_some());
        let when = match self.experiment.clock {
            Clock::Counted => step.number,
            Clock::Timed(_) => step.ends.picos() / 1_000_000,
        };
        for output in &outputs {
            self.log.tokens.extend((0..output.tokens).map(|_| (output.id, when)));
        }
        let pool = self.scheduler.pool();
        Updated {
            of_step: step.number,
            at: step.ends,
            outputs,
            waiting: self.scheduler.waiting().map(Member::id).collect(),
            running: self.scheduler.running().map(Member::id).collect(),
            free_queue: pool.free_queue().collect(),
            cached_blocks: pool.cached_count(),
            transfers_done,
        }
    }
}
