//! Random small worlds for the twin tests: a server, a step time and requests, tight enough that everything happens:
//! queues, shortage of blocks and tokens, preemption, rejection. Half of them are coarse: all times lie in 0..9, so
//! that ties happen.

use std::collections::VecDeque;

use rand::{Rng, RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
pub use tailcast::engine::Heard;
use tailcast::engine::{Event, Observer, ServerSettings, StepRun, Transcript};
use tailcast::hardware::{KvGroup, KvGroupKind};
use tailcast::kv::KvGroups;
use tailcast::policy::{
    Acceptance, CapacityScheduler, ContinuousSettings, DraftPadding, DraftRules, NoBatching, OrcaSettings, POLICIES,
    PolicySettings, Reserve, Response, SarathiSettings, SchedulePolicy, SglangPriorities, SglangSettings, Speculative,
    StaticSettings, TgiSettings, TrtllmSettings, VllmV0Settings,
};
use tailcast::units::{Span, Time};
use tailcast::workload::trace::TraceError;
use tailcast::workload::{ClassId, ContentId, Prompt, Request, RequestId, Segment, Source};

use crate::world_step_time::WorldStepTime;

pub struct World {
    pub settings: ServerSettings,
    pub step_time: WorldStepTime,
    pub requests: Vec<Request>,
    /// For closed loops: how many clients, and how long each thinks.
    pub clients: usize,
    pub think: Span,
    /// How long clients wait for their answers, if they ever give up.
    pub timeout: Option<Span>,
    pub random: Xoshiro256PlusPlus,
}

/// Worlds per policy; the long run sets `TAILCAST_WORLDS`.
pub fn worlds_per_policy() -> u64 {
    match std::env::var("TAILCAST_WORLDS") {
        Ok(number) => number.parse().expect("TAILCAST_WORLDS is a number"),
        Err(_) => 200,
    }
}

/// Every policy, and some with more that they can be told: for which a world can be made. A run that looks at some
/// alone sets `TAILCAST_POLICIES` to a part of their names.
pub fn policy_names() -> impl Iterator<Item = &'static str> {
    let part = std::env::var("TAILCAST_POLICIES").unwrap_or_default();
    let policies = POLICIES.iter().map(|policy| policy.name);
    let all = policies.chain([
        "continuous with prefix cache",
        "continuous with priorities",
        "continuous with drafts",
        "continuous with groups",
        "continuous with groups and prefix cache",
        "sglang with prefix cache",
        "sglang with priorities",
        "sglang with mixed steps",
    ]);
    all.filter(move |name| name.contains(&part))
}

pub fn world(policy: &str, seed: u64) -> World {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let coarse = random.random_bool(0.5);
    let unit = if coarse { 1 } else { 1_000_003 };
    let block_tokens = random.random_range(1..=8);
    let longest = random.random_range(2..60_u32);
    let max_model_len = if random.random_bool(0.7) { 2 * longest } else { longest };
    // The null block, and room for one request of the maximum length.
    let least_blocks = 1 + max_model_len.div_ceil(block_tokens);
    let count = random.random_range(1..40);
    let mut world = World {
        settings: ServerSettings {
            policy: policy_settings(policy, longest, unit, &mut random),
            kv_blocks: least_blocks + random.random_range(0..3 * least_blocks),
            block_tokens,
            max_model_len,
            kv_groups: None,
        },
        step_time: WorldStepTime::random(coarse, &mut random),
        requests: requests(count, longest, coarse, &mut random),
        clients: random.random_range(1..6),
        think: Span::from_picos(unit * random.random_range(0..9)),
        timeout: random
            .random_bool(0.4)
            .then(|| Span::from_picos(if coarse { 1 } else { 8_000_009 } * random.random_range(0..400))),
        random,
    };
    ask_for_prompts_only(&mut world.requests, seed);
    make_plain(&mut world.requests, seed);
    if policy.contains("groups") {
        divide_memory(&mut world, seed);
    }
    if policy.starts_with("sglang") {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed ^ 0x0065_6f73);
        for request in world.requests.iter_mut().filter(|request| !request.stops) {
            request.ignore_eos = random.random_bool(0.3);
        }
    }
    if policy.ends_with("with priorities") {
        for request in &mut world.requests {
            request.priority = world.random.random_range(-1..=2);
        }
    }
    world
}

/// In every second world most requests, or all, have a prompt of their own and end when their length is reached: those
/// for which the fast engine has a path of its own, until one comes that is not so, or blocks run short.
fn make_plain(requests: &mut [Request], seed: u64) {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed ^ 0x706c_6169);
    if random.random_bool(0.5) {
        return;
    }
    let plain = if random.random_bool(0.6) { 1.0 } else { 0.9 };
    for request in requests {
        if !random.random_bool(plain) || request.is_prompt_only {
            continue;
        }
        request.prompt = Prompt::unique(request.prompt.tokens());
        request.max_tokens = request.output_tokens;
        request.stops = false;
        // Nobody names it then.
        request.output_is_shared &= plain < 1.0;
    }
}

/// Divides the memory of a world between groups of layers, and makes it as tight as it was. In most worlds every prompt
/// is its own then.
fn divide_memory(world: &mut World, seed: u64) {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed ^ 0x6_7072_6f75);
    let settings = &mut world.settings;
    let PolicySettings::Continuous(rules) = &mut settings.policy else {
        panic!("other policies know no groups");
    };
    let caching = rules.prefix_caching;
    let steps = if rules.async_scheduling { 2 } else { 1 };
    let in_flight = steps * u64::from(rules.max_num_batched_tokens);
    rules.retention_interval = match random.random_range(0..8) {
        0 => None,
        1 => Some(random.random_range(1..30)),
        _ => Some(0),
    };
    let has_whole_blocks = random.random_bool(0.8);
    let count = random.random_range(1..=4);
    let mut groups: Vec<KvGroup> = (0..count)
        .map(|_| KvGroup {
            kind: match random.random_range(0..6) {
                0 | 1 => KvGroupKind::Full,
                2 | 3 => KvGroupKind::Sliding(random.random_range(1..40)),
                4 if has_whole_blocks => KvGroupKind::Chunked(settings.block_tokens * random.random_range(1..8)),
                4 => KvGroupKind::Chunked(random.random_range(1..30)),
                _ if caching => KvGroupKind::Sliding(7),
                _ => KvGroupKind::State(random.random_range(1..3)),
            },
            block_tokens: settings.block_tokens,
        })
        .collect();
    // Models that have layers with chunks have others too.
    if groups.iter().all(|group| matches!(group.kind, KvGroupKind::Chunked(_))) {
        groups[0].kind = KvGroupKind::Full;
    }
    let longest = settings.max_model_len;
    let held = groups
        .iter()
        .map(|group| group.entries_for(longest).min(group.most_held(in_flight, longest)));
    let least_blocks = 1 + held.sum::<u32>();
    settings.kv_blocks = least_blocks + random.random_range(0..3 * least_blocks);
    // In half of the worlds there is so little that requests are preempted all the time.
    if random.random_bool(0.5) {
        settings.kv_blocks = least_blocks + random.random_range(0..=least_blocks / 4);
    }
    settings.kv_groups = Some(KvGroups::new(&groups));
    if random.random_bool(0.7) {
        for request in &mut world.requests {
            request.prompt = Prompt::unique(request.prompt.tokens());
            request.output_is_shared = false;
        }
    }
}

/// In some worlds makes some requests, or all, ask for no token. Engines mix both, though no scenario does.
fn ask_for_prompts_only(requests: &mut [Request], seed: u64) {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(!seed);
    if random.random_bool(0.75) {
        return;
    }
    let share = if random.random_bool(0.3) { 1.0 } else { 0.4 };
    for request in requests.iter_mut().filter(|_| random.random_bool(share)) {
        request.is_prompt_only = true;
        (request.output_tokens, request.max_tokens, request.stops) = (1, 1, false);
    }
}

fn policy_settings(policy: &str, longest: u32, unit: u64, random: &mut impl Rng) -> PolicySettings {
    match policy {
        "none" => PolicySettings::None(NoBatching),
        "static" => PolicySettings::Static(StaticSettings {
            max_batch_size: random.random_range(1..8),
            max_wait: Span::from_picos(unit * random.random_range(0..9)),
            response: if random.random_bool(0.5) {
                Response::RowEnd
            } else {
                Response::BatchEnd
            },
            reserve: if random.random_bool(0.5) {
                Reserve::Batch
            } else {
                Reserve::MaxModelLen
            },
        }),
        _ if policy.starts_with("continuous") => {
            let settings = ContinuousSettings {
                max_num_seqs: random.random_range(1..12),
                max_num_batched_tokens: random.random_range(1..2 * longest + 2),
                chunked_prefill: random.random_bool(0.8),
                long_prefill_token_threshold: if random.random_bool(0.3) {
                    random.random_range(1..=longest)
                } else {
                    0
                },
                watermark: if random.random_bool(0.3) {
                    random.random_range(0.0..0.4)
                } else {
                    0.0
                },
                prefix_caching: policy.ends_with("prefix cache"),
                full_sequence_gate: random.random_bool(0.7),
                keyless_first: random.random_bool(0.7),
                threshold_spares_alone: random.random_bool(0.7),
                async_scheduling: random.random_bool(0.5),
                ..ContinuousSettings::new(1, 1)
            };
            PolicySettings::Continuous(with_more(policy, settings, random))
        }
        _ => engine_settings(policy, longest, random),
    }
}

/// What some worlds of continuous batching have besides.
fn with_more(policy: &str, mut settings: ContinuousSettings, random: &mut impl Rng) -> ContinuousSettings {
    match policy {
        "continuous with priorities" => {
            settings.priority = true;
            settings.chunked_prefill = true;
            settings.prefix_caching = random.random_bool(0.5);
            settings.goes_on_after_self_preemption = random.random_bool(0.5);
        }
        "continuous with drafts" => {
            let tokens = random.random_range(1..5);
            let is_model = random.random_bool(0.5);
            settings.chunked_prefill = true;
            settings.prefix_caching = random.random_bool(0.5);
            settings.priority = random.random_bool(0.2);
            let acceptance = Acceptance::independent(random.random_range(0.0..=1.0), tokens);
            let proposals = if is_model || random.random_bool(0.5) {
                Vec::new()
            } else {
                (0..random.random_range(1..4))
                    .map(|_| random.random_range(0..=tokens))
                    .collect()
            };
            let drafts = Speculative {
                tokens,
                proposals,
                lookahead_tokens: if is_model { tokens } else { 0 },
                recomputes_last_hit: is_model && random.random_bool(0.5),
                key_lookahead: u32::from(is_model && random.random_bool(0.5)),
                draft_slots: u32::from(is_model && random.random_bool(0.5)),
                rules: draft_rules(random),
                looks_ahead: false,
                accepts_padding: random.random_bool(0.3),
                acceptance,
            };
            // vLLM does not start where drafting leaves a step no token.
            let taken = if drafts.rules.reserves_all_slots {
                drafts.draft_slots * settings.max_num_seqs
            } else {
                drafts.draft_slots.max(drafts.lookahead_tokens)
            };
            if settings.max_num_batched_tokens <= taken {
                settings.max_num_batched_tokens += taken;
            }
            settings.speculative = Some(drafts);
        }
        _ => {}
    }
    settings
}

/// What releases of vLLM do with drafts, the newest one's most often.
fn draft_rules(random: &mut impl Rng) -> DraftRules {
    if random.random_bool(0.4) {
        return DraftRules::NEWEST;
    }
    let padding = [
        DraftPadding::Never,
        DraftPadding::BesideDecoders,
        DraftPadding::BesideDecodersOrHit,
    ];
    DraftRules {
        padding: padding[random.random_range(0..padding.len())],
        reserves_all_slots: random.random_bool(0.3),
        admits_with_lookahead: random.random_bool(0.5),
        names_at_end: random.random_bool(0.5),
    }
}

fn engine_settings(policy: &str, longest: u32, random: &mut impl Rng) -> PolicySettings {
    let requests = random.random_range(1..12);
    let tokens = random.random_range(1..2 * longest + 2);
    let sometimes = random.random_bool(0.3);
    let mostly = random.random_bool(0.7);
    match policy {
        "orca" => PolicySettings::Orca(OrcaSettings {
            max_batch_size: requests,
        }),
        "sarathi" => PolicySettings::Sarathi(SarathiSettings {
            chunk_size: tokens.max(requests),
            max_num_seqs: requests,
        }),
        "vllm-v0" => PolicySettings::VllmV0(VllmV0Settings {
            max_num_seqs: requests,
            max_num_batched_tokens: if sometimes { tokens } else { 2 * longest }.max(requests),
            chunked_prefill: random.random_bool(0.4),
            watermark: if mostly { 0.01 } else { 0.1 },
        }),
        "tgi" => PolicySettings::Tgi(TgiSettings {
            waiting_served_ratio: random.random_range(0.0..2.0),
            max_waiting_tokens: random.random_range(0..20),
            max_batch_prefill_tokens: if sometimes { tokens } else { 2 * longest },
            max_batch_total_tokens: sometimes.then_some(3 * longest),
        }),
        "trtllm" => PolicySettings::Trtllm(TrtllmSettings {
            capacity: if mostly {
                CapacityScheduler::MaxUtilization
            } else {
                CapacityScheduler::GuaranteedNoEvict
            },
            max_batch_size: requests,
            max_num_tokens: if sometimes { tokens } else { 2 * longest },
            chunked_context: random.random_bool(0.6),
        }),
        _ if policy.starts_with("sglang") => PolicySettings::Sglang(sglang(policy, requests, tokens, random)),
        other => panic!("no world for the policy {other}"),
    }
}

fn sglang(policy: &str, requests: u32, tokens: u32, random: &mut impl Rng) -> SglangSettings {
    let page_size = random.random_range(1..5);
    let has_priorities = policy == "sglang with priorities";
    let is_mixed = policy == "sglang with mixed steps";
    let orders = [
        SchedulePolicy::Fcfs,
        SchedulePolicy::Lof,
        SchedulePolicy::Lpm,
        SchedulePolicy::DfsWeight,
    ];
    let order = random.random_range(0..if has_priorities { 2 } else { orders.len() });
    let is_cut = random.random_bool(0.7) || is_mixed;
    SglangSettings {
        max_running_requests: requests,
        max_prefill_tokens: tokens,
        chunked_prefill_size: is_cut.then_some((tokens + 8).next_multiple_of(page_size)),
        enable_mixed_chunk: is_mixed || has_priorities && random.random_bool(0.4),
        schedule_conservativeness: random.random_range(0.0..1.5),
        schedule_policy: orders[order],
        prefix_caching: match policy {
            "sglang" => false,
            "sglang with prefix cache" => true,
            _ => random.random_bool(0.5),
        },
        page_size,
        overlap_schedule: random.random_bool(0.5),
        priorities: has_priorities.then(|| SglangPriorities {
            low_first: random.random_bool(0.5),
            preemption_threshold: random.random_bool(0.7).then(|| random.random_range(0..3)),
        }),
        special_tokens: None,
    }
}

/// Requests with prompts and outputs of up to `longest` tokens, many of which share prefixes, in the order of arrival.
pub fn requests(count: u64, longest: u32, coarse: bool, random: &mut impl Rng) -> Vec<Request> {
    let mut arrival = Time::ZERO;
    let gap = if coarse { 9 } else { 40_000_000 };
    let bursts = random.random_bool(0.3);
    let mut requests: Vec<Request> = Vec::new();
    for id in 0..count {
        if !(bursts && random.random_bool(0.8)) {
            arrival += Span::from_picos(random.random_range(0..=gap));
        }
        let output_tokens = random.random_range(1..=longest);
        let max_tokens = output_tokens
            + if random.random_bool(0.5) {
                0
            } else {
                random.random_range(0..9)
            };
        let prompt = prompt(&requests, longest, random);
        requests.push(Request::new(RequestId(id), arrival, prompt, output_tokens, max_tokens));
    }
    name_some_outputs_alike(&mut requests, random);
    for id in 0..requests.len() {
        let names_it = |segment: &Segment| segment.content == requests[id].output_name.content;
        let named = requests
            .iter()
            .filter_map(|request| request.prompt.segments())
            .any(|segments| segments.iter().any(names_it));
        let content = requests[id].output_name.content;
        let produced_again = requests
            .iter()
            .filter(|request| request.output_name.content == content)
            .count()
            > 1;
        requests[id].output_is_shared = named || produced_again || random.random_bool(0.2);
    }
    requests
}

/// Lets two requests produce the same, or one what others call by a number.
fn name_some_outputs_alike(requests: &mut [Request], random: &mut impl Rng) {
    while random.random_bool(0.3) {
        let [one, other] = [0; 2].map(|_: u64| random.random_range(0..requests.len()));
        requests[one].output_name.content = if random.random_bool(0.7) {
            requests[other].output_name.content
        } else {
            ContentId::numbered(random.random_range(0..2))
        };
        requests[one].output_name.offset = random.random_range(0..3);
    }
}

/// A prompt of its own, one that goes on where an earlier request ended, or one that begins with content that others
/// share: system prompts, and what earlier requests have produced.
fn prompt(earlier: &[Request], longest: u32, random: &mut impl Rng) -> Prompt {
    let id = earlier.len() as u64;
    let mut left = random.random_range(1..=longest);
    if random.random_bool(0.2) {
        return Prompt::unique(left);
    }
    if id > 0 && random.random_bool(0.3) {
        let turn = &earlier[random.random_range(0..earlier.len())];
        let mut segments = turn.prompt.segments().unwrap_or_default().to_vec();
        segments.push(Segment {
            content: turn.output_name.content,
            offset: 0,
            tokens: random.random_range(1..=turn.output_tokens),
        });
        let unique = |segment: &Segment| {
            let mut ids = 0..id;
            ids.any(|id| segment.content == ContentId::unique_prompt_of(RequestId(id)))
        };
        let tokens: u32 = segments.iter().map(|segment| segment.tokens).sum();
        if tokens <= longest && !segments.iter().any(unique) {
            return Prompt::of_segments(segments);
        }
    }
    let mut segments = Vec::new();
    while left > 0 && segments.len() < 4 {
        let content = match random.random_range(0..6) {
            // Of a request that may be still running, or arrives later.
            0 => ContentId::output_of(RequestId(random.random_range(0..id + 3))),
            1 => ContentId::unique_prompt_of(RequestId(id)),
            _ => ContentId::numbered(random.random_range(0..2)),
        };
        let tokens = random.random_range(1..=left);
        let offset = if random.random_bool(0.8) {
            0
        } else {
            random.random_range(0..3)
        };
        segments.push(Segment {
            content,
            offset,
            tokens,
        });
        left -= tokens;
    }
    Prompt::of_segments(segments)
}

/// A closed loop over the world's requests: each client sends its next request `think` after its last has ended.
pub struct Clients {
    requests: std::vec::IntoIter<Request>,
    /// When each idle client sends its next request.
    ready: Vec<Time>,
    think: Span,
    timeout: Option<Span>,
    sent: u64,
}

impl Clients {
    pub fn new(world: &World) -> Self {
        Self {
            requests: world.requests.clone().into_iter(),
            ready: vec![Time::ZERO; world.clients],
            think: world.think,
            timeout: world.timeout,
            sent: 0,
        }
    }
}

impl Source for Clients {
    fn next_arrival(&mut self) -> Result<Option<Time>, TraceError> {
        let next = self.ready.iter().min().copied();
        Ok(next.filter(|_| self.requests.len() > 0))
    }

    fn take(&mut self) -> Request {
        let arrival = *self.ready.iter().min().unwrap();
        let client = self.ready.iter().position(|&time| time == arrival).unwrap();
        self.ready.swap_remove(client);
        let id = RequestId(self.sent);
        self.sent += 1;
        Request {
            id,
            arrival,
            ..self.requests.next().unwrap()
        }
    }

    fn finished(&mut self, _id: RequestId, at: Time) {
        self.ready.push(at + self.think);
    }

    fn timeout(&self, _class: ClassId) -> Option<Span> {
        self.timeout
    }

    fn is_closed_loop(&self) -> bool {
        true
    }
}

/// Everything an observer hears, leaps expanded to steps.
#[derive(Default)]
pub struct Stream {
    pub heard: Vec<Heard>,
}

impl Observer for Stream {
    fn on(&mut self, at: Time, id: RequestId, event: &Event) {
        Transcript(|heard| self.heard.push(heard)).on(at, id, event);
    }

    fn ran(&mut self, run: &StepRun<'_>) {
        Transcript(|heard| self.heard.push(heard)).ran(run);
    }
}

/// Requests that are sent when they arrive, whatever becomes of them.
pub struct Listed {
    pub requests: VecDeque<Request>,
    pub timeout: Option<Span>,
}

impl Listed {
    /// The requests of a world, each when it arrives there.
    pub fn of(world: &World) -> Self {
        Self {
            requests: world.requests.clone().into(),
            timeout: world.timeout,
        }
    }
}

impl Source for Listed {
    fn next_arrival(&mut self) -> Result<Option<Time>, TraceError> {
        Ok(self.requests.front().map(|request| request.arrival))
    }

    fn take(&mut self) -> Request {
        self.requests.pop_front().unwrap()
    }

    fn finished(&mut self, _id: RequestId, _at: Time) {}

    fn timeout(&self, _class: ClassId) -> Option<Span> {
        self.timeout
    }

    fn is_closed_loop(&self) -> bool {
        false
    }
}
