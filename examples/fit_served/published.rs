//! Reads closed loops whose flags were published with them.
//!
//! `silicon.csv` of aiconfigurator @ 095f58a holds the figures of benchmarks of `InferenceX`, which publishes the flags
//! of its servers and of its clients; and `closed_loops_h200.csv` those of gpt-oss-120b with and without drafts.
//! Left out are rows that one server with tensor parallelism cannot be, that name no drafts where there were some, and
//! that contradict the flags.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use super::errors::Case;
use super::experiments::{Experiment, Knowledge, Row, rows, scenario};

/// Models as the table names them, in the catalogue, and whether they have experts.
const MODELS: [(&str, &str, bool); 8] = [
    ("meta-llama/Llama-3.1-70B", "llama-3.1-70b", false),
    ("meta-llama/Llama-3.1-8B-Instruct", "llama-3.1-8b", false),
    ("Qwen/Qwen3-32B", "qwen3-32b", false),
    ("openai/gpt-oss-120b", "gpt-oss-120b", true),
    ("moonshotai/Kimi-K2.5", "kimi-k2.5", true),
    ("deepseek-ai/DeepSeek-R1", "deepseek-r1", true),
    ("deepseek-ai/DeepSeek-V3", "deepseek-r1", true),
    ("MiniMaxAI/MiniMax-M2.5", "minimax-m2.5", true),
];
const SYSTEMS: [(&str, &str); 6] = [
    ("h100_sxm", "h100-sxm"),
    ("h200_sxm", "h200"),
    ("b200_sxm", "b200"),
    ("b300_sxm", "b300"),
    ("gb200", "gb200"),
    ("gb300", "gb300"),
];
/// In NVIDIA's own sweeps, whose flags nobody published, prompts have one length and a chat template.
const TEMPLATE: u32 = 9;
/// Clients of a shared server are never more, or the flags are others.
const REQUESTS_A_USER: u32 = 10;

/// A row that can be simulated.
struct Deployed {
    model: &'static str,
    gpu: &'static str,
    precision: String,
    backend: String,
    /// The 19 of vLLM 0.19.
    release: u32,
    gpus: u32,
    prompt: u32,
    output: u32,
    users: u32,
    has_flags: bool,
    /// TensorRT-LLM was told to wait for a batch of prompts, so that its TTFT tells nothing.
    waits: bool,
    measured: [f64; 2],
}

/// Every `nth` row with its scenario; if GPUs are to be known by their datasheets, of those whose are at hand.
pub fn cases(folder: &Path, work: &Path, nth: usize, knowledge: Knowledge) -> Vec<Case> {
    fs::create_dir_all(work).expect("the folder can be made");
    let mut seen = BTreeSet::new();
    let read = rows(&folder.join("silicon.csv"));
    let read = read.iter().filter(|row| seen.insert(fingerprint(row)));
    let deployed: Vec<Deployed> = read.filter_map(Deployed::of).collect();
    let is_known = |row: &Deployed| knowledge == Knowledge::Tables || ["h100-sxm", "b200"].contains(&row.gpu);
    let chosen = deployed.into_iter().filter(is_known).step_by(nth);
    let experiments = chosen.enumerate().map(|(number, row)| row.experiment(number));
    let drafts = with_drafts(folder).filter(|_| knowledge == Knowledge::Tables);
    experiments
        .chain(drafts)
        .map(|experiment| Case {
            scenario: scenario(&experiment, work, knowledge),
            experiment,
        })
        .collect()
}

/// Collections hold some rows twice.
fn fingerprint(row: &Row) -> Vec<String> {
    const TELLING: [&str; 10] = [
        "model_path",
        "system",
        "precision",
        "backend",
        "tp_size",
        "isl",
        "osl",
        "batch_size",
        "silicon_ttft_ms",
        "silicon_tpot_ms",
    ];
    TELLING.iter().map(|name| row[*name].clone()).collect()
}

/// The 19 of 0.19.0. Benchmarks of autumn 2025 have no version; what was built by night is of spring 2026.
fn release(version: &str) -> u32 {
    let minor = version
        .strip_prefix("0.")
        .and_then(|rest| rest.split('.').next()?.parse().ok());
    minor.unwrap_or(if version.is_empty() { 11 } else { 19 })
}

impl Deployed {
    fn of(row: &Row) -> Option<Self> {
        let (_, model, has_experts) = MODELS.into_iter().find(|(path, ..)| row["model_path"] == *path)?;
        let (_, gpu) = SYSTEMS.into_iter().find(|(system, _)| row["system"] == *system)?;
        let number = |name: &str| row[name].parse::<f64>().map_or(1, |number| number as u32);
        let gpus = number("tp_size");
        let is_one_server = row["mode"] == "agg" && gpus <= 8 && number("attention_dp_size") == 1;
        let is_divided = has_experts && (number("moe_ep_size") != 1 || number("moe_tp_size") != gpus);
        if !is_one_server || is_divided {
            return None;
        }
        let source = &row["silicon_data_source"];
        let users = number("batch_size");
        let said = source.split("silicon_concurrency=").nth(1);
        let said = said.and_then(|text| text.split(';').next()?.trim().parse::<u32>().ok());
        let version = row["backend_version"].clone();
        let (prompt, output) = (number("isl"), number("osl"));
        let is_wrong = said.is_some_and(|said| said != users)
            || version == "1.2.0rc6.post3" && model == "deepseek-r1"
            || users >= 512 && gpu == "h100-sxm" && model == "gpt-oss-120b"
            || row["precision"] == "fp8" && row["backend"] == "vllm" && model == "qwen3-32b"
            // 671 GB do not fit.
            || row["precision"] == "fp8" && (model, gpu) == ("deepseek-r1", "b200") && gpus < 8;
        if is_wrong {
            return None;
        }
        let milliseconds = |name: &str| row[name].parse::<f64>().expect("a number") / 1e3;
        Some(Self {
            model,
            gpu,
            precision: row["precision"].clone(),
            backend: row["backend"].clone(),
            release: release(&version),
            gpus,
            prompt,
            output,
            users,
            has_flags: !source.contains("harrli"),
            waits: row["backend"] == "trtllm"
                && model == "llama-3.1-70b"
                && gpus < 8
                && (prompt, output) == (1024, 1024),
            measured: ["silicon_ttft_ms", "silicon_tpot_ms"].map(milliseconds),
        })
    }

    fn is_blackwell(&self) -> bool {
        self.gpu.starts_with(['b', 'g'])
    }

    fn experiment(&self, number: usize) -> Experiment {
        let [ttft, tpot] = self.measured;
        let mut measured = vec![("tpot.mean", tpot)];
        if !self.waits {
            measured.push(("ttft.mean", ttft));
        }
        Experiment {
            name: format!(
                "{}-{}-{}-tp{}-{}x{}-c{}-{number}",
                self.model, self.gpu, self.backend, self.gpus, self.prompt, self.output, self.users
            ),
            set: "published".to_owned(),
            model: self.model,
            text: format!("{}{}{}", self.model_and_server(), self.batching(), self.workload()),
            measured: measured.into_iter().collect(),
        }
    }

    fn model_and_server(&self) -> String {
        let weights = match (self.model, self.precision.as_str()) {
            ("gpt-oss-120b", _) | ("deepseek-r1", "fp8") => None,
            (_, "fp8") => Some("fp8"),
            (_, "fp4") => Some("mxfp4"),
            (_, "int4") => Some("int4"),
            _ => Some("bf16"),
        };
        let has_small_cache = match self.model {
            "llama-3.1-70b" => true,
            "gpt-oss-120b" => self.is_blackwell(),
            "minimax-m2.5" => self.is_blackwell() && self.release >= 19,
            _ => false,
        };
        let memory = match self.model {
            "minimax-m2.5" if has_small_cache => 0.9,
            "minimax-m2.5" | "kimi-k2.5" | "deepseek-r1" => 0.95,
            _ => 0.9,
        };
        let all = self.prompt + self.output;
        let length = if (self.prompt, self.output) == (1024, 1024) {
            all + 20
        } else {
            (all + 200).max(10_240)
        };
        // Of SGLang's servers of DeepSeek-R1 the flag was published.
        let memory = if self.backend == "sglang" && self.has_flags {
            "mem_fraction_static = 0.82".to_owned()
        } else {
            format!("gpu_memory_utilization = {memory}")
        };
        let mut text = format!("[model]\nname = \"{}\"\n", self.model);
        if let Some(weights) = weights {
            let _ = writeln!(text, "weights = \"{weights}\"");
        }
        if has_small_cache {
            text.push_str("kv_cache = \"fp8\"\n");
        }
        let _ = write!(
            text,
            "[server]\ngpu = \"{}\"\ntensor_parallel = {}\n{memory}\nmax_model_len = {length}\n",
            self.gpu, self.gpus
        );
        text
    }

    fn batching(&self) -> String {
        match self.backend.as_str() {
            "vllm" => self.vllm(),
            "trtllm" => {
                let requests = if self.model == "gpt-oss-120b" { self.users } else { 1024 };
                let tokens = match (self.has_flags, self.model) {
                    (true, "gpt-oss-120b") => 20_000,
                    (true, _) => 16_384,
                    (false, _) => 8192.max(self.prompt + self.users),
                };
                format!(
                    "[batching]\npolicy = \"trtllm\"\nmax_batch_size = {requests}\nmax_num_tokens = {tokens}\n\
                     chunked_context = false\n"
                )
            }
            _ => {
                let chunks = if self.has_flags {
                    "max_running_requests = 512\nchunked_prefill_size = 32768\nmax_prefill_tokens = 32768\n"
                } else {
                    ""
                };
                format!("[batching]\npolicy = \"sglang\"\nprefix_caching = false\n{chunks}")
            }
        }
    }

    fn vllm(&self) -> String {
        let profile = match self.release {
            19.. => "vllm-0.19",
            14.. => "vllm-0.15",
            _ => "vllm-0.11",
        };
        let requests = match self.model {
            "minimax-m2.5" => None,
            "llama-3.1-70b" | "gpt-oss-120b" if self.is_blackwell() => Some(512),
            _ => Some(self.users),
        };
        let tokens = match self.model {
            _ if !self.has_flags => Some(self.prompt + self.users),
            "minimax-m2.5" if self.is_blackwell() && self.release >= 19 => Some(2 * self.prompt),
            "minimax-m2.5" | "kimi-k2.5" => None,
            _ => Some(8192),
        };
        let mut text = format!(
            "[batching]\nprofile = \"{profile}\"\nasync_scheduling = {}\nprefix_caching = false\n",
            self.has_flags
        );
        if let Some(requests) = requests {
            let _ = writeln!(text, "max_num_seqs = {requests}");
        }
        if let Some(tokens) = tokens {
            let _ = writeln!(
                text,
                "max_num_batched_tokens = {}",
                tokens.max(requests.unwrap_or(1024))
            );
        }
        text
    }

    fn workload(&self) -> String {
        let (shortest, template) = if self.has_flags { (0.8, 0) } else { (1.0, TEMPLATE) };
        let lengths = |longest: u32, more: u32| {
            let least = (f64::from(longest) * shortest) as u32 + more;
            format!("{{ dist = \"uniform\", min = {least}, max = {} }}", longest + more)
        };
        closed_loop(
            self.users,
            REQUESTS_A_USER * self.users,
            [&lengths(self.prompt, template), &lengths(self.output, 0)],
        )
    }
}

fn closed_loop(users: u32, requests: u32, [prompt, output]: [&str; 2]) -> String {
    format!(
        "[workload]\nsampling = \"plain\"\nwarm_up = \"none\"\nrequests = {requests}\n\
         arrivals = {{ process = \"closed\", concurrency = {users} }}\nprompt = {prompt}\noutput = {output}\n"
    )
}

/// The closed loops of gpt-oss-120b on an H200, without drafts and with some.
fn with_drafts(folder: &Path) -> impl Iterator<Item = Experiment> {
    rows(&folder.join("closed_loops_h200.csv")).into_iter().map(|row| {
        let whole = |name: &str| row[name].parse::<u32>().expect("a whole number");
        let seconds = |name: &str| row[name].parse::<f64>().expect("a number") / 1e3;
        let [drafts, users, requests] = ["drafts", "concurrency", "requests"].map(whole);
        let lengths = [
            "{ dist = \"uniform\", min = 6400, max = 8000 }",
            "{ dist = \"uniform\", min = 800, max = 1000 }",
        ];
        let mut text = "[model]\nname = \"gpt-oss-120b\"\n[server]\ngpu = \"h200\"\ngpu_memory_utilization = 0.9\n\
                        max_model_len = 10240\n[batching]\nprofile = \"vllm-0.22\"\nprefix_caching = false\n\
                        max_num_seqs = 256\nmax_num_batched_tokens = 8192\n"
            .to_owned();
        if drafts > 0 {
            let rates = row["acceptance_by_position"].replace([';', ' '], ",");
            let _ = writeln!(
                text,
                "speculative = {{ method = \"eagle3\", tokens = {drafts}, acceptance = [{rates}] }}"
            );
        }
        text.push_str(&closed_loop(users, requests, lengths));
        Experiment {
            name: format!("h200-drafts{drafts}-c{users}"),
            set: "drafts".to_owned(),
            model: "gpt-oss-120b",
            text,
            measured: [
                ("ttft.mean", seconds("ttft_mean_ms")),
                ("tpot.mean", seconds("tpot_mean_ms")),
            ]
            .into_iter()
            .collect(),
        }
    })
}
