//! Whose arithmetic decides what the KV cache may have: vLLM's, or SGLang's under its policy.

use super::model::ModelChoice;
use super::server::{MEM_FRACTION_STATIC, ServerTable};
use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::reading::{Reading, Resolved};
use crate::hardware::{CacheSizing, default_static_fraction};
use crate::policy::PolicySettings;

/// vLLM's under every policy but SGLang's, which has a setting of its own for it.
pub(super) fn read(
    reading: &Reading,
    server: &ServerTable,
    model: &ModelChoice,
    policy: &PolicySettings,
) -> Result<CacheSizing, Diagnostic> {
    let name = MEM_FRACTION_STATIC.name;
    let PolicySettings::Sglang(settings) = policy else {
        return match server.mem_fraction_static {
            None => Ok(CacheSizing::Profiled),
            Some((share, place)) => {
                let message = format!(
                    "`{}.{name}` = {share} is SGLang's, and batching.policy is another",
                    server.path
                );
                let help = "write gpu_memory_utilization, or batching.policy = \"sglang\"";
                Err(reading.error(place, message).help(help))
            }
        };
    };
    if server.utilization_is_written {
        reading.warn(format!(
            "{}.gpu_memory_utilization decides nothing under policy sglang, whose share of the memory is {name}",
            server.path
        ));
    }
    if let Some((share, _)) = server.mem_fraction_static {
        return Ok(CacheSizing::StaticFraction(share));
    }
    let gpus = server.tensor_parallel;
    let share = default_static_fraction(&server.gpu, &model.model, gpus, settings.chunked_prefill_size);
    reading.note(Resolved {
        key: format!("{}.{name}", server.path),
        value: share.to_string(),
        content: None,
        origin: format!("SGLang's default for {}", server.gpu.title()),
        is_default: true,
    });
    Ok(CacheSizing::StaticFraction(share))
}
