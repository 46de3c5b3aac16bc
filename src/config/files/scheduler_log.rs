//! A scheduler experiment in JSON (schemas `vllm-sched-oracle/1` and `/2`, `sglang-sched-oracle/1`): a configuration,
//! requests and the steps' times. Results that the file may hold beside them are not read.

mod groups;
mod limits;
mod raw;
mod requests;
mod sglang;
mod sglang_raw;
mod syntax;
mod tokens;

use std::path::Path;

use crate::config::reader::text_file;
use crate::engine::{Action, TransferSteps};
use crate::policy::vllm::{CopyTime, DraftSwitches, OffloadRules, Profile};
use crate::policy::{Acceptance, ContinuousSettings, Memory, Speculative};
use crate::step_time::Affine;
use crate::units::{Span, Time};
use crate::workload::{ContentId, Request, RequestId, SessionId};
use raw::{RawAction, RawConfig, RawExperiment, RawRequest, RawSchema};
pub use sglang::SglangExperiment;
use sglang_raw::RawSglangExperiment;

/// A larger file is no experiment.
const LARGEST_FILE_BYTES: u64 = 256 << 20;

/// An experiment with one of the engines.
#[derive(Debug)]
pub enum RecordedExperiment {
    /// With vLLM.
    Vllm(Box<SchedulerExperiment>),
    /// With SGLang.
    Sglang(Box<SglangExperiment>),
}

/// An experiment with vLLM, ready to run.
#[derive(Debug)]
pub struct SchedulerExperiment {
    /// The settings of the scheduler.
    pub rules: ContinuousSettings,
    /// The memory it hands out.
    pub memory: Memory,
    /// The steps' times; without them arrivals are numbers of steps.
    pub step_time: Option<Affine>,
    /// How many steps transfers between GPU and CPU take, where there are any.
    pub transfer_steps: Option<TransferSteps>,
    /// The requests in the order of arrival.
    pub requests: Vec<Request>,
    /// Their names in the file, by their number.
    pub names: Vec<String>,
    /// The token that stops requests.
    pub stop_token: (ContentId, u32),
    /// What else happens, and before which step.
    pub actions: Vec<(u64, Action)>,
    /// Whether logs of it say which drafts stand in for none, as schema 2 has it.
    pub tells_padding: bool,
}

/// Reads an experiment; an error names the file, the place and what to write instead.
pub fn read_scheduler_experiment(path: &Path) -> Result<RecordedExperiment, String> {
    let named = |message: String| format!("{}: {message}", path.display());
    let text =
        text_file::read_text(path, LARGEST_FILE_BYTES).map_err(|error| named(format!("cannot be read: {error}")))?;
    let explained = |error: serde_json::Error| syntax::explain(path, &text, &error);
    // Whoever reads all of it says best what is wrong with it.
    let schema: RawSchema = serde_json::from_str(&text).unwrap_or_default();
    if !schema.schema.starts_with(sglang::SCHEMAS) {
        let raw: RawExperiment = serde_json::from_str(&text).map_err(explained)?;
        let experiment = raw.resolve().map_err(named)?;
        return Ok(RecordedExperiment::Vllm(Box::new(experiment)));
    }
    sglang::check_schema(&schema.schema).map_err(named)?;
    let raw: RawSglangExperiment = serde_json::from_str(&text).map_err(explained)?;
    let experiment = sglang::resolve(&raw).map_err(named)?;
    Ok(RecordedExperiment::Sglang(Box::new(experiment)))
}

impl RawExperiment {
    fn resolve(self) -> Result<SchedulerExperiment, String> {
        limits::check(&self.config)?;
        let kv_groups = groups::read(&self.config)?;
        if let Some(timing) = &self.timing {
            limits::check_timing(&self.config, timing)?;
        }
        let memory = Memory {
            usable_blocks: self.config.num_blocks - 1,
            block_tokens: self.config.block_size,
            max_model_len: self.config.max_model_len,
            kv_groups,
        };
        let timed = self.timing.is_some();
        let resolve = |raw: &RawRequest, place| {
            let request = raw.resolve(place, timed, self.config.max_model_len)?;
            limits::check_fits(&self.config, &memory, &request)?;
            Ok(request)
        };
        let (requests, names) = requests::in_order_of_arrival(&self.requests, |raw| &raw.id, resolve)?;
        let actions = self
            .actions
            .iter()
            .enumerate()
            .map(|(index, raw)| raw.resolve(&names).map_err(|why| format!("actions[{index}]: {why}")));
        let actions = actions.collect::<Result<_, _>>()?;
        let transfer_steps = self.config.offload.as_ref().map(|offload| TransferSteps {
            load: offload.load_steps.into(),
            store: offload.store_steps.into(),
        });
        let micros = |value: u32| Span::from_micros(value.into());
        Ok(SchedulerExperiment {
            rules: self.config.rules(
                self.spec_accept,
                self.engine.as_ref().map(|engine| engine.vllm.as_str()),
            )?,
            memory,
            step_time: self.timing.map(|timing| Affine {
                base: micros(timing.base),
                per_token: micros(timing.per_token),
                per_sequence: micros(timing.per_sequence),
            }),
            transfer_steps,
            requests,
            names,
            stop_token: (tokens::stop().content, tokens::stop().offset),
            actions,
            tells_padding: self.schema.ends_with("/2"),
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
    fn rules(&self, accepted: Option<Vec<u32>>, version: Option<&str>) -> Result<ContinuousSettings, String> {
        let accepted = accepted.unwrap_or_default();
        if self.num_speculative_tokens > 0 && accepted.is_empty() {
            return Err("spec_accept: is missing; write how many drafts are accepted, e.g. [3, 0, 1]".to_owned());
        }
        let release = match version {
            Some(version) => Profile::of_release(minor_release(version)?),
            None => Profile::NEWEST,
        };
        let speculative = (self.num_speculative_tokens > 0).then(|| self.speculative(accepted, release.drafts));
        Ok(ContinuousSettings {
            has_one_table: false,
            max_num_seqs: self.max_num_seqs,
            max_num_batched_tokens: self.max_num_batched_tokens,
            chunked_prefill: self.enable_chunked_prefill,
            long_prefill_token_threshold: self.long_prefill_token_threshold,
            watermark: self.watermark,
            prefix_caching: self.enable_prefix_caching,
            priority: self.policy == "priority",
            async_scheduling: self.async_scheduling,
            speculative,
            offload: self.offload.as_ref().map(|offload| OffloadRules {
                cpu_blocks: offload.cpu_blocks,
                prompt_only: offload.prompt_only,
                load: CopyTime::default(),
                store: CopyTime::default(),
            }),
            retention_interval: self.prefix_cache_retention_interval,
            full_sequence_gate: self.scheduler_reserve_full_isl && release.full_sequence_gate,
            keyless_first: release.keyless_first,
            threshold_spares_alone: release.threshold_spares_alone,
            goes_on_after_self_preemption: release.goes_on_after_self_preemption,
        })
    }
}

impl RawConfig {
    /// What each way to propose drafts means for the scheduler.
    fn speculative(&self, accepted: Vec<u32>, of: DraftSwitches) -> Speculative {
        let is_eagle = self.spec_method.as_deref() == Some("eagle");
        let has_lookahead_keys = self.eagle_lookahead_hash.unwrap_or(of.lookahead_keys);
        Speculative {
            tokens: self.num_speculative_tokens,
            proposals: self.spec_propose.clone().unwrap_or_default(),
            lookahead_tokens: self.lookahead_tokens.unwrap_or(0),
            recomputes_last_hit: is_eagle && !has_lookahead_keys,
            key_lookahead: u32::from(is_eagle && has_lookahead_keys),
            draft_slots: if self.spec_method.as_deref() == Some("draft_model") {
                of.draft_model_slots
            } else {
                0
            },
            rules: of.rules,
            looks_ahead: self.async_scheduling,
            accepts_padding: !self.padded_drafts_rejected,
            acceptance: Acceptance::Cyclic(accepted),
        }
    }
}

/// The 19 of "0.19.1".
fn minor_release(version: &str) -> Result<u32, String> {
    let mut parts = version.split('.');
    let (major, minor) = (parts.next(), parts.next().and_then(|part| part.parse().ok()));
    match (major, minor) {
        (Some("0"), Some(minor)) => Ok(minor),
        _ => Err(format!(
            "engine.vllm: {version:?} is not a release; write e.g. \"0.33.0\""
        )),
    }
}

impl RawRequest {
    fn resolve(&self, index: u64, timed: bool, max_model_len: u32) -> Result<Request, String> {
        let arrival = self.arrival(timed)?;
        let prompt: u64 = self.prompt.iter().map(|&(_, len)| u64::from(len)).sum();
        if prompt == 0 || prompt > u64::from(max_model_len) {
            return Err(format!(
                "prompt: {prompt} tokens; write at least 1 and no more than config.max_model_len, {max_model_len}"
            ));
        }
        let most = limits::MOST_OUTPUT_TOKENS;
        if !(1..=most).contains(&self.max_tokens) {
            return Err(format!(
                "max_tokens is {}; write a whole number from 1 to {most}",
                self.max_tokens
            ));
        }
        if self.stop_after == Some(0) {
            return Err("stop_after is 0; write at least 1, or leave it out".to_owned());
        }
        // The scheduler looks at a length after it has handed a token out (`check_stop`).
        let room = (max_model_len - prompt as u32).max(1);
        let stop_after = self.stop_after.filter(|&stop| stop <= self.max_tokens && stop <= room);
        let output_tokens = stop_after.unwrap_or(self.max_tokens).min(room);
        Ok(Request {
            id: RequestId::default(),
            arrival: Time::from_picos(arrival * 1_000_000),
            client_wait: Span::ZERO,
            prompt: tokens::prompt(&self.prompt)?,
            output_tokens,
            max_tokens: self.max_tokens,
            stops: stop_after.is_some(),
            ignore_eos: false,
            is_prompt_only: false,
            priority: self.priority,
            session: SessionId::default(),
            turn: 1,
            output_name: tokens::output(index, output_tokens)?,
            output_is_shared: true,
        })
    }

    /// The step or the microsecond of its arrival.
    fn arrival(&self, timed: bool) -> Result<u64, String> {
        let (name, arrival, most) = if timed {
            ("arrival_us", self.arrival_us, Time::LIMIT.picos() / 1_000_000)
        } else {
            ("arrival_step", self.arrival_step, limits::MOST_IDLE_STEPS)
        };
        let kind = if timed { "timed" } else { "untimed" };
        let arrival = arrival.ok_or_else(|| format!("{name} is missing; {kind} experiments need it"))?;
        if arrival > most {
            return Err(format!("{name}: {arrival} is too late; write at most {most}"));
        }
        Ok(arrival)
    }
}
