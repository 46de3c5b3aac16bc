//! Queues and the policy over them, as the readable engine drives them.

use super::live::{Live, Memory};
use super::plain_queue::PlainQueue;
use super::plan::Policy;
use super::step_plan::{Decision, StepOutcome, StepPlan};
use crate::units::{Span, Time};
use crate::workload::{Request, RequestId};

/// A server's queues, and the policy that plans over them.
pub trait Planner {
    /// Whether a request, alone on an empty server, could be served.
    fn can_ever_serve(&self, request: &Request) -> bool;

    /// A request arrives.
    fn submit(&mut self, request: Request);

    /// A client has given up: its request leaves, unless it has left or takes part in a batch that cannot do without
    /// it.
    fn abort(&mut self, id: RequestId) -> Option<Live>;

    /// How many steps may be decided that have not ended: 2 if a step is decided while the one before still runs.
    fn steps_in_flight(&self) -> u64 {
        1
    }

    /// Decides what happens at `now`, when fewer steps than that are in flight.
    fn plan(&mut self, now: Time) -> Decision;

    /// The earliest of the decided steps has ended.
    fn complete(&mut self, plan: &StepPlan, end: Time) -> StepOutcome;

    /// The requests that wait for admission.
    fn waiting(&self) -> Waiting;

    /// Blocks that requests hold.
    fn used_blocks(&self) -> u32;

    /// How much of its prompt a request would find in the prefix cache if it were admitted now [tokens].
    fn cached_tokens(&self, request: &Request) -> u32;

    /// What has begun to move between the memories of GPU and CPU since this was last asked; `None` where nothing ever
    /// does.
    fn moved(&mut self) -> Option<Moved> {
        None
    }
}

/// Blocks that have begun to move between the memories of GPU and CPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Requests that load what they lack.
    pub loads: u64,
    /// Blocks on their way to the GPU.
    pub loaded_blocks: u64,
    /// Blocks on their way to the CPU.
    pub stored_blocks: u64,
    /// How long loads take that have begun, one after the other.
    pub loading: Span,
    /// How long stores take that have begun.
    pub storing: Span,
    /// For how long a step waits for stores that have to end before it.
    pub held: Span,
    /// Blocks in the memory of the CPU now.
    pub cpu_blocks: u32,
}

/// The requests that wait for admission, taken together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// How many they are.
    pub requests: u32,
    /// The length of their prompts together.
    pub prompt_tokens: u64,
}

impl Waiting {
    /// These requests.
    pub fn of<'a>(requests: impl Iterator<Item = &'a Request>) -> Self {
        requests.fold(Self::default(), |all, request| Self {
            requests: all.requests + 1,
            prompt_tokens: all.prompt_tokens + u64::from(request.prompt.tokens()),
        })
    }
}

/// Plain queues with a policy that is nothing but a plan.
pub struct Planned {
    policy: Box<dyn Policy>,
    queue: PlainQueue,
}

impl Planned {
    /// Starts with empty queues under `policy`, over `memory`.
    pub fn new(policy: Box<dyn Policy>, memory: Memory) -> Self {
        Self {
            policy,
            queue: PlainQueue::new(memory),
        }
    }
}

impl Planner for Planned {
    fn can_ever_serve(&self, request: &Request) -> bool {
        self.policy.can_ever_serve(request, &self.queue.memory)
    }

    fn submit(&mut self, request: Request) {
        self.queue.waiting.push_back(Live::new(request));
    }

    fn abort(&mut self, id: RequestId) -> Option<Live> {
        let is_it = |live: &Live| live.request.id == id;
        if let Some(place) = self.queue.waiting.iter().position(is_it) {
            return self.queue.waiting.remove(place);
        }
        if !self.policy.can_abort_running() {
            return None;
        }
        let place = self.queue.running.iter().position(is_it)?;
        Some(self.queue.running.remove(place))
    }

    fn plan(&mut self, now: Time) -> Decision {
        let decision = self.policy.plan(&mut self.queue, now);
        let mut decision = decision.expect("plain queues are gone through one by one");
        if let Decision::Step(plan) = &mut decision {
            self.queue.note_empty_slots(plan);
        }
        decision
    }

    fn waiting(&self) -> Waiting {
        Waiting::of(self.queue.waiting.iter().map(|live| &live.request))
    }

    fn used_blocks(&self) -> u32 {
        self.policy.used_blocks(&self.queue)
    }

    fn cached_tokens(&self, _request: &Request) -> u32 {
        0
    }

    fn complete(&mut self, plan: &StepPlan, end: Time) -> StepOutcome {
        self.queue.complete(plan, end)
    }
}
