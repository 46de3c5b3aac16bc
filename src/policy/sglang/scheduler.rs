//! What the next step holds, as SGLang's scheduler decides it.

use std::collections::BTreeMap;

use super::adder::{Added, Adder, expected};
use super::kv_cache::KvCache;
use super::order;
use super::settings::SglangSettings;
use crate::kv::FoundPrefix;
use crate::policy::plan::Policy;
use crate::policy::queue::{Decision, Live, Memory, Queue, ScheduledAs, StepPlan};
use crate::units::Time;
use crate::workload::{Request, RequestId};

/// Decode steps that a retraction makes room for (`SGLANG_RETRACT_DECODE_STEPS`).
const RETRACT_DECODE_STEPS: u32 = 20;

/// Prompts first, let in by an estimate.
pub(super) struct Sglang {
    settings: SglangSettings,
    cache: KvCache,
    ratio: f64,
    /// A request did not fit, and nobody has finished since.
    batch_is_full: bool,
    /// The prompt that is under way.
    chunked: Option<RequestId>,
    /// Whose prompts the latest step computes.
    prompts: Vec<RequestId>,
    /// Tokens that each retracted request had computed.
    lost: BTreeMap<RequestId, u32>,
    /// Requests running when the latest step was decided.
    running_before: usize,
}

impl Sglang {
    pub(super) fn new(settings: SglangSettings, memory: &Memory) -> Self {
        Self {
            ratio: settings.init_ratio(),
            cache: KvCache::new(memory, settings.page_size, settings.prefix_caching),
            settings,
            batch_is_full: false,
            chunked: None,
            prompts: Vec::new(),
            lost: BTreeMap::new(),
            running_before: 0,
        }
    }

    /// The requests that decode: all that run but the prompt under way.
    fn decoding(&self, queue: &Queue) -> Vec<usize> {
        let is_decoding = |&index: &usize| Some(queue.running[index].request.id) != self.chunked;
        (0..queue.running.len()).filter(is_decoding).collect()
    }

    /// A step with prompts, if there can be one (`get_new_batch_prefill`).
    fn prefill(&mut self, queue: &mut Queue, now: Time) -> Option<StepPlan> {
        if (self.batch_is_full || queue.waiting.is_empty()) && self.chunked.is_none() {
            return None;
        }
        let decoding = self.decoding(queue);
        let most = self.settings.max_running_requests as usize;
        let places = most.saturating_sub(decoding.len());
        if places == 0 && self.chunked.is_none() {
            self.batch_is_full = true;
            return None;
        }
        let joining = if self.settings.enable_mixed_chunk {
            decoding.as_slice()
        } else {
            &[]
        };
        let next = self.next_slots(queue, joining);
        if next > self.cache.available() {
            return None;
        }
        order::arrange(self.settings.schedule_policy, &mut queue.waiting, &mut self.cache);
        let mut adder = self.adder(queue, &decoding, joining.len() as u32, next);
        let mut plan = StepPlan::default();
        self.go_on(queue, &mut adder, &mut plan, next)?;
        self.ask_in(queue, &mut adder, &mut plan, places, now);
        if plan.scheduled.is_empty() {
            return None;
        }
        self.prompts.extend(plan.scheduled.iter().map(|part| part.id));
        // Only now, so that nothing is evicted that one of them has found.
        for part in &plan.scheduled {
            self.cache.grow(part.id, part.computed_before + part.tokens);
        }
        self.decode_all(queue, joining, &mut plan);
        if decoding.is_empty() {
            self.batch_is_full = false; // The prompts become a batch of their own.
        }
        Some(plan)
    }

    /// What is left for prompts beside `joining` decodes, which take `next` slots in the same step.
    fn adder(&self, queue: &Queue, decoding: &[usize], joining: u32, next: u64) -> Adder {
        let still = |&index: &usize| f64::from(expected(&queue.running[index])) * self.ratio;
        let expected: f64 = decoding.iter().map(still).sum();
        let chunk = self.settings.chunked_prefill_size;
        Adder {
            taken: expected + next as f64,
            input: i64::from(self.settings.max_prefill_tokens) - i64::from(joining),
            chunk: chunk.map(|size| i64::from(size) - i64::from(joining)),
            page: self.cache.page(),
            added: 0,
        }
    }

    /// The next chunk of the prompt under way; `None` if there is no room for one (`add_chunked_req`).
    fn go_on(&mut self, queue: &Queue, adder: &mut Adder, plan: &mut StepPlan, next: u64) -> Option<()> {
        let Some(id) = self.chunked else {
            return Some(());
        };
        let is_it = |live: &&Live| live.request.id == id;
        let live = queue.running.iter().find(is_it)?;
        let left = live.num_tokens() - live.computed;
        let room = u32::try_from(adder.chunk.unwrap_or(left.into())).ok()?;
        let tokens = left.min(room);
        let lacking = self.cache.lacking(id, live.computed + tokens);
        if tokens == 0 || u64::from(lacking) + next > self.cache.available() {
            return None;
        }
        plan.schedule(live, ScheduledAs::Running, tokens);
        if tokens == left {
            self.chunked = None;
            adder.charge(tokens, expected(live));
        } else {
            adder.charge(tokens, 0);
        }
        Some(())
    }

    /// Asks the waiting in, up to the first that does not fit.
    fn ask_in(&mut self, queue: &mut Queue, adder: &mut Adder, plan: &mut StepPlan, places: usize, now: Time) {
        while let Some(head) = queue.waiting.front() {
            if adder.added >= places {
                self.batch_is_full = true;
                return;
            }
            let prefix = self.cache.find(head);
            let tokens = match adder.add(head, prefix, &self.cache) {
                Added::Whole(tokens) => tokens,
                Added::Cut(tokens) => {
                    self.chunked = Some(head.request.id);
                    tokens
                }
                Added::NoMemory => {
                    self.batch_is_full = true;
                    return;
                }
                Added::NoBudget => return,
            };
            let kind = self.admit(queue, prefix, now);
            let live = queue.running.last().expect("it was admitted");
            plan.schedule(live, kind, tokens);
            let left = adder.left(self.cache.available());
            if self.chunked.is_some() || left <= 0.0 || adder.is_used_up() {
                self.batch_is_full |= left <= 0.0;
                return;
            }
        }
    }

    /// The head of the queue comes in, with what was found of it.
    fn admit(&mut self, queue: &mut Queue, prefix: FoundPrefix, now: Time) -> ScheduledAs {
        let kind = queue.admit(now);
        let live = queue.running.last_mut().expect("it was admitted");
        self.cache.admit(live.request.id, prefix);
        live.computed = prefix.tokens;
        if kind == ScheduledAs::New {
            live.cached = prefix.tokens;
        } else if let Some(lost) = self.lost.remove(&live.request.id) {
            // What it finds again it does not compute again.
            live.recomputed -= u64::from(prefix.tokens.min(lost));
        }
        kind
    }

    /// A step of decodes, after retracting those for whose next tokens there is no room (`update_running_batch`).
    fn decode(&mut self, queue: &mut Queue) -> StepPlan {
        let mut plan = StepPlan::default();
        let mut decoding = self.decoding(queue);
        if self.lacks_slots(queue, &decoding) {
            while decoding.len() > 1 && self.lacks_slots(queue, &decoding) {
                let victim = fewest_outputs(queue, &decoding);
                plan.preempted.push(self.retract(queue, victim));
                decoding = self.decoding(queue);
            }
            self.ratio = ratio_after_retraction(queue, &decoding);
            self.batch_is_full = false;
        } else if !decoding.is_empty() {
            self.ratio = self.settings.decayed(self.ratio);
        }
        let is_stuck = decoding.is_empty() || self.lacks_slots(queue, &decoding);
        if is_stuck && let Some(id) = self.chunked.take() {
            let is_it = |live: &Live| live.request.id == id;
            let index = queue.running.iter().position(is_it);
            let id = self.retract(queue, index.expect("it runs"));
            plan.preempted.push(id);
            decoding = self.decoding(queue);
        }
        self.decode_all(queue, &decoding, &mut plan);
        plan
    }

    /// Takes everything from a running request but what the tree holds of it, and puts it at the end of the queue.
    fn retract(&mut self, queue: &mut Queue, index: usize) -> RequestId {
        let live = &queue.running[index];
        self.lost.insert(live.request.id, live.computed);
        self.cache.release(live.request.id);
        queue.requeue(index)
    }

    /// One token for each of these, whose slots are available.
    fn decode_all(&mut self, queue: &Queue, decoding: &[usize], plan: &mut StepPlan) {
        for live in decoding.iter().map(|&index| &queue.running[index]) {
            self.cache.grow(live.request.id, live.num_tokens());
            plan.schedule(live, ScheduledAs::Running, 1);
        }
    }

    /// Slots that these take for their next token.
    fn next_slots(&self, queue: &Queue, decoding: &[usize]) -> u64 {
        let running = decoding.iter().map(|&index| &queue.running[index]);
        let lacking = |live: &Live| self.cache.lacking(live.request.id, live.num_tokens());
        running.map(|live| u64::from(lacking(live))).sum()
    }

    fn lacks_slots(&self, queue: &Queue, decoding: &[usize]) -> bool {
        self.next_slots(queue, decoding) > self.cache.available()
    }
}

impl Policy for Sglang {
    fn plan(&mut self, queue: &mut Queue, now: Time) -> Decision {
        if queue.running.is_empty() {
            self.batch_is_full = false;
            if queue.waiting.is_empty() {
                self.ratio = self.settings.init_ratio();
                self.running_before = 0;
                return Decision::Idle;
            }
        }
        if queue.running.len() < self.running_before || self.chunked.is_some() {
            self.batch_is_full = false;
        }
        self.prompts.clear();
        let mut plan = match self.prefill(queue, now) {
            Some(plan) => plan,
            None => self.decode(queue),
        };
        assert!(
            !(plan.scheduled.is_empty() && plan.preempted.is_empty()),
            "on an empty server the head of the queue always comes in"
        );
        self.running_before = queue.running.len();
        plan.used_blocks = self.used_blocks(queue);
        Decision::Step(plan)
    }

    fn filled_slots(&self, queue: &Queue, plan: &StepPlan) -> u64 {
        let computed = queue.running.iter().map(|live| u64::from(live.computed));
        let scheduled = plan.scheduled.iter().map(|part| u64::from(part.tokens));
        // What several have in the tree lies there once.
        computed.chain(scheduled).sum::<u64>() - self.cache.spared()
    }

    fn completed(&mut self, queue: &Queue, plan: &StepPlan, finished: &[Live]) {
        let is = |id: RequestId| move |live: &&Live| live.request.id == id;
        for part in &plan.scheduled {
            if let Some(live) = finished.iter().find(is(part.id)) {
                self.cache.insert(live);
                self.cache.release(part.id);
            } else if self.prompts.contains(&part.id) && self.chunked != Some(part.id) {
                let live = queue.running.iter().find(is(part.id));
                self.cache.insert(live.expect("it runs"));
            }
        }
        // A chunk enters the tree only when the next step is decided.
        if let Some(id) = self.chunked.filter(|id| self.prompts.contains(id)) {
            let live = queue.running.iter().find(is(id));
            self.cache.insert(live.expect("it runs"));
        }
    }

    fn aborted(&mut self, live: &Live, ran: bool) {
        let id = live.request.id;
        self.lost.remove(&id);
        if ran {
            self.cache.release(id);
            self.batch_is_full = false;
            self.chunked = self.chunked.filter(|&chunked| chunked != id);
        }
    }

    fn used_blocks(&self, queue: &Queue) -> u32 {
        self.cache.used().div_ceil(u64::from(queue.memory.block_tokens)) as u32
    }

    fn cached_tokens(&self, request: &Request) -> u32 {
        self.cache.held(request)
    }

    fn can_ever_serve(&self, request: &Request, _queue: &Queue) -> bool {
        let page = self.settings.page_size;
        let can_be_cut = self.settings.chunked_prefill_size;
        u64::from(request.most_tokens()) + u64::from(page) < self.cache.capacity()
            && can_be_cut.is_none_or(|size| size >= page)
    }
}

/// The request with the fewest output tokens; among equals the one with the longest prompt, then the youngest.
fn fewest_outputs(queue: &Queue, decoding: &[usize]) -> usize {
    let least = decoding.iter().copied().min_by_key(|&index| {
        let live = &queue.running[index];
        let prompt = live.request.prompt.tokens();
        (live.generated, u32::MAX - prompt, usize::MAX - index)
    });
    least.expect("a request decodes")
}

/// What was produced so far and will be in the next steps, as a fraction of all that is allowed.
fn ratio_after_retraction(queue: &Queue, decoding: &[usize]) -> f64 {
    let running = || decoding.iter().map(|&index| &queue.running[index]);
    let produced: u64 = running()
        .map(|live| u64::from(live.generated + RETRACT_DECODE_STEPS))
        .sum();
    let allowed: u64 = running().map(|live| u64::from(live.request.max_tokens)).sum();
    (produced as f64 / (allowed + 1) as f64).min(1.0)
}
