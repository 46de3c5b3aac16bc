//! What vLLM's batching says of itself: its settings, with the defaults and the refusals of vLLM.

use super::continuous::ContinuousBatching;
use super::drafts::{BY_PROFILE, DRAFT_SLOTS, SPECULATIVE};
use super::profile::NamedProfile;
use super::settings::ContinuousSettings;
use crate::policy::live::Memory;
use crate::policy::plan::Policy;
use crate::policy::planner::Planner;
use crate::policy::rules::{
    Change, FRACTION, Host, Limits, REQUESTS, Rules, TOKENS, TOKENS_OR_NONE, refuse_uncut_prompts,
};
use crate::settings::{Kind, Refused, Setting, Word, Written};

const THEIRS: &str = "vLLM's default";

static CHUNKED_PREFILL: Setting = Setting::new("chunked_prefill", Kind::Boolean, "Spread prompts over steps")
    .or(&["enable_chunked_prefill"])
    .flag("--enable-chunked-prefill")
    .default("true", THEIRS);

static MAX_NUM_BATCHED_TOKENS: Setting = Setting::new("max_num_batched_tokens", TOKENS, "The most tokens in a step")
    .flag("--max-num-batched-tokens")
    .unit("tokens")
    .depends(
        "2048 to 16384, by the GPU and the release, but no more than the running requests could fill; without \
         chunked prefill at least the longest request",
    );

static MAX_NUM_SEQS: Setting = Setting::new("max_num_seqs", REQUESTS, "The most requests running at once")
    .flag("--max-num-seqs")
    .unit("requests")
    .depends("256 or 1024, by the GPU, but no more than a max_num_batched_tokens that is written");

static SCHEDULING: Setting = Setting::new(
    "scheduling",
    Kind::Choice(&[
        Word {
            name: "fcfs",
            help: "First come, first served",
        },
        Word {
            name: "priority",
            help: "The lower number first, then by arrival",
        },
    ]),
    "Who goes first: fcfs or priority",
)
.or(&["scheduling_policy"])
.flag("--scheduling-policy")
.unit("rule")
.default("\"fcfs\"", THEIRS);

static LONG_PREFILL_TOKEN_THRESHOLD: Setting = Setting::new(
    "long_prefill_token_threshold",
    TOKENS_OR_NONE,
    "The largest chunk of a prompt while others wait",
)
.flag("--long-prefill-token-threshold")
.unit("tokens")
.default("0", THEIRS);

static WATERMARK: Setting = Setting::new(
    "watermark",
    FRACTION,
    "The part of all blocks that an admission leaves free while others run; below 1",
)
.default("0", THEIRS);

static FULL_SEQUENCE_GATE: Setting = Setting::new(
    "full_sequence_gate",
    Kind::Boolean,
    "Whether a request is admitted only if all its tokens fit now",
)
.or(&["scheduler_reserve_full_isl"])
.depends(BY_PROFILE);

static KEYLESS_FIRST: Setting = Setting::new(
    "keyless_first",
    Kind::Boolean,
    "Whether freed blocks without content are taken first",
)
.depends(BY_PROFILE);

static THRESHOLD_SPARES_ALONE: Setting = Setting::new(
    "threshold_spares_alone",
    Kind::Boolean,
    "Whether the long-prefill threshold does not hold for a request that is alone",
)
.depends(BY_PROFILE);

static GOES_ON_AFTER_SELF_PREEMPTION: Setting = Setting::new(
    "goes_on_after_self_preemption",
    Kind::Boolean,
    "Whether, under priorities, others are still scheduled after a request has preempted itself",
)
.depends(BY_PROFILE);

static ASYNC_SCHEDULING: Setting = Setting::new(
    "async_scheduling",
    Kind::Boolean,
    "Decide each step while the one before runs",
)
.flag("--async-scheduling")
.depends("as in the release that profile names; false beside n-grams before 0.33, and beside draft models before 0.28");

static PREFIX_CACHING: Setting = Setting::new("prefix_caching", Kind::Boolean, "Keep finished prompts in the cache")
    .or(&["enable_prefix_caching"])
    .flag("--enable-prefix-caching")
    .depends(
        "true, as vLLM's; false for models with states (Mamba, linear attention), whose cached states are not modelled",
    );

static DISABLE_HYBRID_KV_CACHE_MANAGER: Setting = Setting::new(
    "disable_hybrid_kv_cache_manager",
    Kind::Boolean,
    "Keep every token in every layer, whatever windows or chunks it sees, as vLLM does beside KV connectors that know \
     no groups of layers",
)
.flag("--disable-hybrid-kv-cache-manager")
.default("false", THEIRS);

impl Rules for ContinuousSettings {
    const NAME: &'static str = "continuous";
    const TITLE: &'static str = "continuous batching";
    const ENGINE: &'static str = "vLLM";
    const SUMMARY: &'static str =
        "vLLM V1: every step takes what fits, prompts in chunks, the youngest preempted when memory runs out";
    const SETTINGS: &'static [&'static Setting] = &[
        &SPECULATIVE,
        &CHUNKED_PREFILL,
        &MAX_NUM_BATCHED_TOKENS,
        &MAX_NUM_SEQS,
        &SCHEDULING,
        &LONG_PREFILL_TOKEN_THRESHOLD,
        &WATERMARK,
        &FULL_SEQUENCE_GATE,
        &KEYLESS_FIRST,
        &THRESHOLD_SPARES_ALONE,
        &GOES_ON_AFTER_SELF_PREEMPTION,
        &ASYNC_SCHEDULING,
        &PREFIX_CACHING,
        &DISABLE_HYBRID_KV_CACHE_MANAGER,
    ];
    // They size the memory that is kept back for a step under every policy.
    const IS_ALWAYS_READ: bool = true;

    fn read<W: Written>(written: &W, host: &Host<'_>) -> Result<Self, W::Error> {
        let chunked_prefill = written.declared_boolean(&CHUNKED_PREFILL)?;
        let (max_num_seqs, default_tokens) = read_requests(written, host, chunked_prefill)?;
        let priority = written.declared_choice(&SCHEDULING, &[false, true])?;
        let mut settings = Self {
            max_num_batched_tokens: written.count(&MAX_NUM_BATCHED_TOKENS, default_tokens, &because(host))?,
            chunked_prefill,
            long_prefill_token_threshold: written.declared_count(&LONG_PREFILL_TOKEN_THRESHOLD)?,
            watermark: written.declared_number(&WATERMARK)?,
            priority,
            prefix_caching: false,
            speculative: host.drafts.cloned(),
            ..Self::new(max_num_seqs, default_tokens)
        };
        settings.read_switches(written, host)?;
        if host.is_used {
            settings.refuse_watermark(&host.profile)?;
            settings.refuse_what_vllm_refuses(host.max_model_len)?;
            let (default, why) = if host.has_states {
                (false, "vLLM would cache states too, which is not modelled")
            } else {
                (true, THEIRS)
            };
            settings.has_one_table = written.declared_boolean(&DISABLE_HYBRID_KV_CACHE_MANAGER)?;
            settings.prefix_caching = written.boolean(&PREFIX_CACHING, default, why)?;
        }
        Ok(settings)
    }

    fn policy(&self, _memory: Memory) -> Option<Box<dyn Policy>> {
        None
    }

    fn planner(&self, memory: Memory) -> Box<dyn Planner> {
        Box::new(ContinuousBatching::new(self.clone(), memory))
    }

    fn limits(&self) -> Limits {
        Limits {
            whole_prompts: !self.chunked_prefill,
            ..Limits::new(self.max_num_seqs, self.max_num_batched_tokens.into())
        }
    }

    fn remedies(&self) -> Vec<Change> {
        let (tokens, requests) = (self.max_num_batched_tokens, self.max_num_seqs);
        let budget = |tokens| Change::count(format!("token budget {tokens}"), &MAX_NUM_BATCHED_TOKENS, tokens);
        let most = |requests| Change::count(format!("max_num_seqs {requests}"), &MAX_NUM_SEQS, requests);
        let mut found = vec![budget(tokens.saturating_mul(2)), most(requests.saturating_mul(2))];
        if tokens >= 512 && requests <= tokens / 2 {
            found.push(budget(tokens / 2));
        }
        if requests >= 2 {
            found.push(most(requests / 2));
        }
        found
    }

    fn prefix_caching(&self) -> Option<bool> {
        Some(self.prefix_caching)
    }

    fn decides_ahead(&self) -> bool {
        self.async_scheduling
    }

    fn draws_at_random(&self) -> bool {
        self.speculative.is_some()
    }

    fn with_seed(mut self, seed: u64) -> Self {
        self.speculative = self.speculative.map(|drafts| drafts.with_seed(seed));
        self
    }
}

/// Reads `max_num_seqs`, and works out the default of `max_num_batched_tokens`, as vLLM's `EngineArgs` does it: without
/// chunking a step must hold the longest prompt, and a default never exceeds what the running requests could fill
/// (`engine/arg_utils.py`, `get_batch_defaults` and what follows).
fn read_requests<W: Written>(written: &W, host: &Host<'_>, chunked_prefill: bool) -> Result<(u32, u32), W::Error> {
    let (default_tokens, default_requests) = defaults(host);
    let tokens = written.peek_count(&MAX_NUM_BATCHED_TOKENS)?;
    let most = tokens.map_or(default_requests, |tokens| default_requests.min(tokens));
    let requests = written.count(&MAX_NUM_SEQS, most, &because(host))?;
    let default_tokens = if chunked_prefill {
        default_tokens
    } else {
        default_tokens.max(host.max_model_len)
    };
    let fill = u64::from(requests) * u64::from(host.max_model_len);
    Ok((requests, u32::try_from(fill).unwrap_or(u32::MAX).min(default_tokens)))
}

fn because(host: &Host<'_>) -> String {
    format!("vLLM's default for {}", host.gpu)
}

/// `max_num_batched_tokens` and `max_num_seqs` of vLLM's API server (`engine/arg_utils.py`, `get_batch_defaults`).
fn defaults(host: &Host<'_>) -> (u32, u32) {
    const GIB: u64 = 1 << 30;
    if host.gpu_memory_bytes >= 160 * GIB {
        (host.profile.switches.tokens_on_largest_gpus, 1024)
    } else if host.gpu_memory_bytes >= 70 * GIB && !host.is_a100 {
        (8192, 1024)
    } else {
        (2048, 256)
    }
}

impl ContinuousSettings {
    /// Reads the switches in which releases differ.
    fn read_switches<W: Written>(&mut self, written: &W, host: &Host<'_>) -> Result<(), W::Error> {
        let profile = &host.profile;
        let why = profile.as_default();
        let of = profile.switches;
        self.full_sequence_gate = written.boolean(&FULL_SEQUENCE_GATE, of.full_sequence_gate, &why)?;
        self.keyless_first = written.boolean(&KEYLESS_FIRST, of.keyless_first, &why)?;
        self.threshold_spares_alone = written.boolean(&THRESHOLD_SPARES_ALONE, of.threshold_spares_alone, &why)?;
        let goes_on = of.goes_on_after_self_preemption;
        self.goes_on_after_self_preemption = written.boolean(&GOES_ON_AFTER_SELF_PREEMPTION, goes_on, &why)?;
        let drafts = self.speculative.as_ref();
        let (default, why) = match drafts {
            Some(drafts) if !drafts.looks_ahead => (false, "this release does not look ahead beside such drafts"),
            _ if host.offloads => (
                false,
                "transfers to and from the CPU are modelled for steps decided one by one",
            ),
            _ => (of.async_scheduling, why.as_str()),
        };
        self.async_scheduling = written.boolean(&ASYNC_SCHEDULING, default, why)?;
        if self.async_scheduling && host.offloads && host.is_used {
            let message = "not supported: batching.async_scheduling = true beside server.kv_offload";
            return Err(Refused::new(&[&ASYNC_SCHEDULING], message)
                .help("leave one of the two out: steps are then decided one by one, and the CPU's time is part of each")
                .into());
        }
        if self.async_scheduling && drafts.is_some() && !of.async_scheduling {
            let message = "not supported: batching.async_scheduling = true beside batching.speculative before 0.14";
            return Err(Refused::new(&[&ASYNC_SCHEDULING], message)
                .help("leave one of the two out, or write profile = \"vllm-0.15\" or a later one")
                .into());
        }
        Ok(())
    }

    /// Refuses a watermark where the release has none, and one of all blocks, as `SchedulerConfig` does (`lt=1.0`).
    fn refuse_watermark(&self, profile: &NamedProfile) -> Result<(), Refused> {
        if self.watermark >= 1.0 {
            let message = "`batching.watermark` must be below 1: it keeps every block free";
            return Err(Refused::new(&[&WATERMARK], message)
                .help("write watermark = 0.01, the part of the blocks that an admission leaves free"));
        }
        if self.watermark == 0.0 || profile.switches.has_watermark {
            return Ok(());
        }
        let message = format!("{} has no watermark; it came with 0.25", profile.name);
        Err(Refused::new(&[&WATERMARK], message).help("write watermark = 0, or profile = \"vllm-0.33\""))
    }

    /// Refuses steps in which drafting leaves no token (`VllmConfig._set_max_num_scheduled_tokens`).
    fn refuse_drafts_without_room(&self) -> Result<(), Refused> {
        let Some(drafts) = &self.speculative else {
            return Ok(());
        };
        let (needed, why) = if drafts.rules.reserves_all_slots {
            let all = drafts.draft_slots.saturating_mul(self.max_num_seqs);
            (all, "draft_slots for each of max_num_seqs requests")
        } else {
            (drafts.draft_slots.max(drafts.lookahead_tokens), "what a request drafts")
        };
        if self.max_num_batched_tokens > needed {
            return Ok(());
        }
        let message = format!(
            "max_num_batched_tokens ({}) leaves no token beside {why}, {needed}; vLLM refuses to start",
            self.max_num_batched_tokens
        );
        Err(
            Refused::new(&[&MAX_NUM_BATCHED_TOKENS, &DRAFT_SLOTS], message).help(format!(
                "write max_num_batched_tokens = {} or more",
                needed.saturating_add(1)
            )),
        )
    }

    /// Refuses what vLLM's `SchedulerConfig` does not start with.
    fn refuse_what_vllm_refuses(&self, longest: u32) -> Result<(), Refused> {
        let (tokens, requests) = (self.max_num_batched_tokens, self.max_num_seqs);
        let threshold = self.long_prefill_token_threshold;
        if tokens < requests {
            let message = format!(
                "max_num_batched_tokens ({tokens}) is less than max_num_seqs ({requests}); vLLM refuses to start"
            );
            return Err(
                Refused::new(&[&MAX_NUM_BATCHED_TOKENS, &MAX_NUM_SEQS], message).help(format!(
                    "write max_num_batched_tokens = {requests} or more, or max_num_seqs = {tokens} or less"
                )),
            );
        }
        self.refuse_drafts_without_room()?;
        if !self.chunked_prefill {
            refuse_uncut_prompts(&MAX_NUM_BATCHED_TOKENS, tokens, longest)?;
        }
        if threshold > longest {
            let message = format!(
                "long_prefill_token_threshold ({threshold}) is more than max_model_len ({longest}); vLLM refuses to \
                 start"
            );
            return Err(Refused::new(&[&LONG_PREFILL_TOKEN_THRESHOLD], message)
                .help(format!("write a number up to {longest}; 0 stands for no limit")));
        }
        Ok(())
    }
}
