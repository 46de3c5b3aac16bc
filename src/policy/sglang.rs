//! Continuous batching as SGLang does it (0.5.23, `srt/managers/scheduler.py`, `get_next_batch_to_run`; `schedule_policy.py`,
//! `PrefillAdder`; `schedule_batch.py`, `retract_decode`; `scheduler_components/new_token_ratio_tracker.py`): if any prompt can come in,
//! the step holds prompts only and the decodes stall; otherwise all running requests decode. With `enable_mixed_chunk` the decodes join
//! the step with prompts. At most one prompt at a time is cut to `chunked_prefill_size`, and goes on in the next step.
//!
//! Nothing is reserved for outputs; an estimate decides who comes in. Of what each running request may still produce, at most 4096 tokens,
//! only a fraction is expected, the new-token ratio; it falls with every decode step. A request comes in if its prompt and all that it
//! may produce fit beside that. When the estimate was too bold and the next tokens lack blocks, the request with the fewest output
//! tokens is retracted (among equals the one with the longest prompt) and goes to the *end* of the queue; the ratio is set anew. After
//! a request did not fit the batch counts as full until one finishes or is retracted.
//!
//! The policy is fcfs. Not modelled: the radix cache and with it the other policies (`lpm` orders by cached prefix), the overlap
//! schedule, the ratio of 1 for requests that ignore stop tokens, priorities, speculation. A page has the server's block size (SGLang's
//! own default is 1). A request that with a page to spare would not fit into the whole memory is rejected. Where mixed steps would run
//! out of memory, which stops a real server, the prompts wait.

use super::Policy;
use super::queue::{Decision, Kind, Live, Queue, StepPlan};
use crate::units::Time;
use crate::workload::{Request, RequestId};

/// The most output that is expected of a request (`CLIP_MAX_NEW_TOKENS`).
const CLIP_MAX_NEW_TOKENS: u32 = 4096;
/// Where the ratio starts, falls to and in how many decode steps (`SGLANG_INIT_NEW_TOKEN_RATIO`, `SGLANG_MIN_NEW_TOKEN_RATIO_FACTOR`,
/// `SGLANG_NEW_TOKEN_RATIO_DECAY_STEPS`).
const INIT_RATIO: f64 = 0.7;
const MIN_RATIO_FACTOR: f64 = 0.14;
const RATIO_DECAY_STEPS: f64 = 600.0;
/// Decode steps that a retraction makes room for (`SGLANG_RETRACT_DECODE_STEPS`).
const RETRACT_DECODE_STEPS: u32 = 20;

/// Settings of SGLang's scheduler, with its names.
#[derive(Clone, Debug, PartialEq)]
pub struct SglangSettings {
    /// The most requests running at once; at least 1.
    pub max_running_requests: u32,
    /// The most prompt tokens in a step, unless a single prompt is longer.
    pub max_prefill_tokens: u32,
    /// Where prompts are cut, a multiple of the block size; `None` if they never are.
    pub chunked_prefill_size: Option<u32>,
    /// Whether the decodes join the steps with prompts.
    pub enable_mixed_chunk: bool,
    /// Scales the new-token ratio: larger expects longer outputs and retracts less.
    pub schedule_conservativeness: f64,
}

/// Prompts first, let in by an estimate.
pub(super) struct Sglang {
    settings: SglangSettings,
    ratio: f64,
    /// A request did not fit, and nobody has finished since.
    batch_is_full: bool,
    /// The prompt that is under way.
    chunked: Option<RequestId>,
    /// Requests running when the latest step was decided.
    running_before: usize,
}

/// What is left for the prompts of a step (`PrefillAdder`).
struct Adder {
    /// Tokens of memory, beyond what is expected of those that run.
    total: f64,
    input: i64,
    chunk: Option<i64>,
    page: u32,
    added: usize,
}

/// What came of asking a request in (`AddReqResult`).
#[derive(PartialEq, Eq)]
enum Added {
    Whole(u32),
    Cut(u32),
    NoMemory,
    NoBudget,
}

impl Sglang {
    pub(super) fn new(settings: SglangSettings) -> Self {
        let ratio = settings.init_ratio();
        Self {
            settings,
            ratio,
            batch_is_full: false,
            chunked: None,
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
        let mixed = self.settings.enable_mixed_chunk;
        if mixed {
            if next_blocks(queue, &decoding) > queue.free_blocks() {
                return None;
            }
            for &index in &decoding {
                queue.allocate_next(index);
            }
        }
        let mut adder = self.adder(queue, &decoding);
        let mut plan = StepPlan::default();
        self.go_on(queue, &mut adder, &mut plan)?;
        self.ask_in(queue, &mut adder, &mut plan, places, now);
        if plan.scheduled.is_empty() {
            return None;
        }
        if mixed {
            decode(queue, &decoding, &mut plan);
        }
        if decoding.is_empty() {
            self.batch_is_full = false; // The prompts become a batch of their own.
        }
        Some(plan)
    }

    fn adder(&self, queue: &Queue, decoding: &[usize]) -> Adder {
        let page = queue.memory.block_tokens;
        let still = |&index: &usize| f64::from(expected(&queue.running[index])) * self.ratio;
        let expected: f64 = decoding.iter().map(still).sum();
        let mixed = if self.settings.enable_mixed_chunk {
            i64::from(decoding.len() as u32)
        } else {
            0
        };
        let free = u64::from(queue.free_blocks()) * u64::from(page);
        Adder {
            total: free as f64 - expected,
            input: i64::from(self.settings.max_prefill_tokens) - mixed,
            chunk: self
                .settings
                .chunked_prefill_size
                .map(|size| i64::from(size) - mixed),
            page,
            added: 0,
        }
    }

    /// The next chunk of the prompt under way; `None` if there is no room for one (`add_chunked_req`).
    fn go_on(&mut self, queue: &mut Queue, adder: &mut Adder, plan: &mut StepPlan) -> Option<()> {
        let Some(id) = self.chunked else {
            return Some(());
        };
        let is_it = |live: &Live| live.request.id == id;
        let index = queue.running.iter().position(is_it)?;
        let live = &queue.running[index];
        let left = live.num_tokens() - live.computed;
        let room = u32::try_from(adder.chunk.unwrap_or(left.into())).ok()?;
        let tokens = left.min(room);
        if tokens == 0 || !queue.allocate(index, tokens) {
            return None;
        }
        let live = &queue.running[index];
        plan.schedule(live, Kind::Running, tokens);
        if tokens == left {
            self.chunked = None;
            adder.charge(tokens, expected(live));
        } else {
            adder.charge(tokens, 0);
        }
        Some(())
    }

    /// Asks the waiting in, up to the first that does not fit.
    fn ask_in(
        &mut self,
        queue: &mut Queue,
        adder: &mut Adder,
        plan: &mut StepPlan,
        places: usize,
        now: Time,
    ) {
        while let Some(head) = queue.waiting.front() {
            if adder.added >= places {
                self.batch_is_full = true;
                return;
            }
            let tokens = match adder.add(head) {
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
            let kind = queue.admit(now);
            let index = queue.running.len() - 1;
            let fits = queue.allocate(index, tokens);
            assert!(fits, "the estimate leaves room for the prompt");
            plan.schedule(&queue.running[index], kind, tokens);
            if self.chunked.is_some() || adder.is_used_up() {
                self.batch_is_full |= adder.total <= 0.0;
                return;
            }
        }
    }

    /// A step of decodes, after retracting those for whose next tokens there is no room (`update_running_batch`).
    fn decode(&mut self, queue: &mut Queue) -> StepPlan {
        let mut plan = StepPlan::default();
        let mut decoding = self.decoding(queue);
        if next_blocks(queue, &decoding) > queue.free_blocks() {
            while decoding.len() > 1 && next_blocks(queue, &decoding) > queue.free_blocks() {
                let victim = fewest_outputs(queue, &decoding);
                plan.preempted.push(queue.requeue(victim));
                decoding = self.decoding(queue);
            }
            self.ratio = ratio_after_retraction(queue, &decoding);
            self.batch_is_full = false;
        } else if !decoding.is_empty() {
            self.ratio = self.settings.decayed(self.ratio);
        }
        let is_stuck = decoding.is_empty() || next_blocks(queue, &decoding) > queue.free_blocks();
        if is_stuck && let Some(id) = self.chunked.take() {
            let is_it = |live: &Live| live.request.id == id;
            let index = queue.running.iter().position(is_it);
            plan.preempted.push(queue.requeue(index.expect("it runs")));
            decoding = self.decoding(queue);
        }
        decode(queue, &decoding, &mut plan);
        plan
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
        let mut plan = match self.prefill(queue, now) {
            Some(plan) => plan,
            None => self.decode(queue),
        };
        assert!(
            !(plan.scheduled.is_empty() && plan.preempted.is_empty()),
            "on an empty server the head of the queue always comes in"
        );
        self.running_before = queue.running.len();
        plan.used_blocks = queue.used_blocks();
        Decision::Step(plan)
    }

    fn can_ever_serve(&self, request: &Request, queue: &Queue) -> bool {
        let page = u64::from(queue.memory.block_tokens);
        let memory = u64::from(queue.memory.usable_blocks) * page;
        let can_be_cut = self.settings.chunked_prefill_size;
        u64::from(request.most_tokens()) + page < memory
            && can_be_cut.is_none_or(|size| u64::from(size) >= page)
    }
}

impl Adder {
    /// Whether and how a waiting request comes in (`add_one_req`).
    fn add(&mut self, live: &Live) -> Added {
        let all = live.num_tokens();
        let most = u64::from(all) + u64::from(expected(live)) + u64::from(self.page);
        if most as f64 >= self.total {
            return Added::NoMemory;
        }
        let paged = i64::from(all.next_multiple_of(self.page));
        if paged >= self.input && self.added > 0 {
            return Added::NoBudget;
        }
        match self.chunk {
            Some(left) if paged > left => {
                let left = u32::try_from(left).unwrap_or(0);
                let tokens = left - left % self.page;
                if tokens == 0 {
                    return Added::NoBudget;
                }
                self.charge(tokens, 0);
                Added::Cut(tokens)
            }
            _ => {
                self.charge(all, expected(live));
                Added::Whole(all)
            }
        }
    }

    /// Takes off a prompt's tokens, in whole pages, and what the request may produce.
    fn charge(&mut self, tokens: u32, output: u32) {
        let paged = tokens.next_multiple_of(self.page);
        self.total -= f64::from(paged) + f64::from(output);
        self.input -= i64::from(paged);
        self.chunk = self.chunk.map(|left| left - i64::from(paged));
        self.added += 1;
    }

    fn is_used_up(&self) -> bool {
        self.total <= 0.0 || self.input <= 0 || self.chunk.is_some_and(|left| left <= 0)
    }
}

impl SglangSettings {
    fn init_ratio(&self) -> f64 {
        (INIT_RATIO * self.schedule_conservativeness).min(1.0)
    }

    /// The ratio after one more decode step.
    fn decayed(&self, ratio: f64) -> f64 {
        let least = self.init_ratio() * MIN_RATIO_FACTOR;
        let decay = (self.init_ratio() - least) / RATIO_DECAY_STEPS;
        (ratio - decay).max(least)
    }
}

/// What the admission estimate counts on a request to produce yet.
fn expected(live: &Live) -> u32 {
    (live.request.max_tokens - live.generated).min(CLIP_MAX_NEW_TOKENS)
}

/// Blocks that these take for their next token.
fn next_blocks(queue: &Queue, decoding: &[usize]) -> u32 {
    let running = decoding.iter().map(|&index| &queue.running[index]);
    running
        .map(|live| queue.memory.blocks_for(live.num_tokens()) - live.blocks)
        .sum()
}

/// One token for each of these, whose blocks are free.
fn decode(queue: &mut Queue, decoding: &[usize], plan: &mut StepPlan) {
    for &index in decoding {
        queue.allocate_next(index);
        plan.schedule(&queue.running[index], Kind::Running, 1);
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
    let allowed: u64 = running()
        .map(|live| u64::from(live.request.max_tokens))
        .sum();
    (produced as f64 / (allowed + 1) as f64).min(1.0)
}
