//! Reads measured operators: the tables of aiconfigurator and of `LLMServingSim`, as kernels' work and time.

#![allow(clippy::float_cmp, reason = "tables hold whole numbers, which compare exactly")]

use std::path::{Path, PathBuf};

use tailcast::hardware::{Gpu, WeightKernel, WeightPrecision};
use tailcast::step_time::kernel_times::{ExpertsLayer, Matrix};

/// A GPU with tables.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// Its name in the catalogue.
    pub gpu: &'static str,
    /// What its files of aiconfigurator start with, if it has any.
    pub aiconfigurator: Option<&'static str>,
    /// What its files of `LLMServingSim` (Llama-3.1-8B, bf16) start with, if it has any.
    pub serving: Option<&'static str>,
    /// Its last-level cache [bytes] (NVIDIA's architecture whitepapers): what fits was not read from memory when a
    /// benchmark repeats itself.
    pub cache_bytes: f64,
    /// Thread blocks at a time (two on a multiprocessor of the A100, whose shared memory holds them), if it decodes
    /// with `FlashAttention` 2 and nobody has measured that beside prompts.
    pub guessed_blocks: Option<u32>,
}

/// Every GPU with tables.
pub const SOURCES: [Source; 11] = [
    Source {
        guessed_blocks: Some(216),
        ..source("a100-80-sxm", Some("a100_sxm"), None, 40e6)
    },
    source("h100-sxm", Some("h100_sxm"), None, 50e6),
    source("h200", Some("h200_sxm"), None, 50e6),
    source("b200", Some("b200_sxm"), None, 126e6),
    source("b300", Some("b300_sxm"), None, 126e6),
    source("gb200", Some("gb200"), None, 126e6),
    source("gb300", Some("gb300"), None, 126e6),
    Source {
        guessed_blocks: Some(142),
        ..source("l40s", Some("l40s"), None, 96e6)
    },
    source(
        "rtx-pro-6000",
        Some("rtx_pro_6000_server"),
        Some("RTXPRO6000_meta-llama_Llama-3.1-8B_bf16_tp1"),
        128e6,
    ),
    source("rtx-4090", None, Some("RTX4090_meta-llama_Llama-3.1-8B_bf16_tp1"), 72e6),
    source("arc-pro-b60", Some("b60"), None, 18e6),
];

const fn source(
    gpu: &'static str,
    aiconfigurator: Option<&'static str>,
    serving: Option<&'static str>,
    cache_bytes: f64,
) -> Source {
    Source {
        gpu,
        aiconfigurator,
        serving,
        cache_bytes,
        guessed_blocks: None,
    }
}

/// A kernel, the operator that its tables are called after, and what they name as it where they hold several.
pub type KernelTables = (WeightKernel, &'static str, &'static [&'static str]);

/// Matrix products: kernels of one library, whose tables come from several machines.
pub const PRODUCTS: [KernelTables; 4] = [
    (WeightKernel::Plain, "gemm", &[]),
    (WeightKernel::Fp8, "gemm_fp8", &[]),
    (WeightKernel::Fp8Block, "gemm_fp8_block", &[]),
    (WeightKernel::Nvfp4, "gemm_nvfp4", &[]),
];

/// Routed experts.
pub const EXPERTS: [KernelTables; 8] = [
    (WeightKernel::Plain, "moe", &["", "flashinfer_trtllm"]),
    (WeightKernel::Fp8, "moe_fp8", &["", "flashinfer_trtllm"]),
    (WeightKernel::Fp8Block, "moe_fp8_block", &[]),
    (WeightKernel::Nvfp4, "moe_nvfp4", &["", "flashinfer_trtllm"]),
    (WeightKernel::Marlin, "moe_int4_wo", &[]),
    (WeightKernel::Mxfp4Marlin, "moe_w4a16_mxfp4", &["", "marlin"]),
    (WeightKernel::Mxfp4Triton, "moe_w4a16_mxfp4", &["oaitriton"]),
    (WeightKernel::Mxfp4FlashInfer, "moe_w4a8_mxfp4_mxfp8", &[]),
];

/// Bits of a parameter in what a kernel takes, scales included.
pub fn bits(kernel: WeightKernel) -> f64 {
    let precision = match kernel {
        WeightKernel::Plain => WeightPrecision::Bf16,
        WeightKernel::Fp8 => return 8.0,
        WeightKernel::Fp8Block => WeightPrecision::Fp8,
        WeightKernel::Nvfp4 => WeightPrecision::Nvfp4,
        WeightKernel::Marlin => WeightPrecision::Int4,
        WeightKernel::Mxfp4Marlin | WeightKernel::Mxfp4Triton | WeightKernel::Mxfp4FlashInfer => WeightPrecision::Mxfp4,
    };
    precision.bits_per_parameter()
}

/// Operations per second of what a kernel multiplies; none if the GPU has no units for it.
pub fn peak(kernel: WeightKernel, gpu: &Gpu) -> Option<f64> {
    match kernel {
        WeightKernel::Fp8 | WeightKernel::Fp8Block | WeightKernel::Mxfp4FlashInfer => gpu.peak().fp8,
        WeightKernel::Nvfp4 => gpu.peak().fp4,
        _ => Some(gpu.peak().bf16),
    }
}

impl Source {
    /// Where the rows of an operator come from, as a line of TOML.
    pub fn cite(&self, group: &str, operator: &str, layers: &str) -> String {
        match (self.aiconfigurator, self.serving) {
            (Some(prefix), Some(serving)) if layers == "attention" => format!(
                "source = \"aiconfigurator @ 095f58a, {prefix}__{group}__*__{operator}; decoding beside a prompt: \
                 LLMServingSim @ 5daddb2, {serving}\""
            ),
            (Some(prefix), _) => {
                format!("source = \"aiconfigurator @ 095f58a, {prefix}__{group}__*__{operator}\"")
            }
            (None, serving) => format!(
                "source = \"LLMServingSim @ 5daddb2, {}__{layers}\"",
                serving.unwrap_or_default()
            ),
        }
    }
}

/// A measured matrix product.
#[derive(Clone, Copy, Debug)]
pub struct ProductRow {
    pub matrix: Matrix,
    pub rows: f64,
    pub micros: f64,
    pub held_back: bool,
}

/// Measured attention of decoding requests, or of prompts if `tokens` is above 1.
#[derive(Clone, Copy, Debug)]
pub struct AttentionRow {
    pub requests: f64,
    /// New tokens of each request.
    pub tokens: f64,
    /// Tokens of each request after the step.
    pub context: f64,
    pub heads: f64,
    pub kv_heads: f64,
    pub head_dim: f64,
    /// The window, if the layer has one.
    pub window: Option<f64>,
    /// Of a value in the cache [bytes].
    pub value_bytes: f64,
    pub micros: f64,
    pub held_back: bool,
}

/// A measured block of latent attention of DeepSeek-V3, projections included, of so many heads.
#[derive(Clone, Copy, Debug)]
pub struct LatentRow {
    pub requests: f64,
    /// New tokens of each request.
    pub tokens: f64,
    /// Tokens of each request before the step.
    pub done: f64,
    pub heads: f64,
    pub micros: f64,
    pub held_back: bool,
}

/// What decoding requests add to the attention of a prompt.
#[derive(Clone, Copy, Debug)]
pub struct MixedRow {
    pub requests: f64,
    pub context: f64,
    pub micros: f64,
    pub held_back: bool,
}

/// A measured layer of experts.
#[derive(Clone, Copy, Debug)]
pub struct ExpertsRow {
    pub experts: ExpertsLayer,
    pub rows: f64,
    /// Distinct experts that are read.
    pub distinct: f64,
    pub micros: f64,
    pub held_back: bool,
}

/// A measured all-reduce.
#[derive(Clone, Copy, Debug)]
pub struct AllReduceRow {
    pub gpus: f64,
    pub bytes: f64,
    pub micros: f64,
}

impl AttentionRow {
    /// Keys and values that one layer reads [bytes].
    pub fn kv_bytes(&self) -> f64 {
        self.requests * self.context * 2.0 * self.kv_heads * self.head_dim * self.value_bytes
    }

    /// Pairs of a query and a key.
    pub fn pairs(&self) -> f64 {
        let done = self.context - self.tokens;
        self.requests * (done * self.tokens + self.tokens * (self.tokens + 1.0) / 2.0)
    }
}

impl LatentRow {
    /// Pairs of a query and a key.
    pub fn pairs(&self) -> f64 {
        self.requests * (self.done * self.tokens + self.tokens * (self.tokens + 1.0) / 2.0)
    }
}

/// Numbers of tokens that are fitted: mostly those of decode steps.
const ROWS: [f64; 21] = [
    1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 48.0, 64.0, 80.0, 96.0, 112.0, 128.0, 160.0, 192.0, 224.0, 256.0, 512.0, 1024.0,
    2048.0, 4096.0, 8192.0,
];
/// Smaller matrices may come out of the cache, and are not those of a model that fills a GPU.
const LEAST_WEIGHTS_BYTES: f64 = 32e6;
const LEAST_EXPERTS_BYTES: f64 = 16e6;
/// Smaller differences between two measurements are mostly noise.
const LEAST_MIXED_MICROS: f64 = 20.0;
/// Widths of which whole models can be put together, and their heads: never fitted.
const HELD_BACK_WIDTHS: [f64; 2] = [4096.0, 5120.0];
const HELD_BACK_HEADS: [f64; 2] = [32.0, 40.0];
const HELD_BACK_LATENT_HEADS: [f64; 2] = [8.0, 32.0];
/// Widths of heads that most models have.
const HEAD_DIMS: [f64; 2] = [64.0, 128.0];
/// Experts (width of a token, of an expert, experts a token, experts) whose routers choose by groups or with a bias, so
/// that it is not known how many distinct ones a row reads.
const ROUTED_OTHERWISE: [[f64; 4]; 3] = [
    [7168.0, 2048.0, 8.0, 256.0],
    [2688.0, 1856.0, 6.0, 128.0],
    [2048.0, 5120.0, 22.0, 512.0],
];
/// Inputs and outputs of the matrices of Llama-3.1-8B.
const LLAMA_8B: [(&str, f64, f64); 4] = [
    ("qkv_proj", 4096.0, 6144.0),
    ("o_proj", 4096.0, 4096.0),
    ("gate_up_proj", 4096.0, 28672.0),
    ("down_proj", 14336.0, 4096.0),
];

/// Matrix products in one kernel, in the widths of models.
pub fn products(folder: &Path, source: &Source, (kernel, operator, _): &KernelTables) -> Vec<ProductRow> {
    let mut all = Vec::new();
    if let Some(prefix) = source.aiconfigurator {
        // The benchmark of nvfp4 repeats one matrix, and reads smaller ones from the cache.
        let least = match kernel {
            WeightKernel::Nvfp4 => source.cache_bytes,
            _ => LEAST_WEIGHTS_BYTES * bits(*kernel) / 16.0,
        };
        for row in of_all_machines(folder, prefix, "gemm", operator) {
            let (rows, outputs, inputs) = (row.number("m"), row.number("n"), row.number("k"));
            let matrix = matrix(inputs, outputs, bits(*kernel));
            let wide = inputs >= 1024.0 && outputs >= 1024.0;
            if wide && matrix.bytes >= least && ROWS.contains(&rows) {
                all.push(ProductRow {
                    matrix,
                    rows,
                    micros: row.number("latency") * 1e3,
                    held_back: HELD_BACK_WIDTHS.contains(&inputs) || HELD_BACK_WIDTHS.contains(&outputs),
                });
            }
        }
    } else if let (Some(prefix), WeightKernel::Plain) = (source.serving, kernel) {
        for (index, row) in read(&serving(folder, prefix, "dense")).iter().enumerate() {
            let layer = LLAMA_8B.iter().find(|(name, ..)| *name == row.text("layer"));
            if let Some((_, inputs, outputs)) = layer {
                all.push(ProductRow {
                    matrix: matrix(*inputs, *outputs, 16.0),
                    rows: row.number("tokens"),
                    micros: row.number("time_us"),
                    held_back: index % 2 == 1,
                });
            }
        }
    }
    all
}

/// Attention of requests that all decode (`prompts` false) or all hold a prompt, on a cache in 16 bits or in 8.
pub fn attention(folder: &Path, source: &Source, prompts: bool, in_fp8: bool) -> Vec<AttentionRow> {
    let mut all = Vec::new();
    if let Some(prefix) = source.aiconfigurator {
        let kind = if prompts { "context" } else { "generation" };
        let format = if in_fp8 { "_fp8kv" } else { "" };
        for row in newest(folder, prefix, "attention", &format!("{kind}_attention{format}")) {
            let tokens = row.number("isl");
            let (heads, kv_heads) = (row.number("num_heads"), row.number("num_key_value_heads"));
            let window = if row.has("window_size") {
                row.number("window_size")
            } else {
                0.0
            };
            let head_dim = row.number("head_dim");
            let requests = row.number("batch_size");
            let usual = heads >= 8.0 && heads <= 16.0 * kv_heads && kv_heads <= 8.0 && requests <= 512.0;
            if !(usual && HEAD_DIMS.contains(&head_dim)) {
                continue;
            }
            // A decode row's `step` counts the tokens before the one that is computed.
            all.push(AttentionRow {
                requests,
                tokens,
                context: tokens + row.number("step"),
                heads,
                kv_heads,
                head_dim,
                window: (window > 0.0).then_some(window),
                value_bytes: if in_fp8 { 1.0 } else { 2.0 },
                micros: row.number("latency") * 1e3,
                held_back: HELD_BACK_HEADS.contains(&heads),
            });
        }
    } else if let (Some(prefix), false) = (source.serving, in_fp8) {
        for (index, row) in read(&serving(folder, prefix, "attention")).iter().enumerate() {
            let (chunk, decoding) = (row.number("prefill_chunk"), row.number("n_decode"));
            let (tokens, requests, done) = match (prompts, chunk > 0.0, decoding > 0.0) {
                (true, true, false) => (chunk, 1.0, row.number("kv_prefill")),
                (false, false, true) => (1.0, decoding, row.number("kv_decode")),
                _ => continue,
            };
            all.push(AttentionRow {
                requests,
                tokens,
                context: done + if prompts { tokens } else { 0.0 },
                heads: 32.0,
                kv_heads: 8.0,
                head_dim: 128.0,
                window: None,
                value_bytes: 2.0,
                micros: row.number("time_us"),
                held_back: index % 2 == 1,
            });
        }
    }
    all
}

/// Blocks of latent attention that decode or hold prompts, on a cache in 16 bits or in 8, by the kernel that engines
/// prefer there, with projections in `products`.
pub fn latent(folder: &Path, source: &Source, prompts: bool, in_fp8: bool, products: &str) -> Vec<LatentRow> {
    let Some(prefix) = source.aiconfigurator else {
        return Vec::new();
    };
    let kind = if prompts { "context" } else { "generation" };
    let mut all = Vec::new();
    for row in newest(folder, prefix, "mla", &format!("mla_{kind}_module")) {
        let (tokens, requests) = (row.number("isl"), row.number("batch_size"));
        let format = if in_fp8 { "fp8" } else { "bfloat16" };
        // Prompts of few tokens take kernels for decoding; `FlashInfer`'s for ragged batches are another choice.
        let is_other = row.has("kernel_source") && prompts && row.text("kernel_source") != "FLASH_ATTN";
        let rows = tokens * requests;
        let is_other = is_other || row.text("gemm_type") != products;
        if row.text("kv_cache_dtype") != format || is_other || rows > 32768.0 || (prompts && rows < 512.0) {
            continue;
        }
        if !prompts && requests > 512.0 {
            continue;
        }
        let heads = row.number("num_heads");
        all.push(LatentRow {
            requests,
            tokens,
            done: row.number("step"),
            heads,
            micros: row.number("latency") * 1e3,
            held_back: HELD_BACK_LATENT_HEADS.contains(&heads),
        });
    }
    all
}

/// What decoding requests of Llama-3.1-8B add beside one prompt, where `LLMServingSim` has measured it.
pub fn mixed(folder: &Path, source: &Source) -> Vec<MixedRow> {
    let Some(prefix) = source.serving else {
        return Vec::new();
    };
    let rows = read(&serving(folder, prefix, "attention"));
    let chunk = |row: &Row| (row.number("prefill_chunk"), row.number("kv_prefill"));
    let alone: Vec<_> = rows
        .iter()
        .filter(|row| row.number("n_decode") == 0.0)
        .map(|row| (chunk(row), row.number("time_us")))
        .collect();
    let mut all = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let without = alone.iter().find(|(key, _)| *key == chunk(row));
        let (requests, context) = (row.number("n_decode"), row.number("kv_decode"));
        // Shorter contexts are a matter of constants, and of a few microseconds.
        if let Some((_, without)) = without
            && requests >= 4.0
            && context >= 512.0
            && row.number("time_us") > without + LEAST_MIXED_MICROS
        {
            all.push(MixedRow {
                requests,
                context,
                micros: row.number("time_us") - without,
                held_back: index % 2 == 1,
            });
        }
    }
    all
}

/// Layers of experts in one kernel, divided by width or not, that hold more than some of the cache.
pub fn experts(folder: &Path, source: &Source, (kernel, operator, named): &KernelTables) -> Vec<ExpertsRow> {
    let Some(prefix) = source.aiconfigurator else {
        return Vec::new();
    };
    // Of Marlin each engine and release shows other shapes; else the newest release's kernels count.
    let rows = if *kernel == WeightKernel::Marlin {
        of_all_machines(folder, prefix, "moe", operator)
    } else {
        newest(folder, prefix, "moe", operator)
    };
    let mut all = Vec::new();
    for row in rows {
        let name = if row.has("kernel_source") {
            row.text("kernel_source")
        } else {
            ""
        };
        let hidden = row.number("hidden_size");
        let shape = [
            hidden,
            row.number("inter_size"),
            row.number("topk"),
            row.number("num_experts"),
        ];
        let is_of_kernel = named.is_empty() || named.contains(&name);
        if !is_of_kernel || row.number("moe_ep_size") != 1.0 || ROUTED_OTHERWISE.contains(&shape) {
            continue;
        }
        let parts = row.number("moe_tp_size");
        let width = row.number("inter_size") / parts;
        let experts = ExpertsLayer {
            shared: 0.0,
            count: row.number("num_experts"),
            per_token: row.number("topk"),
            width,
            matrices: 3.0,
            hidden,
            bytes: 3.0 * width * hidden * bits(*kernel) / 8.0,
        };
        let rows = row.number("num_tokens");
        let distinct = if row.text("distribution") == "balanced" {
            experts.count.min(rows * experts.per_token)
        } else {
            experts.distinct(rows)
        };
        if width >= 256.0 && rows <= 8192.0 && distinct * experts.bytes > LEAST_EXPERTS_BYTES {
            all.push(ExpertsRow {
                experts,
                rows,
                distinct,
                micros: row.number("latency") * 1e3,
                held_back: experts.count == 128.0,
            });
        }
    }
    // Where there is one number of experts only, every other width is held back.
    if all.iter().all(|row| row.held_back) || !all.iter().any(|row| row.held_back) {
        let widest = all.iter().map(|row| row.experts.width).fold(0.0, f64::max);
        for row in &mut all {
            row.held_back = (widest / row.experts.width).log2().round() as u32 % 2 == 1;
        }
    }
    all
}

/// All-reduces: of two measurements of one size the quicker one, which runs in a graph.
pub fn all_reduces(folder: &Path, source: &Source) -> Vec<AllReduceRow> {
    let Some(prefix) = source.aiconfigurator else {
        return Vec::new();
    };
    let mut all: Vec<AllReduceRow> = Vec::new();
    for row in newest(folder, prefix, "comm", "custom_allreduce") {
        // The benchmark counts elements of bf16.
        let (gpus, bytes) = (row.number("num_gpus"), 2.0 * row.number("message_size"));
        let micros = row.number("latency") * 1e3;
        if !(4e3..=1.4e8).contains(&bytes) {
            continue;
        }
        match all.iter_mut().find(|one| one.gpus == gpus && one.bytes == bytes) {
            Some(one) => one.micros = one.micros.min(micros),
            None => all.push(AllReduceRow { gpus, bytes, micros }),
        }
    }
    all
}

fn matrix(inputs: f64, outputs: f64, bits: f64) -> Matrix {
    Matrix {
        inputs,
        outputs,
        bytes: inputs * outputs * bits / 8.0,
    }
}

/// Each file of one operator, made with the oldest engine first; none if there are no such tables. Of TensorRT-LLM's
/// own kernels nothing is priced.
fn files(folder: &Path, prefix: &str, group: &str, operator: &str) -> Vec<PathBuf> {
    let folder = folder.join("aiconfigurator");
    let start = format!("{prefix}__{group}__");
    let end = format!("__{operator}.csv");
    let files = std::fs::read_dir(&folder).expect("the folder holds `aiconfigurator`");
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names
        .filter(|name| name.starts_with(&start) && name.ends_with(&end) && !name.contains("__trtllm"))
        .collect();
    names.sort();
    names.iter().map(|name| folder.join(name)).collect()
}

/// The rows of an operator whose kernels the engine brings: those of the newest one.
fn newest(folder: &Path, prefix: &str, group: &str, operator: &str) -> Vec<Row> {
    let files = files(folder, prefix, group, operator);
    files.last().map(|file| read(file)).unwrap_or_default()
}

/// All rows of an operator: tables of one GPU differ by 5 %, as machines do, and none is nearer to a user's.
fn of_all_machines(folder: &Path, prefix: &str, group: &str, operator: &str) -> Vec<Row> {
    let files = files(folder, prefix, group, operator);
    files.iter().flat_map(|file| read(file)).collect()
}

fn serving(folder: &Path, prefix: &str, table: &str) -> PathBuf {
    folder.join(format!("llmservingsim/{prefix}__{table}.csv"))
}

/// One line of a table.
struct Row {
    header: csv::StringRecord,
    cells: csv::StringRecord,
}

impl Row {
    fn has(&self, column: &str) -> bool {
        self.header.iter().any(|name| name == column)
    }

    fn text(&self, column: &str) -> &str {
        let place = self.header.iter().position(|name| name == column);
        &self.cells[place.unwrap_or_else(|| panic!("no column {column}"))]
    }

    fn number(&self, column: &str) -> f64 {
        self.text(column).parse().expect("tables hold numbers")
    }
}

fn read(file: &Path) -> Vec<Row> {
    let mut reader = csv::Reader::from_path(file).unwrap_or_else(|error| panic!("{error}"));
    let header = reader.headers().unwrap().clone();
    let rows = reader.records().map(|cells| Row {
        header: header.clone(),
        cells: cells.unwrap(),
    });
    rows.collect()
}
