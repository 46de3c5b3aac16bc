//! `[batching]`: the settings of the engines beside vLLM V1, under their own names. Keys of an engine that is not used
//! are checked, but decide nothing.

use super::batching::{Host, MOST_REQUESTS, MOST_TOKENS};
use super::diagnostic::Diagnostic;
use super::fields::Fields;
use super::key::Choice;
use crate::policy::{
    Capacity, OrcaSettings, PolicySettings, SarathiSettings, SchedulePolicy, SglangSettings, TgiSettings,
    TrtllmSettings, VllmV0Settings,
};

/// The largest page of KV memory that SGLang's attention kernels know is 128 tokens; more than this is a slip.
const MOST_PAGE_TOKENS: u32 = 1024;

/// An engine with a scheduler of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Orca.
    Orca,
    /// Sarathi-Serve.
    Sarathi,
    /// vLLM before V1.
    VllmV0,
    /// Text Generation Inference.
    Tgi,
    /// TensorRT-LLM.
    Trtllm,
    /// SGLang.
    Sglang,
}

/// A policy with its settings, and how large its steps may become.
#[derive(Debug)]
pub struct Chosen {
    /// The settings.
    pub policy: PolicySettings,
    /// The most requests in a step.
    pub most_requests: u32,
    /// The most tokens in a step.
    pub most_tokens: u64,
}

impl Chosen {
    /// Whether it has a prefix cache, and that is on.
    pub const fn prefix_caching(&self) -> bool {
        match &self.policy {
            PolicySettings::Sglang(settings) => settings.prefix_caching,
            _ => false,
        }
    }
}

/// Reads the keys of all engines; the result is of the one that is `used`.
pub fn read(fields: &Fields<'_>, host: Host<'_>, used: Option<Engine>) -> Result<Option<Chosen>, Diagnostic> {
    let keys = |engine| Keys {
        fields,
        is_used: used == Some(engine),
    };
    let request = u64::from(host.max_model_len);
    let orca = read_orca(&keys(Engine::Orca))?;
    let sarathi = read_sarathi(&keys(Engine::Sarathi))?;
    let v0 = read_vllm_v0(&keys(Engine::VllmV0), host)?;
    let tgi = read_tgi(&keys(Engine::Tgi), host)?;
    let trtllm = read_trtllm(&keys(Engine::Trtllm), host)?;
    let sglang = read_sglang(&keys(Engine::Sglang), host)?;
    Ok(used.map(|engine| match engine {
        Engine::Orca => Chosen {
            most_requests: orca.max_batch_size,
            most_tokens: u64::from(orca.max_batch_size) * request,
            policy: PolicySettings::Orca(orca),
        },
        Engine::Sarathi => Chosen {
            most_requests: sarathi.max_num_seqs,
            most_tokens: sarathi.chunk_size.into(),
            policy: PolicySettings::Sarathi(sarathi),
        },
        Engine::VllmV0 => Chosen {
            most_requests: v0.max_num_seqs,
            most_tokens: v0.max_num_batched_tokens.into(),
            policy: PolicySettings::VllmV0(v0),
        },
        Engine::Tgi => Chosen {
            most_requests: MOST_REQUESTS,
            most_tokens: u64::from(tgi.max_batch_prefill_tokens.max(MOST_REQUESTS)),
            policy: PolicySettings::Tgi(tgi),
        },
        Engine::Trtllm => Chosen {
            most_requests: trtllm.max_batch_size,
            most_tokens: trtllm.max_num_tokens.into(),
            policy: PolicySettings::Trtllm(trtllm),
        },
        Engine::Sglang => Chosen {
            most_requests: sglang.max_running_requests,
            most_tokens: u64::from(sglang.max_prefill_tokens)
                .max(request)
                .max(sglang.max_running_requests.into()),
            policy: PolicySettings::Sglang(sglang),
        },
    }))
}

fn read_orca(keys: &Keys<'_>) -> Result<OrcaSettings, Diagnostic> {
    Ok(OrcaSettings {
        max_batch_size: keys.count("max_batch_size", 1..=MOST_REQUESTS, 32, "tailcast's default")?,
    })
}

fn read_sarathi(keys: &Keys<'_>) -> Result<SarathiSettings, Diagnostic> {
    let theirs = "Sarathi-Serve's default";
    let chunk_size = keys.count("chunk_size", 1..=MOST_TOKENS, 512, theirs)?;
    let settings = SarathiSettings {
        chunk_size,
        max_num_seqs: keys.count("max_num_seqs", 1..=MOST_REQUESTS, chunk_size.min(128), theirs)?,
    };
    let requests = settings.max_num_seqs;
    keys.refuse_tokens_below("chunk_size", chunk_size, requests, "their decodes")?;
    Ok(settings)
}

fn read_vllm_v0(keys: &Keys<'_>, host: Host<'_>) -> Result<VllmV0Settings, Diagnostic> {
    let theirs = "vLLM 0.6.6's default";
    let chunked_prefill = keys.boolean("chunked_prefill", &["enable_chunked_prefill"], false, theirs)?;
    let longest = host.max_model_len;
    let default_tokens = if chunked_prefill { 2048 } else { longest.max(2048) };
    let max_num_batched_tokens = keys.count("max_num_batched_tokens", 1..=MOST_TOKENS, default_tokens, theirs)?;
    let settings = VllmV0Settings {
        max_num_seqs: keys.count(
            "max_num_seqs",
            1..=MOST_REQUESTS,
            max_num_batched_tokens.min(256),
            theirs,
        )?,
        max_num_batched_tokens,
        chunked_prefill,
        watermark: keys.number("watermark", 0.0..=1.0, 0.01, theirs)?,
    };
    let (key, tokens) = ("max_num_batched_tokens", max_num_batched_tokens);
    keys.refuse_tokens_below(key, tokens, settings.max_num_seqs, "their decodes")?;
    if keys.is_used && !chunked_prefill && tokens < longest {
        let message = format!(
            "without chunked prefill a step must hold the longest request: max_num_batched_tokens ({tokens}) is less \
             than max_model_len ({longest}); vLLM refuses to start"
        );
        return Err(keys.fields.error(key, message).help(format!(
            "write max_num_batched_tokens = {longest} or more, or chunked_prefill = true, or server.max_model_len = \
             {tokens}"
        )));
    }
    Ok(settings)
}

fn read_tgi(keys: &Keys<'_>, host: Host<'_>) -> Result<TgiSettings, Diagnostic> {
    let theirs = "TGI's default";
    let total = keys.fields.key("max_batch_total_tokens")?.count(1..=u32::MAX)?;
    let settings = TgiSettings {
        waiting_served_ratio: keys.number("waiting_served_ratio", 0.0..=1000.0, 0.3, theirs)?,
        max_waiting_tokens: keys.count("max_waiting_tokens", 0..=MOST_TOKENS, 20, theirs)?,
        max_batch_prefill_tokens: keys.count(
            "max_batch_prefill_tokens",
            1..=MOST_TOKENS,
            host.max_model_len.max(4096),
            "room for the longest prompt",
        )?,
        max_batch_total_tokens: if keys.is_used { total.optional() } else { None },
    };
    let prefill = settings.max_batch_prefill_tokens;
    if let Some(total) = settings.max_batch_total_tokens
        && total < prefill
    {
        let message = format!(
            "max_batch_total_tokens ({total}) is less than max_batch_prefill_tokens ({prefill}); TGI refuses to start"
        );
        return Err(keys.fields.error("max_batch_total_tokens", message).help(format!(
            "write max_batch_total_tokens = {prefill} or more, or max_batch_prefill_tokens = {total} or less"
        )));
    }
    Ok(settings)
}

fn read_trtllm(keys: &Keys<'_>, host: Host<'_>) -> Result<TrtllmSettings, Diagnostic> {
    let theirs = "trtllm-build's default";
    let capacity = keys
        .fields
        .key_or_alias("capacity", &["capacity_scheduler_policy"])?
        .choice(&[
            ("guaranteed_no_evict", Capacity::GuaranteedNoEvict),
            ("max_utilization", Capacity::MaxUtilization),
        ])?;
    let default = Choice {
        name: "guaranteed_no_evict",
        value: Capacity::GuaranteedNoEvict,
    };
    let settings = TrtllmSettings {
        capacity: if keys.is_used {
            capacity.or(default, "TensorRT-LLM's default").value
        } else {
            default.value
        },
        max_batch_size: keys.count("max_batch_size", 1..=MOST_REQUESTS, 2048, theirs)?,
        max_num_tokens: keys.count("max_num_tokens", 1..=MOST_TOKENS, 8192, theirs)?,
        chunked_context: keys.boolean(
            "chunked_context",
            &["enable_chunked_context"],
            true,
            "TensorRT-LLM's default",
        )?,
    };
    let (tokens, block) = (settings.max_num_tokens, host.block_tokens);
    if keys.is_used && settings.chunked_context && tokens < block {
        let message = format!(
            "a chunk of a prompt is at least a block: max_num_tokens ({tokens}) is less than server.block_size \
             ({block})"
        );
        return Err(keys
            .fields
            .error("max_num_tokens", message)
            .help(format!("write max_num_tokens = {block} or more")));
    }
    Ok(settings)
}

fn read_sglang(keys: &Keys<'_>, host: Host<'_>) -> Result<SglangSettings, Diagnostic> {
    let theirs = "SGLang's default";
    let because = format!("SGLang's default for {}", host.gpu);
    let chunk = keys.count(
        "chunked_prefill_size",
        0..=MOST_TOKENS,
        sglang_chunk(host.gpu_memory_bytes),
        &because,
    )?;
    let order = keys
        .fields
        .key("schedule_policy")?
        .choice(&[("fcfs", SchedulePolicy::Fcfs), ("lpm", SchedulePolicy::Lpm)])?;
    let default_order = Choice {
        name: "fcfs",
        value: SchedulePolicy::Fcfs,
    };
    let settings = SglangSettings {
        max_running_requests: keys.count(
            "max_running_requests",
            1..=MOST_REQUESTS,
            2048,
            "the least that SGLang derives from the memory",
        )?,
        max_prefill_tokens: keys.count("max_prefill_tokens", 1..=MOST_TOKENS, 16384, theirs)?,
        chunked_prefill_size: (chunk > 0).then_some(chunk),
        enable_mixed_chunk: keys.boolean("enable_mixed_chunk", &[], false, theirs)?,
        schedule_conservativeness: keys.number("schedule_conservativeness", 0.0..=100.0, 1.0, theirs)?,
        schedule_policy: if keys.is_used {
            order.or(default_order, theirs).value
        } else {
            default_order.value
        },
        prefix_caching: keys.boolean("prefix_caching", &["enable_prefix_caching"], true, theirs)?,
        page_size: keys.count("page_size", 1..=MOST_PAGE_TOKENS, 1, theirs)?,
    };
    let page = settings.page_size;
    if keys.is_used && !chunk.is_multiple_of(page) {
        let message =
            format!("chunked_prefill_size ({chunk}) is not a multiple of page_size ({page}); SGLang refuses to start");
        let place = ["chunked_prefill_size", "page_size"];
        let place = place.into_iter().find(|key| keys.fields.has(key));
        return Err(keys.fields.error(place.unwrap_or("page_size"), message).help(format!(
            "write chunked_prefill_size = {}; 0 stands for whole prompts",
            u64::from(chunk).next_multiple_of(page.into())
        )));
    }
    Ok(settings)
}

/// `chunked_prefill_size` by the GPU's memory (`srt/server_args.py`).
fn sglang_chunk(gpu_memory_bytes: u64) -> u32 {
    match gpu_memory_bytes >> 30 {
        0..35 => 2048,
        35..60 => 4096,
        60..160 => 8192,
        _ => 16384,
    }
}

/// The keys of one engine. Their values are noted only if the engine is used: otherwise they decide nothing.
struct Keys<'a> {
    fields: &'a Fields<'a>,
    is_used: bool,
}

impl Keys<'_> {
    fn count(
        &self,
        name: &'static str,
        range: std::ops::RangeInclusive<u32>,
        default: u32,
        why: &str,
    ) -> Result<u32, Diagnostic> {
        let setting = self.fields.key(name)?.count(range)?;
        Ok(if self.is_used {
            setting.or(default, why)
        } else {
            default
        })
    }

    fn number(
        &self,
        name: &'static str,
        range: std::ops::RangeInclusive<f64>,
        default: f64,
        why: &str,
    ) -> Result<f64, Diagnostic> {
        let setting = self.fields.key(name)?.number(range)?;
        Ok(if self.is_used {
            setting.or(default, why)
        } else {
            default
        })
    }

    fn boolean(
        &self,
        name: &'static str,
        aliases: &'static [&'static str],
        default: bool,
        why: &str,
    ) -> Result<bool, Diagnostic> {
        let setting = self.fields.key_or_alias(name, aliases)?.boolean()?;
        Ok(if self.is_used {
            setting.or(default, why)
        } else {
            default
        })
    }

    /// Refuses a token budget that does not hold one token for each of the `requests`.
    fn refuse_tokens_below(&self, key: &'static str, tokens: u32, requests: u32, what: &str) -> Result<(), Diagnostic> {
        if !self.is_used || tokens >= requests {
            return Ok(());
        }
        let message =
            format!("{key} ({tokens}) is less than max_num_seqs ({requests}): {what} would not fit into a step");
        let place = if self.fields.has(key) { key } else { "max_num_seqs" };
        Err(self.fields.error(place, message).help(format!(
            "write {key} = {requests} or more, or max_num_seqs = {tokens} or less"
        )))
    }
}
