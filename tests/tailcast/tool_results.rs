//! Real results of other tools are read with the right numbers, or refused with the tool's name and the way.
//!
//! They lie in a folder beside the project; where it is not there, tests that read them say that they skip.

use std::path::{Path, PathBuf};

use tailcast::config::Measured;

use crate::result_shapes::{assert_load, assert_values};

/// Where the real files lie.
const CASES: &str = "../shared/cases/files";

fn case(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(CASES).join(name);
    if !path.is_file() {
        eprintln!("skipped: {} is not there", path.display());
        return None;
    }
    Some(path)
}

#[test]
fn real_results_are_read_with_their_numbers() {
    let Some(folder) = case("01_vllm_bench_summary_v0.25.1.json") else {
        return;
    };
    let read = |name: &str| Measured::read_all(&folder.with_file_name(name)).unwrap_or_else(|error| panic!("{error}"));
    let bench = &read("01_vllm_bench_summary_v0.25.1.json")[0];
    assert_eq!(bench.tool, "vllm bench serve");
    assert_values(
        bench,
        &[
            ("ttft.mean", 0.215_535_942),
            ("ttft.p50", 0.055_681_396_5),
            ("ttft.p99", 0.734_404_917_41),
            ("tpot.mean", 0.011_265_828_258),
            ("itl.p99", 0.029_815_922_52),
            ("requests.finished", 8.0),
            ("throughput.output_tokens_per_s", 82.892_970_74),
            ("throughput.input_tokens_per_s", 256.0 / 1.544_159_883),
        ],
    );
    assert_load(
        bench,
        &[
            "workload.requests = 8",
            "workload.arrivals = { process = \"closed\", concurrency = 2 }",
            "workload.prompt = { dist = \"fixed\", value = 32 }",
            "workload.output = { dist = \"fixed\", value = 16 }",
        ],
    );
    let sweep = read("03_vllm_bench_sweep_summary_v0.25.1.json");
    assert_eq!(sweep.len(), 2);
    assert_values(&sweep[0], &[("ttft.mean", 0.217_272_893), ("e2e.p50", 0.166_478_084)]);
    assert_values(&sweep[1], &[("ttft.mean", 0.039_307_316), ("e2e.p99", 0.169_636_624)]);
}

#[test]
fn real_results_of_other_benchmarks_are_read_with_their_numbers() {
    let Some(folder) = case("05_inferencex_seconds.json") else {
        return;
    };
    let read = |name: &str| Measured::read_all(&folder.with_file_name(name)).unwrap_or_else(|error| panic!("{error}"));
    let inferencex = &read("05_inferencex_seconds.json")[0];
    assert_eq!(inferencex.tool, "InferenceX");
    assert_values(
        inferencex,
        &[
            ("ttft.p50", 0.291_399_43),
            ("ttft.p99", 2.077_586_94),
            ("e2e.p50", 4.573_234_44),
            ("tpot.p99", 0.071_709_697),
        ],
    );
    assert_load(
        inferencex,
        &[
            "workload.requests = 160",
            "workload.arrivals = { process = \"closed\", concurrency = 16 }",
            "workload.prompt = { dist = \"fixed\", value = 1024 }",
            "workload.output = { dist = \"fixed\", value = 128 }",
        ],
    );
    let sglang = &read("10_sglang_request_rate_infinity.json")[0];
    assert_eq!(sglang.tool, "SGLang bench_serving");
    assert_values(
        sglang,
        &[
            ("ttft.mean", 0.12),
            ("e2e.p99", 3.0),
            ("itl.p95", 0.03),
            ("throughput.requests_per_s", 8.0),
        ],
    );
    assert_load(
        sglang,
        &[
            "workload.requests = 500",
            "workload.arrivals = { process = \"at_once\" }",
            "workload.prompt = { dist = \"fixed\", value = 1024 }",
            "workload.output = { dist = \"fixed\", value = 128 }",
        ],
    );
}

#[test]
fn real_reports_of_load_generators_are_read_with_their_numbers() {
    let Some(folder) = case("06_guidellm_report_v2_trimmed.json") else {
        return;
    };
    let read = |name: &str| Measured::read(&folder.with_file_name(name)).unwrap_or_else(|error| panic!("{error}"));
    let guidellm = read("06_guidellm_report_v2_trimmed.json");
    assert_values(
        &guidellm,
        &[
            ("ttft.mean", 0.011_481_165_9),
            ("ttft.p50", 0.011_276_006_7),
            ("e2e.mean", 0.019_789_099_7),
            ("e2e.p99", 0.020_308_971_4),
            ("itl.mean", 0.001_150_846_48),
            ("tpot.p50", 0.001_045_976_3),
            ("requests.finished", 2.0),
        ],
    );
    assert_load(
        &guidellm,
        &[
            "workload.requests = 2",
            "workload.arrivals = { process = \"constant\", rate = 2.0 }",
            "workload.prompt = { dist = \"gamma\", mean = 71.5, cv = 0.2867132867132867, max = 92 }",
            "workload.output = { dist = \"fixed\", value = 8 }",
        ],
    );
    let stage = read("07_inference_perf_stage.json");
    assert_values(
        &stage,
        &[
            ("ttft.mean", 0.038_576_805_96),
            ("ttft.p999", 0.066_399_592_7),
            ("tpot.p50", 0.005_618_866_46),
            ("itl.p90", 0.014_490_926_87),
            ("e2e.p99", 0.954_816_256_6),
            ("throughput.requests_per_s", 74.282_567_99),
        ],
    );
    assert_load(
        &stage,
        &[
            "workload.requests = 4496",
            "workload.arrivals = { process = \"poisson\", rate = 74.94 }",
            "workload.prompt = { dist = \"fixed\", value = 201 }",
            "workload.output = { dist = \"fixed\", value = 63 }",
        ],
    );
}

#[test]
fn real_results_of_llmperf_are_read_with_their_numbers() {
    let Some(folder) = case("08_llmperf_summary.json") else {
        return;
    };
    let read = |name: &str| Measured::read(&folder.with_file_name(name)).unwrap_or_else(|error| panic!("{error}"));
    let llmperf = read("08_llmperf_summary.json");
    let mean_gap = (2.354_666_773_753_332_4 - 0.248_902_694_646_666_67) / 145.946_666_666_666_66;
    assert_values(
        &llmperf,
        &[
            ("ttft.mean", 0.248_902_695),
            ("ttft.p99", 0.474_530_519),
            ("e2e.p95", 3.125_570_576),
            ("itl.mean", mean_gap),
            ("requests.finished", 150.0),
            ("throughput.requests_per_s", 84.733_273_216 / 60.0),
        ],
    );
    assert!(
        !llmperf.values.contains_key("tpot.mean"),
        "its own has the first token in it"
    );
    let load = llmperf.load.as_ref().unwrap();
    assert_eq!((load.requests, load.max_concurrency), (Some(150), Some(5)));
    let responses = read("08_llmperf_individual.json");
    let tpots = [
        (2.532_841_703 - 0.314_857_365),
        (3.185_233_883 - 0.401_175_526),
        (2.106_523_644 - 0.329_113_868),
    ];
    assert_values(
        &responses,
        &[
            ("tpot.mean", tpots.iter().sum::<f64>() / 450.0),
            ("ttft.max", 0.401_175_526),
        ],
    );
}

#[test]
fn real_exports_of_aiperf_are_read_with_their_numbers() {
    let Some(folder) = case("09_aiperf.json") else {
        return;
    };
    let read = |name: &str| Measured::read(&folder.with_file_name(name)).unwrap_or_else(|error| panic!("{error}"));
    let summary = read("09_aiperf.json");
    assert_values(
        &summary,
        &[
            ("ttft.mean", 1.5888),
            ("e2e.p99", 9.3816),
            ("tpot.p50", 0.051_98),
            ("throughput.requests_per_s", 13.16),
            ("requests.finished", 200.0),
        ],
    );
    assert_load(
        &summary,
        &[
            "workload.requests = 200",
            "workload.arrivals = { process = \"closed\", concurrency = 100 }",
            "workload.output = { dist = \"fixed\", value = 97 }",
        ],
    );
    assert_values(
        &read("09_aiperf.csv"),
        &[("ttft.p50", 0.787_54), ("e2e.mean", 6.550_36), ("e2e.max", 9.383_37)],
    );
    let records = read("09_aiperf.jsonl");
    assert_values(
        &records,
        &[("ttft.mean", 0.2558), ("e2e.mean", 0.2975), ("tpot.mean", 0.0417 / 8.0)],
    );
    let blis = read("18_blis_trace_v2.csv");
    assert_values(
        &blis,
        &[
            ("ttft.mean", 0.049_99),
            ("e2e.mean", 0.899_99),
            ("tpot.mean", 0.85 / 19.0),
        ],
    );
}

#[test]
fn real_files_that_are_no_results_are_named() {
    let Some(folder) = case("16_k6.csv") else {
        return;
    };
    for (name, parts) in [
        (
            "02_vllm_bench_all_failed_v0.25.1.json",
            &["all 8 requests failed", "server's log"][..],
        ),
        ("11_burstgpt3.csv", &["BurstGPT", "workload.trace"]),
        ("12_azure2024.csv", &["Azure", "workload.trace"]),
        ("14_bailian.jsonl", &["Bailian", "workload.trace"]),
        ("15_lmsys.jsonl", &["LMSYS", "workload.trace"]),
        ("15_sharegpt_v3.json", &["ShareGPT", "workload.trace"]),
        ("16_k6.csv", &["k6", "no tokens", "vllm bench serve"]),
        ("16_locust.csv", &["locust", "no tokens", "vllm bench serve"]),
        ("16_openai_log.csv", &["OpenAI-style", "first tokens"]),
        ("16_openai_log.jsonl", &["OpenAI-style", "first tokens"]),
        ("17_servegen_chunk_trace.csv", &["ServeGen"]),
        ("18_aibrix_workload.jsonl", &["AIBrix", "workload.trace"]),
        ("18_splitwise_sim.csv", &["Splitwise", "workload.trace"]),
        ("18_vidur.csv", &["Vidur", "workload.trace"]),
    ] {
        let error = Measured::read_all(&folder.with_file_name(name))
            .unwrap_err()
            .to_string();
        for part in parts {
            assert!(error.contains(part), "{name}: {part:?} is not in:\n{error}");
        }
    }
}
