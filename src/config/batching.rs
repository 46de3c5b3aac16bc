//! `[batching]`: the policy and its settings, with the defaults and the refusals of vLLM.

use super::async_scheduling;
use super::diagnostic::Diagnostic;
use super::engines::{self, Chosen, Engine};
use super::fields::Fields;
use super::key::Choice;
use super::profile::{self, Named};
use super::speculative::{self, Drafts, Target};
use crate::policy::{ContinuousSettings, PolicySettings, Reserve, Response, StaticSettings};
use crate::units::Span;

/// The most requests at once: far above what any GPU holds, far below what overflows.
pub const MOST_REQUESTS: u32 = 1 << 20;
/// The most tokens in a step or a request: above the longest context that models offer (10 million).
pub const MOST_TOKENS: u32 = 1 << 24;

/// A longer wait for a full batch could carry the clock past its end.
const LONGEST_WAIT_S: f64 = 10.0 * 86_400.0;

/// What the GPU and the model say about batching.
#[derive(Clone, Copy, Debug)]
pub struct Host<'a> {
    /// The GPU's name, for messages.
    pub gpu: &'a str,
    /// The GPU's memory [bytes].
    pub gpu_memory_bytes: u64,
    /// Whether vLLM gives the GPU the defaults of an A100.
    pub is_a100: bool,
    /// The most tokens of a request.
    pub max_model_len: u32,
    /// Tokens in a block.
    pub block_tokens: u32,
    /// What drafts are for.
    pub target: Target<'a>,
}

/// The batching policy as written, with whether the prefix cache is on.
#[derive(Clone, Debug, PartialEq)]
pub struct Batching {
    /// The policy with its settings.
    pub policy: PolicySettings,
    /// Whether the prefix cache is on; never for policies without one.
    pub prefix_caching: bool,
    /// Speculative decoding; only continuous batching has it.
    pub drafts: Option<Drafts>,
    /// The settings of continuous batching, which size the memory kept back for a step under every policy.
    pub continuous: ContinuousSettings,
    /// The most requests in a step.
    pub most_requests: u32,
    /// The most tokens in a step.
    pub most_tokens: u64,
}

#[derive(Clone, Copy)]
enum Policy {
    None,
    Static,
    Continuous,
    Of(Engine),
}

/// Reads `[batching]`.
pub fn read(fields: &Fields<'_>, host: Host<'_>, profile: &Named) -> Result<Batching, Diagnostic> {
    let policy = fields.key("policy")?.choice(&[
        ("none", Policy::None),
        ("static", Policy::Static),
        ("continuous", Policy::Continuous),
        ("orca", Policy::Of(Engine::Orca)),
        ("sarathi", Policy::Of(Engine::Sarathi)),
        ("vllm-v0", Policy::Of(Engine::VllmV0)),
        ("tgi", Policy::Of(Engine::Tgi)),
        ("trtllm", Policy::Of(Engine::Trtllm)),
        ("sglang", Policy::Of(Engine::Sglang)),
    ])?;
    let policy = policy.or(named("continuous", Policy::Continuous), "as vLLM").value;
    let is_continuous = matches!(policy, Policy::Continuous);
    let fixed = read_static(fields)?;
    let drafts = fields
        .optional_section("speculative")?
        .map(|section| speculative::read(&section, host.target))
        .transpose()?
        .filter(|_| is_continuous);
    let mut continuous = read_continuous(fields, host, profile, is_continuous)?;
    continuous.async_scheduling = async_scheduling::read(fields, profile, drafts.is_some())?;
    continuous.speculative = drafts.as_ref().map(|drafts| drafts.rules.clone());
    let engine = match policy {
        Policy::Of(engine) => Some(engine),
        Policy::None | Policy::Static | Policy::Continuous => None,
    };
    let of_engine = engines::read(fields, host, engine)?;
    let caching = fields
        .key_or_alias("prefix_caching", &["enable_prefix_caching"])?
        .boolean()?;
    let prefix_caching = match (policy, &of_engine) {
        (Policy::Continuous, _) => caching.or(true, "vLLM's default"),
        (_, Some(chosen)) => chosen.prefix_caching(),
        // Validated above; there is no cache to switch on.
        (_, None) => false,
    };
    continuous.prefix_caching = prefix_caching;
    fields.finish()?;
    let request = u64::from(host.max_model_len);
    let chosen = match policy {
        Policy::None => Chosen {
            policy: PolicySettings::None,
            most_requests: 1,
            most_tokens: request,
        },
        Policy::Static => Chosen {
            most_requests: fixed.max_batch_size,
            most_tokens: u64::from(fixed.max_batch_size) * request,
            policy: PolicySettings::Static(fixed),
        },
        Policy::Continuous => Chosen {
            policy: PolicySettings::Continuous(continuous.clone()),
            most_requests: continuous.max_num_seqs,
            most_tokens: continuous.max_num_batched_tokens.into(),
        },
        Policy::Of(_) => of_engine.expect("the policy is one of an engine"),
    };
    Ok(Batching {
        policy: chosen.policy,
        prefix_caching,
        drafts,
        continuous,
        most_requests: chosen.most_requests,
        most_tokens: chosen.most_tokens,
    })
}

fn read_static(fields: &Fields<'_>) -> Result<StaticSettings, Diagnostic> {
    let ours = "tailcast's default";
    let max_wait = fields.key("max_wait")?.duration()?;
    if max_wait.value().is_some_and(|wait| wait.seconds() > LONGEST_WAIT_S) {
        return Err(fields
            .error("max_wait", "`batching.max_wait` is longer than 10 days")
            .help("write a shorter one, such as max_wait = \"10s\""));
    }
    Ok(StaticSettings {
        max_batch_size: fields.key("max_batch_size")?.count(1..=MOST_REQUESTS)?.or(32, ours),
        max_wait: max_wait.or(Span::ZERO, "as Triton's max_queue_delay_microseconds"),
        response: fields
            .key("response")?
            .choice(&[("row_end", Response::RowEnd), ("batch_end", Response::BatchEnd)])?
            .or(named("row_end", Response::RowEnd), ours)
            .value,
        reserve: fields
            .key("reserve")?
            .choice(&[("batch", Reserve::Batch), ("max_model_len", Reserve::MaxModelLen)])?
            .or(named("batch", Reserve::Batch), ours)
            .value,
    })
}

fn read_continuous(
    fields: &Fields<'_>,
    host: Host<'_>,
    profile: &Named,
    is_used: bool,
) -> Result<ContinuousSettings, Diagnostic> {
    let chunked_prefill = fields
        .key_or_alias("chunked_prefill", &["enable_chunked_prefill"])?
        .boolean()?
        .or(true, "vLLM's default");
    let (default_tokens, default_requests) = defaults(host);
    let because = format!("vLLM's default for {}", host.gpu);
    let tokens = fields.key("max_num_batched_tokens")?.count(1..=MOST_TOKENS)?;
    let requests = fields.key("max_num_seqs")?.count(1..=MOST_REQUESTS)?;
    let tokens_written = tokens.place().is_some();
    // As vLLM's `EngineArgs` does it: without chunking a step must hold the longest prompt, and a default never
    // exceeds what the running requests could fill (`engine/arg_utils.py`, `get_batch_defaults` and what follows).
    let mut default_tokens = if chunked_prefill {
        default_tokens
    } else {
        default_tokens.max(host.max_model_len)
    };
    let requests = if tokens_written {
        let tokens = tokens.value().unwrap_or(default_tokens);
        requests.or(default_requests.min(tokens), &because)
    } else {
        requests.or(default_requests, &because)
    };
    let fill = u64::from(requests) * u64::from(host.max_model_len);
    default_tokens = u32::try_from(fill).unwrap_or(u32::MAX).min(default_tokens);
    let scheduling = fields
        .key_or_alias("scheduling", &["scheduling_policy"])?
        .choice(&[("fcfs", false), ("priority", true)])?
        .or(named("fcfs", false), "vLLM's default");
    let mut settings = ContinuousSettings {
        max_num_seqs: requests,
        max_num_batched_tokens: tokens.or(default_tokens, &because),
        chunked_prefill,
        long_prefill_token_threshold: fields
            .key("long_prefill_token_threshold")?
            .count(0..=MOST_TOKENS)?
            .or(0, "vLLM's default"),
        watermark: fields.key("watermark")?.number(0.0..=1.0)?.or(0.0, "vLLM's default"),
        priority: scheduling.value,
        ..ContinuousSettings::new(requests, default_tokens)
    };
    profile::read_switches(fields, profile, &mut settings)?;
    if is_used {
        profile::refuse_watermark(fields, profile, settings.watermark)?;
        refuse_what_vllm_refuses(fields, &settings, host)?;
    }
    Ok(settings)
}

/// vLLM's `SchedulerConfig` does not start with these.
fn refuse_what_vllm_refuses(
    fields: &Fields<'_>,
    settings: &ContinuousSettings,
    host: Host<'_>,
) -> Result<(), Diagnostic> {
    let (tokens, requests) = (settings.max_num_batched_tokens, settings.max_num_seqs);
    let longest = host.max_model_len;
    let threshold = settings.long_prefill_token_threshold;
    if tokens < requests {
        let message =
            format!("max_num_batched_tokens ({tokens}) is less than max_num_seqs ({requests}); vLLM refuses to start");
        let key = if fields.has("max_num_batched_tokens") {
            "max_num_batched_tokens"
        } else {
            "max_num_seqs"
        };
        return Err(fields.error(key, message).help(format!(
            "write max_num_batched_tokens = {requests} or more, or max_num_seqs = {tokens} or less"
        )));
    }
    if !settings.chunked_prefill && tokens < longest {
        let message = format!(
            "without chunked prefill a step must hold the longest request: max_num_batched_tokens ({tokens}) is less \
             than max_model_len ({longest}); vLLM refuses to start"
        );
        return Err(fields.error("max_num_batched_tokens", message).help(format!(
            "write max_num_batched_tokens = {longest} or more, or chunked_prefill = true, or server.max_model_len = \
             {tokens}"
        )));
    }
    if threshold > longest {
        let message = format!(
            "long_prefill_token_threshold ({threshold}) is more than max_model_len ({longest}); vLLM refuses to start"
        );
        return Err(fields
            .error("long_prefill_token_threshold", message)
            .help(format!("write a number up to {longest}; 0 stands for no limit")));
    }
    Ok(())
}

/// `max_num_batched_tokens` and `max_num_seqs` of vLLM 0.33's API server (`engine/arg_utils.py`, `get_batch_defaults`).
fn defaults(host: Host<'_>) -> (u32, u32) {
    const GIB: u64 = 1 << 30;
    if host.gpu_memory_bytes >= 160 * GIB {
        (16384, 1024)
    } else if host.gpu_memory_bytes >= 70 * GIB && !host.is_a100 {
        (8192, 1024)
    } else {
        (2048, 256)
    }
}

fn named<T>(name: &'static str, value: T) -> Choice<T> {
    Choice { name, value }
}
