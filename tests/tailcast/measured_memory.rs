//! The memory model's block counts stand beside those that engines logged.
//!
//! The table is not part of the project: this test reads it from a folder beside it, and says so if it is absent.

use std::path::Path;

use tailcast::config::catalogue;
use tailcast::hardware::{CudaGraphs, KvPrecision, MemoryRequest, WeightPrecision, budget};
use tailcast::policy::vllm::Profile;

/// Names in the table and in the catalogue.
const MODELS: [(&str, &str); 6] = [
    ("meta-llama/Llama-2-7b-hf", "llama-2-7b"),
    ("RedHatAI/Llama-4-Scout-17B-16E-Instruct-FP8-dynamic", "llama-4-scout"),
    ("meta-llama/Llama-3.1-70B-Instruct", "llama-3.1-70b"),
    ("mistralai/Mistral-Nemo-Instruct-2407", "mistral-nemo-12b"),
    ("Qwen/Qwen2.5-7B-Instruct", "qwen2.5-7b"),
    ("01-ai/Yi-34B", "yi-34b"),
];

/// Share of the memory that all of them were started with; the table gives it for some.
const UTILIZATION: f64 = 0.9;

/// The number in front of a remark in brackets.
fn leading(text: &str) -> u32 {
    text.split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn every_logged_block_count_is_met_within_one_percent() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/measured/experiments.csv");
    if !file.exists() {
        eprintln!("skipped: {} is absent", file.display());
        return;
    }
    let mut rows = csv::Reader::from_path(file).unwrap();
    let header = rows.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|one| one == name).unwrap();
    let gpu = catalogue::gpu("h100-sxm").unwrap();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for row in rows.records() {
        let row = row.unwrap();
        let text = |name: &str| &row[column(name)];
        if text("kv_blocks").is_empty() {
            continue;
        }
        assert!(text("gpu").starts_with("H100-80GB-SXM"), "{}", text("gpu"));
        let (_, name) = *MODELS.iter().find(|one| one.0 == text("model")).unwrap();
        let model = catalogue::model(name).unwrap();
        let weights = match text("precision") {
            "FP16" => WeightPrecision::Bf16,
            "FP8" => WeightPrecision::Fp8,
            other => panic!("{other}"),
        };
        let request = MemoryRequest {
            gpu: &gpu,
            model: &model,
            weights,
            kv: KvPrecision::Bf16,
            tensor_parallel: leading(text("tp")),
            utilization: UTILIZATION,
            block_tokens: leading(text("block_size")),
            max_model_len: leading(text("max_model_len")),
            max_num_batched_tokens: leading(text("max_num_batched_tokens")),
            max_num_seqs: leading(text("max_num_seqs")),
            drafter: None,
            graphs: CudaGraphs::new(128, 0, 2048, 512),
            start_up: Profile::of_release(15).start_up,
        };
        let computed = budget(&request).unwrap().kv_blocks;
        let logged = leading(text("kv_blocks"));
        let error = f64::from(computed) / f64::from(logged) - 1.0;
        let line = format!("{}: {computed} for {logged}, {:+.2} %", text("exp_id"), 100.0 * error);
        println!("{line}");
        seen += 1;
        if error.abs() > 0.01 {
            wrong.push(line);
        }
    }
    assert!(seen > 0, "the table holds no block counts");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
