//! Reads closed loops measured by others: TTFT and TPOT at a fixed number of users.
//!
//! `silicon.csv` of aiconfigurator @ 095f58a does not say how its rows were made. Those of Llama-3.1-70B are of vLLM
//! 0.10.2, with the flags that `InferenceX` published: look-ahead, a KV cache in fp8, and on B200 all-reduces fused
//! with norms and 512 requests. Those of Qwen3-32B are of 0.12 and of unknown flags, here the ones that explain all
//! rows best. Both numbers are means; ten requests a user; greedy sampling, as `vllm bench serve` asked for then.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use super::errors::Case;
use super::experiments::{Experiment, Knowledge, rows, scenario};

/// Rows made alike.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// What it is called.
    pub name: &'static str,
    /// Model, system and precision as the table names them.
    key: [&'static str; 3],
    /// The same in the catalogue, and how weights and KV cache are stored.
    ours: [&'static str; 4],
    /// Whether prompts and outputs have one length, about one prompt fits into a step, and nothing is decided ahead.
    is_fixed: bool,
}

/// The groups that are understood. Three rows of Qwen3-32B in fp8 are left out: their concurrency is that of several
/// replicas.
pub const GROUPS: [Group; 4] = [
    Group {
        name: "h100 qwen3-32b bf16",
        key: ["Qwen/Qwen3-32B", "h100_sxm", ""],
        ours: ["qwen3-32b", "h100-sxm", "bf16", "bf16"],
        is_fixed: true,
    },
    Group {
        name: "h100 llama-3.1-70b fp8",
        key: ["meta-llama/Llama-3.1-70B", "h100_sxm", "fp8"],
        ours: ["llama-3.1-70b", "h100-sxm", "fp8", "fp8"],
        is_fixed: false,
    },
    Group {
        name: "b200 llama-3.1-70b fp8",
        key: ["meta-llama/Llama-3.1-70B", "b200_sxm", "fp8"],
        ours: ["llama-3.1-70b", "b200", "fp8", "fp8"],
        is_fixed: false,
    },
    // NVFP4 has 4.5 bits a weight; the nearest format here has 4.25.
    Group {
        name: "b200 llama-3.1-70b fp4",
        key: ["meta-llama/Llama-3.1-70B", "b200_sxm", "fp4"],
        ours: ["llama-3.1-70b", "b200", "mxfp4", "fp8"],
        is_fixed: false,
    },
];

/// Tokens that a chat template adds to a prompt.
const TEMPLATE: u32 = 9;
const REQUESTS_A_USER: u32 = 10;

/// All rows of a group with their scenarios.
pub fn cases(folder: &Path, work: &Path, group: &Group, knowledge: Knowledge) -> Vec<Case> {
    fs::create_dir_all(work).expect("the folder can be made");
    let mut all = Vec::new();
    for row in rows(&folder.join("silicon.csv")) {
        let key = [&row["model_path"], &row["system"], &row["precision"]];
        if row["mode"] != "agg" || row["backend"] != "vllm" || key != group.key {
            continue;
        }
        let number = |name: &str| row[name].parse::<u32>().expect("a whole number");
        let [gpus, prompt, output, users] = ["tp_size", "isl", "osl", "batch_size"].map(number);
        let milliseconds = |name: &str| row[name].parse::<f64>().expect("a number") / 1e3;
        let measured = [
            ("ttft.mean", milliseconds("silicon_ttft_ms")),
            ("tpot.mean", milliseconds("silicon_tpot_ms")),
        ];
        let experiment = Experiment {
            name: format!("tp{gpus}-{prompt}x{output}-c{users}-{}", all.len()),
            set: "silicon".to_owned(),
            model: group.ours[0],
            text: text(group, gpus, prompt, output, users),
            measured: measured.into(),
        };
        all.push(Case {
            scenario: scenario(&experiment, work, knowledge),
            experiment,
        });
    }
    all
}

fn text(group: &Group, gpus: u32, prompt: u32, output: u32, users: u32) -> String {
    let [model, gpu, weights, kv_cache] = group.ours;
    let (shortest, template, budget) = if group.is_fixed {
        (1.0, TEMPLATE, prompt + users)
    } else {
        (0.8, 0, 8192)
    };
    let lengths = |longest: u32, more: u32| {
        let least = (f64::from(longest) * shortest) as u32 + more;
        format!("{{ dist = \"uniform\", min = {least}, max = {} }}", longest + more)
    };
    let is_blackwell = gpu == "b200";
    let seqs = if is_blackwell { 512 } else { users };
    let mut text = format!(
        "[model]\nname = \"{model}\"\nweights = \"{weights}\"\nkv_cache = \"{kv_cache}\"\n\
         [server]\ngpu = \"{gpu}\"\ntensor_parallel = {gpus}\ngpu_memory_utilization = 0.9\nmax_model_len = {}\n\
         fuse_allreduce_rms = {is_blackwell}\n",
        prompt + output + 200
    );
    let _ = write!(
        text,
        "[batching]\nprofile = \"vllm-0.11\"\nasync_scheduling = {}\nprefix_caching = false\n\
         max_num_seqs = {seqs}\nmax_num_batched_tokens = {}\n\
         [workload]\nsampling = \"plain\"\nwarm_up = \"none\"\nrequests = {}\narrivals = \
                                  {{ process = \"closed\", concurrency = {users} }}\nprompt = {}\noutput = {}\n",
        !group.is_fixed,
        budget.max(seqs),
        REQUESTS_A_USER * users,
        lengths(prompt, template),
        lengths(output, 0)
    );
    text
}
