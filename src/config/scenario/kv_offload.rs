//! `server.kv_offload`: KV cache in the memory of the CPU.

use crate::config::reader::bandwidth::Bandwidth;
use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::fields::Fields;
use crate::config::reader::reading::Reading;
use crate::hardware::{Gpu, MemoryBudget};
use crate::policy::PolicySettings;
use crate::policy::vllm::{CopyTime, OffloadRules};
use crate::settings::{Kind, Setting};
use crate::units::Span;

/// The key `server.kv_offload`: which memory of the CPU holds KV cache too.
pub(super) const KV_OFFLOAD: Setting = Setting::new(
    "kv_offload",
    Kind::Table(&KEYS),
    "KV cache in the memory of the CPU, as vLLM's native offloading has it: blocks of prompts are copied there as they \
     fill, and loaded by whoever finds more of its prompt there than in the GPU",
)
.depends("none: what the GPU forgets is computed again");
static KEYS: [&Setting; 4] = [&MEMORY, &LINK, &START, &PROMPT_ONLY];
const MEMORY: Setting = Setting::new(
    "memory",
    Kind::Bytes,
    "How much memory of the CPU, for all GPUs of the server together",
)
.or(&["kv_offloading_size"])
.required("write memory = \"64GiB\", as in vLLM's --kv-offloading-size 64");
const LINK: Setting = Setting::new(
    "link",
    Kind::Bandwidth,
    "What copies between a GPU and the CPU reach, in one direction",
)
.depends("0.8 of the link's rate, which is assumed: 51 GB/s over PCI Express 5.0, 26 over 4.0, 360 over NVLink-C2C");
const START: Setting = Setting::new(
    "start",
    Kind::Duration,
    "How long a job of copies takes before its first block comes",
)
.default("\"0s\"", "jobs are reported at the end of a step anyway");
const PROMPT_ONLY: Setting = Setting::new(
    "prompt_only",
    Kind::Boolean,
    "Whether only blocks of prompts are stored, and not those of outputs",
)
.or(&["offload_prompt_only"])
.default("true", "vLLM's default");

/// What is said of the memory of the CPU.
#[derive(Clone, Debug)]
pub struct KvOffload {
    /// Its key, with the tables around it.
    path: String,
    /// For all GPUs together [bytes].
    memory_bytes: f64,
    /// Between a GPU and the CPU, in one direction [bytes/s].
    bytes_per_s: f64,
    start: Span,
    prompt_only: bool,
}

/// Reads `kv_offload = { memory = "64GiB", link = "50 GB/s" }`.
pub fn read(fields: &Fields<'_>, gpu: &Gpu) -> Result<Option<KvOffload>, Diagnostic> {
    let Some(table) = fields.find(&KV_OFFLOAD)?.table()? else {
        return Ok(None);
    };
    let memory = table
        .find(&MEMORY)?
        .bytes()?
        .unnoted()
        .ok_or_else(|| table.missing(&MEMORY))?;
    let (rate, link) = gpu.host_link();
    let assumed = Bandwidth { bytes_per_s: rate };
    let bandwidth = table.find(&LINK)?.bandwidth()?;
    if bandwidth.value().is_none() {
        fields.reading().warn(format!(
            "{}.kv_offload.link: {assumed} between a GPU and the CPU, over {link}, is assumed, not measured: how long \
             loads take depends on it; write what your machine reaches",
            fields.path()
        ));
    }
    let offload = KvOffload {
        path: format!("{}.kv_offload", fields.path()),
        memory_bytes: memory.bytes,
        bytes_per_s: bandwidth.or(assumed, &format!("0.8 of {link}, assumed")).bytes_per_s,
        start: table
            .find(&START)?
            .duration()?
            .or(Span::ZERO, "jobs are reported at the end of a step anyway"),
        prompt_only: table.find(&PROMPT_ONLY)?.boolean()?.or(true, "vLLM's default"),
    };
    table.finish()?;
    Ok(Some(offload))
}

impl KvOffload {
    /// Gives a policy the memory of the CPU that its server of so many GPUs has.
    pub fn give_to(
        &self,
        policy: &mut PolicySettings,
        reading: &Reading,
        memory: &MemoryBudget,
        (tensor_parallel, has_groups): (u32, bool),
    ) -> Result<(), Diagnostic> {
        let path = &self.path;
        let name = policy.description().name;
        let PolicySettings::Continuous(rules) = policy else {
            reading.warn(format!(
                "{path}: under batching.policy = {name:?} nothing is kept in the memory of the CPU; it is vLLM's"
            ));
            return Ok(());
        };
        if rules.speculative.is_some() {
            return Err(self.not_supported("drafts", "leave batching.speculative out"));
        }
        if has_groups {
            let instead = "write batching.disable_hybrid_kv_cache_manager = true where all layers keep tokens";
            return Err(self.not_supported("layers that see a window or keep a state", instead));
        }
        let block_bytes = memory.kv_bytes_per_token as f64 * f64::from(memory.block_tokens);
        let all = block_bytes * f64::from(tensor_parallel);
        let cpu_blocks = (self.memory_bytes / all) as u32;
        if cpu_blocks == 0 {
            let mebibytes = all / f64::from(1 << 20);
            let message = format!("`{path}.memory` holds no block: one takes {mebibytes:.1} MiB");
            return Err(Diagnostic::new(message).help("write memory = \"64GiB\", or another size of several GiB"));
        }
        let time = CopyTime {
            start: self.start,
            per_block: Span::from_seconds(block_bytes / self.bytes_per_s).unwrap_or(Span::ZERO),
        };
        rules.offload = Some(OffloadRules {
            cpu_blocks,
            prompt_only: self.prompt_only,
            load: time,
            store: time,
        });
        Ok(())
    }

    fn not_supported(&self, what: &str, instead: &str) -> Diagnostic {
        let message = format!("not supported: `{}` with {what}", self.path);
        Diagnostic::new(message).help(format!("{instead}, or leave kv_offload out"))
    }
}
