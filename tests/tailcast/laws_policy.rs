//! What every batching policy promises, on random worlds, step by step: budgets hold, memory is never oversold, every
//! token is computed, nobody who arrives later is first scheduled earlier, and everyone who is taken finishes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use tailcast::policy::{
    Decision, Live, POLICIES, PlainQueue, Policy, PolicySettings, ScheduledAs, StepPlan, cut_to_model_length,
};
use tailcast::settings::Setting;
use tailcast::units::{Span, Time};
use tailcast::workload::{Request, RequestId};

use crate::worlds::{World, policy_names, world};

/// More steps than any world needs that is not stuck.
const MOST_STEPS: usize = 100_000;

#[test]
fn every_policy_keeps_its_promises_in_every_step() {
    for name in policy_names() {
        for seed in 0..300 {
            let world = world(name, seed);
            if is_plain(&world) {
                Run::new(name, seed, world).serve_all();
            }
        }
    }
}

/// vLLM's and SGLang's schedulers keep queues of their own: recordings of the real ones hold them to their promises.
fn is_plain(world: &World) -> bool {
    let settings = &world.settings;
    settings.policy.policy(settings.memory()).is_some()
}

/// A world served by a policy alone, each step a fixed time long.
struct Run {
    name: &'static str,
    seed: u64,
    settings: PolicySettings,
    policy: Box<dyn Policy>,
    queue: PlainQueue,
    arrivals: VecDeque<Request>,
    now: Time,
    first_scheduled: Vec<RequestId>,
    taken: usize,
    finished: usize,
}

impl Run {
    fn new(name: &'static str, seed: u64, world: World) -> Self {
        let World { settings, requests, .. } = world;
        Self {
            name,
            seed,
            policy: settings
                .policy
                .policy(settings.memory())
                .expect("a plan over plain queues"),
            queue: PlainQueue::new(settings.memory()),
            settings: settings.policy,
            arrivals: requests.into(),
            now: Time::ZERO,
            first_scheduled: Vec::new(),
            taken: 0,
            finished: 0,
        }
    }

    fn serve_all(mut self) {
        for _ in 0..MOST_STEPS {
            self.let_arrive();
            match self.policy.plan(&mut self.queue, self.now).expect("plain queues") {
                Decision::Step(plan) => self.take(&plan),
                Decision::WaitUntil(time) => {
                    let next = self.arrivals.front().map(|request| request.arrival);
                    self.now = next.map_or(time, |next| time.min(next));
                }
                Decision::Idle => {
                    let Some(next) = self.arrivals.front() else {
                        return self.has_served_all();
                    };
                    self.now = next.arrival;
                }
            }
        }
        panic!("{}, world {}: does not end", self.name, self.seed);
    }

    fn let_arrive(&mut self) {
        let longest = self.queue.memory.max_model_len;
        while let Some(request) = self.arrivals.pop_front_if(|next| next.arrival <= self.now) {
            if request.prompt.tokens() >= longest {
                continue;
            }
            let request = cut_to_model_length(request, longest);
            if self.policy.can_ever_serve(&request, &self.queue.memory) {
                self.queue.waiting.push_back(Live::new(request));
                self.taken += 1;
            }
        }
    }

    fn take(&mut self, plan: &StepPlan) {
        self.check(plan);
        let new = plan.scheduled.iter().filter(|part| part.kind == ScheduledAs::New);
        self.first_scheduled.extend(new.map(|part| part.id));
        if !plan.scheduled.is_empty() {
            self.now += Span::from_picos(3);
        }
        let complete = self.queue.complete(plan, self.now).finished;
        for live in complete {
            let needed = live.request.prompt.tokens() + live.request.output_tokens - 1;
            assert_eq!(live.computed, needed, "{} {}", self.name, self.seed);
            self.finished += 1;
        }
    }

    fn check(&self, plan: &StepPlan) {
        let context = format!("{}, world {}, at {:?}", self.name, self.seed, self.now);
        let memory = &self.queue.memory;
        let ids: BTreeSet<_> = plan.scheduled.iter().map(|part| part.id).collect();
        assert_eq!(ids.len(), plan.scheduled.len(), "{context}: once a step");
        assert!(plan.used_blocks <= memory.usable_blocks, "{context}");
        let mut tokens = 0;
        for part in &plan.scheduled {
            let is_it = |live: &&Live| live.request.id == part.id;
            let live = self.queue.running.iter().find(is_it).expect("it runs");
            assert_eq!(part.computed_before, live.computed, "{context}");
            assert!(part.tokens > 0, "{context}");
            assert!(live.computed + part.tokens <= live.num_tokens(), "{context}");
            let starts = part.kind != ScheduledAs::Running;
            assert!(starts || part.computed_before > 0, "{context}");
            assert!(!starts || part.computed_before == 0, "{context}");
            if part.kind == ScheduledAs::New {
                assert_eq!(part.computed_before, live.cached, "{context}");
            }
            tokens += u64::from(part.tokens);
            if self.keeps_blocks() {
                let needed = memory.blocks_for(live.computed + part.tokens);
                assert!(live.blocks >= needed, "{context}: {} holds its tokens", part.id.0);
            }
        }
        if self.keeps_blocks() {
            assert_eq!(plan.used_blocks, self.queue.used_blocks(), "{context}");
        }
        let slots = u64::from(plan.used_blocks) * u64::from(memory.block_tokens);
        let computed: u64 = self.queue.running.iter().map(|live| u64::from(live.computed)).sum();
        let filled = computed + tokens;
        assert!(filled <= slots, "{context}: {filled} of {slots} slots");
        if self.name != "static" {
            assert_eq!(tokens, plan.shape.tokens(), "{context}");
            assert_eq!(plan.shape.sequences as usize, plan.scheduled.len(), "{context}");
        }
        let (requests, budget) = self.limits();
        assert!(tokens <= budget, "{context}: {tokens} of {budget} tokens");
        assert!(self.queue.running.len() <= requests as usize, "{context}");
    }

    /// Whether memory is handed out in blocks to each request; otherwise it is reserved as a whole.
    fn keeps_blocks(&self) -> bool {
        !["static", "orca"].contains(&self.name)
    }

    /// The most requests, and the most tokens of this step: as the policy says, but where decodes count beside prompts.
    fn limits(&self) -> (u32, u64) {
        let decoding = self.queue.running.len() as u64;
        match &self.settings {
            PolicySettings::Tgi(it) => {
                let block = self.queue.memory.block_tokens;
                let prefill = it.max_batch_prefill_tokens.next_multiple_of(block);
                (u32::MAX, u64::from(prefill).max(decoding))
            }
            other => {
                let limits = other.limits();
                (limits.most_running, limits.most_tokens)
            }
        }
    }

    fn has_served_all(self) {
        let context = format!("{}, world {}", self.name, self.seed);
        assert_eq!(self.finished, self.taken, "{context}: everyone finishes");
        assert!(self.queue.waiting.is_empty() && self.queue.running.is_empty());
        assert!(
            self.first_scheduled.is_sorted(),
            "{context}: first come, first scheduled"
        );
        assert_eq!(self.first_scheduled.len(), self.taken, "{context}");
    }
}

#[test]
fn every_policy_describes_itself() {
    let names: BTreeSet<_> = POLICIES.iter().map(|policy| policy.name).collect();
    assert_eq!(names.len(), POLICIES.len(), "no two policies have one name");
    for policy in POLICIES {
        let name = policy.name;
        let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/policy");
        let file = home.join(format!("{}.rs", policy.module));
        assert!(file.is_file() || home.join(policy.module).is_dir(), "{name}: {file:?}");
        assert!(!policy.summary.ends_with('.') && !policy.title.is_empty(), "{name}");
        let keys: BTreeSet<_> = policy.settings.iter().map(|setting| setting.name).collect();
        assert_eq!(keys.len(), policy.settings.len(), "{name}: each setting once");
        for setting in policy.settings {
            let help = setting.help;
            assert!(
                !help.is_empty() && !help.ends_with('.'),
                "{name}: {}: {help}",
                setting.name
            );
        }
    }
}

/// A key is read by whichever policy is used: where several have it, it is spelled and limited alike.
#[test]
fn policies_that_share_a_setting_agree_on_it() {
    let form = |setting: &Setting| format!("{:?} {:?}", setting.aliases, setting.kind);
    let mut forms = BTreeMap::new();
    for (policy, setting) in POLICIES
        .iter()
        .flat_map(|policy| policy.settings.iter().map(move |setting| (policy.name, setting)))
    {
        let known = forms.entry(setting.name).or_insert_with(|| form(setting));
        assert_eq!(*known, form(setting), "{policy}: {}", setting.name);
    }
}
