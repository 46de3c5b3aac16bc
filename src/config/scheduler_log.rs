//! A scheduler experiment in JSON (schema `vllm-sched-oracle/1`): a configuration, requests and the steps' times. Results that the file
//! may hold beside them are not read.

use std::collections::HashSet;
use std::path::Path;

use serde::Deserialize;

use crate::engine::ServerSettings;
use crate::policy::{ContinuousSettings, PolicySettings};
use crate::step_time::Affine;
use crate::units::{Span, Time};
use crate::workload::{Prompt, Request, RequestId};

/// An experiment, ready to run.
#[derive(Debug)]
pub struct SchedulerExperiment {
    /// The server.
    pub settings: ServerSettings,
    /// The steps' times; without them a step is one unit and arrivals are numbers of steps.
    pub step_time: Option<Affine>,
    /// The requests in the order of arrival.
    pub requests: Vec<Request>,
    /// Their names in the file, by their number.
    pub names: Vec<String>,
    /// Whether the prefix cache is on.
    pub prefix_caching: bool,
}

#[derive(Deserialize)]
struct RawExperiment {
    config: RawConfig,
    timing: Option<RawTiming>,
    requests: Vec<RawRequest>,
    #[serde(default)]
    actions: Vec<serde_json::Value>,
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
        if !self.actions.is_empty() {
            return Err(
                "actions: aborts and cache resets are not supported yet; write []".to_owned(),
            );
        }
        let timed = self.timing.is_some();
        let mut requests = Vec::new();
        for (index, raw) in self.requests.iter().enumerate() {
            let request = raw.resolve(timed, self.config.max_model_len);
            let request =
                request.map_err(|why| format!("requests[{index}] ({}): {why}", raw.id))?;
            requests.push((request, raw.id.clone()));
        }
        if self.config.enable_prefix_caching {
            self.refuse_shared_prefixes()?;
        }
        requests.sort_by_key(|(request, _)| request.arrival);
        let (mut requests, names): (Vec<_>, Vec<_>) = requests.into_iter().unzip();
        for (number, request) in requests.iter_mut().enumerate() {
            request.id = RequestId(number as u64);
        }
        let micros = |value: u32| Span::from_micros(value.into());
        Ok(SchedulerExperiment {
            prefix_caching: self.config.enable_prefix_caching,
            settings: self.config.settings(),
            step_time: self.timing.map(|timing| Affine {
                base: micros(timing.base),
                per_token: micros(timing.per_token),
                per_sequence: micros(timing.per_sequence),
            }),
            requests,
            names,
        })
    }

    /// Any prefix hit needs two requests whose first blocks hold the same tokens.
    fn refuse_shared_prefixes(&self) -> Result<(), String> {
        let mut seen = HashSet::new();
        for (index, request) in self.requests.iter().enumerate() {
            let prompt = request
                .prompt
                .iter()
                .flat_map(|&(start, len)| (start..).take(len as usize));
            // The ids that the schema gives to output tokens.
            let output = (10_000_000 + index as u64 * 100_000..).take(request.max_tokens as usize);
            let first_block: Vec<u64> = prompt
                .chain(output)
                .take(self.config.block_size as usize)
                .collect();
            if !seen.insert(first_block) {
                return Err(format!(
                    "requests[{index}] ({}): shares its first block with another; prefix cache hits are not supported yet: \
                     write \"enable_prefix_caching\": false, or prompts that differ",
                    request.id
                ));
            }
        }
        Ok(())
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
        for (unsupported, name, instead) in [
            (self.policy != "fcfs", "policy", "\"fcfs\""),
            (self.async_scheduling, "async_scheduling", "false"),
            (
                self.num_speculative_tokens > 0,
                "num_speculative_tokens",
                "0",
            ),
        ] {
            if unsupported {
                return Err(format!(
                    "config.{name}: this value is not supported yet; write {instead}"
                ));
            }
        }
        Ok(())
    }

    fn settings(&self) -> ServerSettings {
        ServerSettings {
            policy: PolicySettings::Continuous(ContinuousSettings {
                max_num_seqs: self.max_num_seqs,
                max_num_batched_tokens: self.max_num_batched_tokens,
                chunked_prefill: self.enable_chunked_prefill,
                long_prefill_token_threshold: self.long_prefill_token_threshold,
                watermark: self.watermark,
                full_sequence_gate: self.scheduler_reserve_full_isl,
            }),
            kv_blocks: self.num_blocks,
            block_tokens: self.block_size,
            max_model_len: self.max_model_len,
        }
    }
}

impl RawRequest {
    fn resolve(&self, timed: bool, max_model_len: u32) -> Result<Request, String> {
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
        let stop_after = self.stop_after.filter(|&stop| stop <= self.max_tokens);
        Ok(Request {
            id: RequestId::default(),
            arrival: Time::from_picos(arrival * 1_000_000),
            prompt: Prompt::unique(prompt as u32),
            output_tokens: stop_after.unwrap_or(self.max_tokens),
            max_tokens: self.max_tokens,
            stops: stop_after.is_some(),
        })
    }
}
