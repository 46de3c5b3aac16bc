//! A scheduler experiment in JSON (schema `vllm-sched-oracle/1`): a configuration, requests and the steps' times. Results that the file
//! may hold beside them are not read.

use std::path::Path;

use serde::Deserialize;

use crate::engine::Action;
use crate::policy::{ContinuousSettings, Memory, Speculative};
use crate::step_time::Affine;
use crate::units::{Span, Time};
use crate::workload::{ContentId, OutputName, Prompt, Request, RequestId, Segment};

/// The ids that the schema gives to output tokens: token `j` of the `i`-th request is `FIRST_OUTPUT + i * OUTPUTS_APART + j`.
const FIRST_OUTPUT: u64 = 10_000_000;
const OUTPUTS_APART: u64 = 100_000;

/// An experiment, ready to run.
#[derive(Debug)]
pub struct SchedulerExperiment {
    /// The scheduler.
    pub rules: ContinuousSettings,
    /// The memory it hands out.
    pub memory: Memory,
    /// The steps' times; without them arrivals are numbers of steps.
    pub step_time: Option<Affine>,
    /// The requests in the order of arrival.
    pub requests: Vec<Request>,
    /// Their names in the file, by their number.
    pub names: Vec<String>,
    /// What else happens, and before which step.
    pub actions: Vec<(u64, Action)>,
}

#[derive(Deserialize)]
struct RawExperiment {
    config: RawConfig,
    timing: Option<RawTiming>,
    requests: Vec<RawRequest>,
    #[serde(default)]
    actions: Vec<RawAction>,
    spec_accept: Option<Vec<u32>>,
    engine: Option<RawEngine>,
}

#[derive(Deserialize)]
struct RawEngine {
    vllm: String,
}

#[derive(Deserialize)]
struct RawAction {
    step: u64,
    #[serde(rename = "do")]
    what: String,
    id: Option<String>,
}

#[derive(Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "the schema has them")]
struct RawConfig {
    num_blocks: u32,
    block_size: u32,
    max_num_seqs: u32,
    max_num_batched_tokens: u32,
    max_model_len: u32,
    enable_prefix_caching: bool,
    policy: String,
    async_scheduling: bool,
    enable_chunked_prefill: bool,
    long_prefill_token_threshold: u32,
    scheduler_reserve_full_isl: bool,
    watermark: f64,
    #[serde(default)]
    num_speculative_tokens: u32,
    lookahead_tokens: Option<u32>,
}

#[derive(Deserialize)]
struct RawTiming {
    #[serde(rename = "base_us")]
    base: u32,
    #[serde(rename = "per_token_us")]
    per_token: u32,
    #[serde(rename = "per_seq_us")]
    per_sequence: u32,
}

#[derive(Deserialize)]
struct RawRequest {
    id: String,
    arrival_step: Option<u64>,
    arrival_us: Option<u64>,
    prompt: Vec<(u64, u32)>,
    max_tokens: u32,
    stop_after: Option<u32>,
    #[serde(default)]
    priority: i32,
}

/// Reads an experiment; an error names the file, the place and what to write instead.
pub fn read_scheduler_experiment(path: &Path) -> Result<SchedulerExperiment, String> {
    let named = |message: String| format!("{}: {message}", path.display());
    let text =
        std::fs::read_to_string(path).map_err(|error| named(format!("cannot be read: {error}")))?;
    let raw: RawExperiment = serde_json::from_str(&text).map_err(|error| {
        format!(
            "{}:{}:{}: {error}; a scheduler experiment is a JSON object with config, timing, requests and actions",
            path.display(),
            error.line(),
            error.column()
        )
    })?;
    raw.resolve().map_err(named)
}

impl RawExperiment {
    fn resolve(self) -> Result<SchedulerExperiment, String> {
        self.config.check()?;
        let timed = self.timing.is_some();
        let mut requests = Vec::new();
        for (index, raw) in self.requests.iter().enumerate() {
            let request = raw.resolve(index as u64, timed, self.config.max_model_len);
            let request =
                request.map_err(|why| format!("requests[{index}] ({}): {why}", raw.id))?;
            requests.push((request, raw.id.clone()));
        }
        requests.sort_by_key(|(request, _)| request.arrival);
        let (mut requests, names): (Vec<_>, Vec<_>) = requests.into_iter().unzip();
        for (number, request) in requests.iter_mut().enumerate() {
            request.id = RequestId(number as u64);
        }
        let actions = self.actions.iter().enumerate().map(|(index, raw)| {
            raw.resolve(&names)
                .map_err(|why| format!("actions[{index}]: {why}"))
        });
        let actions = actions.collect::<Result<_, _>>()?;
        let micros = |value: u32| Span::from_micros(value.into());
        Ok(SchedulerExperiment {
            rules: self.config.rules(
                self.spec_accept,
                self.engine.as_ref().map(|engine| engine.vllm.as_str()),
            )?,
            memory: Memory {
                usable_blocks: self.config.num_blocks - 1,
                block_tokens: self.config.block_size,
                max_model_len: self.config.max_model_len,
            },
            step_time: self.timing.map(|timing| Affine {
                base: micros(timing.base),
                per_token: micros(timing.per_token),
                per_sequence: micros(timing.per_sequence),
            }),
            requests,
            names,
            actions,
        })
    }
}

impl RawAction {
    fn resolve(&self, names: &[String]) -> Result<(u64, Action), String> {
        let action = match (self.what.as_str(), &self.id) {
            ("reset_prefix_cache", _) => Action::ResetPrefixCache,
            ("abort", Some(id)) => {
                let place = names.iter().position(|name| name == id);
                let place = place.ok_or_else(|| format!("there is no request {id:?}"))?;
                Action::Abort(RequestId(place as u64))
            }
            ("abort", None) => return Err("abort: write the request's id".to_owned()),
            (other, _) => {
                return Err(format!(
                    "do: {other:?} is unknown; write \"abort\" or \"reset_prefix_cache\""
                ));
            }
        };
        Ok((self.step, action))
    }
}

impl RawConfig {
    fn check(&self) -> Result<(), String> {
        let at_least = |name: &str, value: u32, least: u32| {
            if value < least {
                return Err(format!(
                    "config.{name}: {value} is too small; write at least {least}"
                ));
            }
            Ok(())
        };
        at_least("num_blocks", self.num_blocks, 2)?;
        at_least("block_size", self.block_size, 1)?;
        at_least("max_num_seqs", self.max_num_seqs, 1)?;
        at_least("max_num_batched_tokens", self.max_num_batched_tokens, 1)?;
        at_least("max_model_len", self.max_model_len, 2)?;
        if !(0.0..1.0).contains(&self.watermark) {
            return Err(format!(
                "config.watermark: {} is not a fraction; write a number from 0 to below 1",
                self.watermark
            ));
        }
        if !["fcfs", "priority"].contains(&self.policy.as_str()) {
            return Err(format!(
                "config.policy: {:?} is unknown; write \"fcfs\" or \"priority\"",
                self.policy
            ));
        }
        Ok(())
    }

    fn rules(
        &self,
        accepted: Option<Vec<u32>>,
        version: Option<&str>,
    ) -> Result<ContinuousSettings, String> {
        let accepted = accepted.unwrap_or_default();
        if self.num_speculative_tokens > 0 && accepted.is_empty() {
            return Err(
                "spec_accept: is missing; write how many drafts are accepted, e.g. [3, 0, 1]"
                    .to_owned(),
            );
        }
        let since = |release: u32| match version {
            Some(version) => minor_release(version).map(|minor| minor >= release),
            None => Ok(true),
        };
        Ok(ContinuousSettings {
            max_num_seqs: self.max_num_seqs,
            max_num_batched_tokens: self.max_num_batched_tokens,
            chunked_prefill: self.enable_chunked_prefill,
            long_prefill_token_threshold: self.long_prefill_token_threshold,
            watermark: self.watermark,
            prefix_caching: self.enable_prefix_caching,
            priority: self.policy == "priority",
            async_scheduling: self.async_scheduling,
            speculative: (self.num_speculative_tokens > 0).then_some(Speculative {
                tokens: self.num_speculative_tokens,
                lookahead_tokens: self.lookahead_tokens.unwrap_or(0),
                accepted,
            }),
            full_sequence_gate: self.scheduler_reserve_full_isl && since(19)?,
            keyless_first: since(25)?,
            threshold_spares_alone: since(31)?,
            goes_on_after_self_preemption: since(33)?,
        })
    }
}

/// The 19 of "0.19.1".
fn minor_release(version: &str) -> Result<u32, String> {
    let mut parts = version.split('.');
    let (major, minor) = (
        parts.next(),
        parts.next().and_then(|part| part.parse().ok()),
    );
    match (major, minor) {
        (Some("0"), Some(minor)) => Ok(minor),
        _ => Err(format!(
            "engine.vllm: {version:?} is not a release; write e.g. \"0.33.0\""
        )),
    }
}

impl RawRequest {
    fn resolve(&self, index: u64, timed: bool, max_model_len: u32) -> Result<Request, String> {
        let arrival = match (timed, self.arrival_us, self.arrival_step) {
            (true, Some(micros), _) | (false, _, Some(micros)) => micros,
            (true, None, _) => {
                return Err("arrival_us is missing; timed experiments need it".to_owned());
            }
            (false, _, None) => {
                return Err("arrival_step is missing; untimed experiments need it".to_owned());
            }
        };
        let most = Time::LIMIT.picos() / 1_000_000;
        if arrival > most {
            return Err(format!(
                "arrival {arrival} is too late; write at most {most}"
            ));
        }
        let prompt: u64 = self.prompt.iter().map(|&(_, len)| u64::from(len)).sum();
        if prompt == 0 || prompt >= u64::from(max_model_len) {
            return Err(format!(
                "prompt: {prompt} tokens; write at least 1 and fewer than config.max_model_len, {max_model_len}"
            ));
        }
        if self.max_tokens == 0 || self.stop_after == Some(0) {
            return Err("max_tokens and stop_after: write at least 1".to_owned());
        }
        let room = max_model_len - prompt as u32;
        let stop_after = self
            .stop_after
            .filter(|&stop| stop <= self.max_tokens && stop <= room);
        let mut segments = Vec::new();
        for &(start, tokens) in &self.prompt {
            segments.push(Segment {
                content: TOKEN_IDS,
                offset: token_id(start + u64::from(tokens))? - tokens,
                tokens,
            });
        }
        Ok(Request {
            id: RequestId::default(),
            arrival: Time::from_picos(arrival * 1_000_000),
            prompt: Prompt::of_segments(segments.into()),
            output_tokens: stop_after.unwrap_or(self.max_tokens).min(room),
            max_tokens: self.max_tokens,
            stops: stop_after.is_some(),
            priority: self.priority,
            output_name: OutputName {
                content: TOKEN_IDS,
                offset: token_id(FIRST_OUTPUT + index * OUTPUTS_APART)?,
            },
            output_is_shared: true,
        })
    }
}

/// All tokens of an experiment are pieces of one content, in which a token's place is its id.
const TOKEN_IDS: ContentId = ContentId(0);

fn token_id(id: u64) -> Result<u32, String> {
    u32::try_from(id).map_err(|_| format!("token id {id} is too large; write ids below 2^32"))
}
