//! A scheduler experiment with SGLang (schema `sglang-sched-oracle/1`).

use super::requests;
use super::sglang_raw::{RawAbort, RawSglangConfig, RawSglangExperiment, RawSglangRequest};
use super::tokens;
use crate::policy::sglang::SpecialTokens;
use crate::policy::{MOST_REQUESTS, MOST_TOKENS, Memory, SchedulePolicy, SglangPriorities, SglangSettings};
use crate::step_time::Affine;
use crate::units::{Span, Time};
use crate::workload::{Request, RequestId, SessionId};

/// How the names of schemas for SGLang begin.
pub(super) const SCHEMAS: &str = "sglang-sched-oracle/";
/// The one that is read.
const SCHEMA: &str = "sglang-sched-oracle/1";
/// The release whose scheduler it is.
const RELEASE: &str = "0.5.23";
/// A step that takes longer is a slip of the pen [µs].
const LONGEST_STEP_US: u64 = 86_400_000_000;
/// The id of a token that means the same in every request.
const FILLER_TOKEN: u32 = 0;

/// An experiment with SGLang, ready to run.
#[derive(Debug)]
pub struct SglangExperiment {
    /// The settings of the scheduler.
    pub settings: SglangSettings,
    /// The memory it hands out, in blocks of a page.
    pub memory: Memory,
    /// The steps' times.
    pub step_time: Affine,
    /// The requests in the order of arrival.
    pub requests: Vec<Request>,
    /// Their names in the file, by their number.
    pub names: Vec<String>,
    /// When clients give up, and which: those whose names begin so.
    pub aborts: Vec<SglangAbort>,
    /// Whether logs of it leave out the names of those who wait.
    pub is_compact: bool,
}

/// Clients who give up at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SglangAbort {
    /// Before the first decision that is not taken before this.
    pub at: Time,
    /// How the names of their requests begin.
    pub name: String,
    /// Their requests.
    pub requests: Vec<RequestId>,
}

/// Refuses other schemas of the same family.
pub(super) fn check_schema(schema: &str) -> Result<(), String> {
    if schema == SCHEMA {
        return Ok(());
    }
    Err(format!("schema: {schema:?} is unknown; write {SCHEMA:?}"))
}

/// The experiment, if SGLang would start with it and it comes to an end.
pub(super) fn resolve(raw: &RawSglangExperiment) -> Result<SglangExperiment, String> {
    if let Some(engine) = raw.engine.as_ref().filter(|engine| engine.sglang != RELEASE) {
        return Err(format!(
            "not supported: engine.sglang {:?}; write {RELEASE:?}, the release whose scheduler is known",
            engine.sglang
        ));
    }
    check_numbers(&raw.config)?;
    check_choices(&raw.config)?;
    let settings = settings(&raw.config)?;
    let is_compact = match raw.detail.as_deref() {
        None | Some("full") => false,
        Some("compact") => true,
        Some(other) => return Err(format!("detail: {other:?} is unknown; write \"full\" or \"compact\"")),
    };
    check_timing(raw)?;
    let (requests, names) = requests::in_order_of_arrival(&raw.requests, |raw| &raw.id, RawSglangRequest::resolve)?;
    let aborts = raw.actions.iter().enumerate().map(|(index, raw)| {
        let abort = raw.resolve(&names);
        abort.map_err(|why| format!("actions[{index}]: {why}"))
    });
    let mut aborts = aborts.collect::<Result<Vec<_>, _>>()?;
    aborts.sort_by_key(|abort| abort.at);
    let micros = |value: u32| Span::from_micros(value.into());
    Ok(SglangExperiment {
        memory: Memory {
            usable_blocks: raw.config.kv_tokens / raw.config.page_size,
            block_tokens: raw.config.page_size,
            max_model_len: raw.config.context_length,
            kv_groups: None,
        },
        settings,
        step_time: Affine {
            base: micros(raw.timing.base),
            per_token: micros(raw.timing.per_token),
            per_sequence: micros(raw.timing.per_sequence),
        },
        requests,
        names,
        aborts,
        is_compact,
    })
}

fn check_timing(raw: &RawSglangExperiment) -> Result<(), String> {
    let longest_step = u64::from(raw.timing.base)
        + u64::from(raw.timing.per_token) * u64::from(raw.config.kv_tokens)
        + u64::from(raw.timing.per_sequence) * u64::from(raw.config.max_running_requests);
    if longest_step > LONGEST_STEP_US {
        return Err(format!(
            "timing: a step of config.kv_tokens tokens and config.max_running_requests requests takes {:.1} days; \
             write smaller numbers, they are microseconds",
            longest_step as f64 / LONGEST_STEP_US as f64
        ));
    }
    Ok(())
}

fn check_numbers(config: &RawSglangConfig) -> Result<(), String> {
    for (name, value, least, most) in [
        ("page_size", config.page_size, 1, MOST_TOKENS),
        ("kv_tokens", config.kv_tokens, config.page_size, MOST_TOKENS),
        ("max_running_requests", config.max_running_requests, 1, MOST_REQUESTS),
        ("max_prefill_tokens", config.max_prefill_tokens, 1, MOST_TOKENS),
        ("context_length", config.context_length, 2, MOST_TOKENS),
    ] {
        if !(least..=most).contains(&value) {
            return Err(format!(
                "config.{name} is {value}; write a whole number from {least} to {most}"
            ));
        }
    }
    if let Some(chunk) = config.chunked_prefill_size
        && (chunk == 0 || chunk > MOST_TOKENS || !chunk.is_multiple_of(config.page_size))
    {
        return Err(format!(
            "config.chunked_prefill_size is {chunk}; write null for whole prompts, or a multiple of config.page_size, \
             {}, up to {MOST_TOKENS}",
            config.page_size
        ));
    }
    if !(0.0..=100.0).contains(&config.schedule_conservativeness) {
        return Err(format!(
            "config.schedule_conservativeness is {:?}; write a number from 0 to 100",
            config.schedule_conservativeness
        ));
    }
    Ok(())
}

/// Refuses what another scheduler would be needed for.
fn check_choices(config: &RawSglangConfig) -> Result<(), String> {
    for (name, value, known) in [
        ("retraction_policy", &config.retraction_policy, "length"),
        ("radix_eviction_policy", &config.radix_eviction_policy, "lru"),
        ("radix_core", &config.radix_core, "rust"),
    ] {
        if let Some(value) = value.as_deref().filter(|&value| value != known) {
            return Err(format!("not supported: config.{name} {value:?}; write {known:?}"));
        }
    }
    if config.prefill_max_requests.is_some() {
        return Err("not supported: config.prefill_max_requests; write null".to_owned());
    }
    Ok(())
}

fn settings(config: &RawSglangConfig) -> Result<SglangSettings, String> {
    let schedule_policy = match config.schedule_policy.as_str() {
        "fcfs" => SchedulePolicy::Fcfs,
        "lpm" => SchedulePolicy::Lpm,
        "lof" => SchedulePolicy::Lof,
        "dfs-weight" => SchedulePolicy::DfsWeight,
        other => {
            return Err(format!(
                "config.schedule_policy: {other:?} is unknown; write \"fcfs\", \"lpm\", \"lof\" or \"dfs-weight\""
            ));
        }
    };
    let priorities = config.enable_priority_scheduling.then_some(SglangPriorities {
        low_first: config.schedule_low_priority_values_first,
        preemption_threshold: (!config.disable_priority_preemption)
            .then_some(config.priority_scheduling_preemption_threshold),
    });
    if priorities.is_some() && !matches!(schedule_policy, SchedulePolicy::Fcfs | SchedulePolicy::Lof) {
        return Err(format!(
            "config.schedule_policy is {:?}, but priorities go with \"fcfs\" and \"lof\" only; SGLang refuses to start",
            config.schedule_policy
        ));
    }
    Ok(SglangSettings {
        max_running_requests: config.max_running_requests,
        max_prefill_tokens: config.max_prefill_tokens,
        chunked_prefill_size: config.chunked_prefill_size,
        enable_mixed_chunk: config.enable_mixed_chunk,
        schedule_conservativeness: config.schedule_conservativeness,
        schedule_policy,
        prefix_caching: !config.disable_radix_cache,
        page_size: config.page_size,
        overlap_schedule: config.overlap,
        priorities,
        special_tokens: Some(SpecialTokens {
            stop: tokens::stop(),
            filler: tokens::token(FILLER_TOKEN),
        }),
    })
}

impl RawAbort {
    /// It is for every request whose name begins with what is given.
    fn resolve(&self, names: &[String]) -> Result<SglangAbort, String> {
        if self.what != "abort" {
            return Err(format!("do: {:?} is unknown; write \"abort\"", self.what));
        }
        check_time("at_us", self.at_us)?;
        let numbered = names.iter().enumerate();
        let meant = numbered.filter(|(_, name)| name.starts_with(&self.id));
        let requests: Vec<RequestId> = meant.map(|(number, _)| RequestId(number as u64)).collect();
        if requests.is_empty() {
            return Err(format!("there is no request {:?}", self.id));
        }
        Ok(SglangAbort {
            at: Time::ZERO + Span::from_micros(self.at_us),
            name: self.id.clone(),
            requests,
        })
    }
}

impl RawSglangRequest {
    fn resolve(&self, index: u64) -> Result<Request, String> {
        check_time("arrival_us", self.arrival_us)?;
        let prompt: u64 = self.prompt.iter().map(|&(_, tokens)| u64::from(tokens)).sum();
        if prompt == 0 || prompt > u64::from(MOST_TOKENS) {
            return Err(format!(
                "prompt: {prompt} tokens; write at least 1 and at most {MOST_TOKENS}"
            ));
        }
        if !(1..=MOST_TOKENS).contains(&self.max_tokens) {
            return Err(format!(
                "max_tokens is {}; write a whole number from 1 to {MOST_TOKENS}",
                self.max_tokens
            ));
        }
        if self.stop_after == Some(0) {
            return Err("stop_after is 0; write at least 1, or leave it out".to_owned());
        }
        let stop_after = self
            .stop_after
            .filter(|&stop| stop <= self.max_tokens && !self.ignore_eos);
        let output_tokens = stop_after.unwrap_or(self.max_tokens);
        Ok(Request {
            client_wait: Span::ZERO,
            stops: stop_after.is_some(),
            ignore_eos: self.ignore_eos,
            priority: self.priority,
            session: SessionId::default(),
            output_name: tokens::output(index, output_tokens)?,
            output_is_shared: true,
            ..Request::new(
                RequestId::default(),
                Time::ZERO + Span::from_micros(self.arrival_us),
                tokens::prompt(&self.prompt)?,
                output_tokens,
                self.max_tokens,
            )
        })
    }
}

fn check_time(name: &str, micros: u64) -> Result<(), String> {
    let most = Time::LIMIT.picos() / 1_000_000;
    if micros <= most {
        return Ok(());
    }
    Err(format!("{name}: {micros} is too late; write at most {most}"))
}
