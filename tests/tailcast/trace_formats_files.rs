//! Files that people have: their traces are read with the numbers that stand in them, and what is no trace is named.

use std::io::Write;
use std::path::{Path, PathBuf};

use tailcast::units::Time;
use tailcast::workload::trace::{Replay, info, open, open_seeded};
use tailcast::workload::{Request, Source};

use crate::traces::replay_of;

/// A file of other tools beside the project; `None`, with a loud note, if it is not there.
fn file(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/cases/files");
    let path = folder.join(name);
    if !path.exists() {
        let mut errors = std::io::stderr();
        writeln!(
            errors,
            "SKIPPED: {} is not there, so how it is read is not checked",
            path.display()
        )
        .unwrap();
        return None;
    }
    Some(path)
}

fn requests(replay: &Replay) -> Vec<Request> {
    let mut source = open_seeded(replay, 1).unwrap_or_else(|error| panic!("{error}"));
    let mut requests = Vec::new();
    while source.next_arrival().unwrap().is_some() {
        requests.push(source.take());
    }
    requests
}

/// What was counted by hand: requests, the last arrival after the first [s], tokens of all prompts and of all outputs.
type Counted = (usize, f64, u64, u64);

/// Files of traces, their formats, and what they hold; of those with rows that cannot be read, without these.
const READ: [(&str, &str, Counted); 12] = [
    ("09_aiperf.jsonl", "aiperf", (1, 0.0, 550, 9)),
    ("11_burstgpt3.csv", "burstgpt", (4, 116.0, 2876, 624)),
    ("12_azure2024.csv", "azure", (6, 172_803.5, 11_741, 41)),
    ("14_bailian.jsonl", "bailian", (2, 1.386, 1221, 212)),
    // 16 and 19 characters.
    ("15_lmsys.jsonl", "conversations", (1, 0.0, 4, 5)),
    ("16_openai_log.csv", "openai-log", (2, 2.0, 640, 140)),
    ("16_openai_log.jsonl", "openai-log", (2, 2.0, 640, 140)),
    ("18_aibrix_workload.jsonl", "aibrix", (10, 4.313, 9169, 816)),
    ("18_blis_trace_v2.csv", "blis", (1, 0.0, 100, 20)),
    ("18_splitwise_sim.csv", "splitwise", (2, 0.26, 1536, 110)),
    ("18_vidur.csv", "vidur", (2, 4.31, 770, 153)),
    // 53, 57, 5 and 22 characters, whose arrivals nobody recorded.
    ("15_sharegpt_v3.json", "conversations", (2, f64::NAN, 14, 20)),
];

#[test]
fn traces_of_many_tools_have_the_numbers_that_stand_in_them() {
    for (name, format, (count, last_s, input, output)) in READ {
        let Some(path) = file(name) else {
            return;
        };
        let replay = Replay {
            skip_bad_rows: true,
            ..Replay::new(path)
        };
        assert_eq!(open(&replay).unwrap().format().name(), format, "{name}");
        let requests = requests(&replay);
        assert_eq!(requests.len(), count, "{name}");
        assert_eq!(requests[0].arrival, Time::ZERO, "{name}");
        let last = requests[count - 1].arrival.seconds();
        assert!(last_s.is_nan() || (last - last_s).abs() < 1e-9, "{name}: {last}");
        let tokens = requests.iter().map(|it| u64::from(it.prompt.tokens())).sum::<u64>();
        assert_eq!(tokens, input, "{name}");
        let tokens = requests.iter().map(|it| u64::from(it.output_tokens)).sum::<u64>();
        assert_eq!(tokens, output, "{name}");
    }
}

#[test]
fn rows_without_tokens_are_refused_with_a_way_or_left_out() {
    for (name, line, bad, failed) in [("11_burstgpt3.csv", 3, 1, 1), ("12_azure2024.csv", 8, 1, 0)] {
        let Some(path) = file(name) else {
            return;
        };
        let error = info(&Replay::new(&path)).unwrap_err();
        let message = error.to_string();
        assert_eq!(error.line, line, "{message}");
        assert!(
            message.contains("is 0, but a prompt has at least one token") && message.contains("--skip-bad-rows"),
            "{message}"
        );
        let skipped = info(&Replay {
            skip_bad_rows: true,
            ..Replay::new(&path)
        });
        let skipped = skipped.unwrap().skipped;
        assert_eq!((skipped.bad_rows, skipped.failed_requests), (bad, failed), "{name}");
    }
}

#[test]
fn bailian_shares_the_blocks_that_it_names() {
    let Some(path) = file("14_bailian.jsonl") else {
        return;
    };
    let facts = info(&Replay::new(&path)).unwrap();
    let sharing = facts.sharing.unwrap();
    // The second prompt names the five blocks of the first.
    assert_eq!((sharing.block_tokens, sharing.hit_tokens), (16, 80));
    let requests = requests(&Replay::new(path));
    assert!(requests[0].session == requests[1].session && requests[1].turn == 2);
}

#[test]
fn windows_of_servegen_have_about_as_many_arrivals_as_their_rates_say() {
    let Some(path) = file("17_servegen_chunk_trace.csv") else {
        return;
    };
    let error = open(&Replay::new(&path)).err().unwrap().to_string();
    assert!(
        error.contains("holds arrivals alone (servegen)") && error.contains("workload.prompt"),
        "{error}"
    );
    let counts: Vec<[usize; 5]> = (0..200)
        .map(|seed| {
            let mut source = open_seeded(&replay_of(&path, "servegen"), seed).unwrap();
            let mut counts = [0; 5];
            let mut first = None;
            while source.next_arrival().unwrap().is_some() {
                let at = source.take().arrival.seconds();
                first.get_or_insert(at);
                counts[(at / 600.0) as usize] += 1;
            }
            counts
        })
        .collect();
    let mean = |window: usize| counts.iter().map(|it| it[window] as f64).sum::<f64>() / counts.len() as f64;
    // Requests a window: 799, 0, 164, 90 and 0; the first arrives a little after the start of its window.
    for (window, expected) in [(0, 799.0), (2, 164.0), (3, 90.0)] {
        assert!(
            (mean(window) / expected - 1.0).abs() < 0.15,
            "{window}: {}",
            mean(window)
        );
    }
}

#[test]
fn what_is_no_trace_is_named_with_the_way() {
    for (name, tool, way) in [
        (
            "01_vllm_bench_summary_v0.25.1.json",
            "`vllm bench serve`",
            "tailcast calibrate",
        ),
        (
            "02_vllm_bench_all_failed_v0.25.1.json",
            "`vllm bench serve`",
            "tailcast calibrate",
        ),
        (
            "03_vllm_bench_sweep_summary_v0.25.1.json",
            "`vllm bench serve`",
            "tailcast calibrate",
        ),
        ("05_inferencex_seconds.json", "InferenceX", "tailcast calibrate"),
        ("06_guidellm_report_v2_trimmed.json", "guidellm", "tailcast calibrate"),
        ("07_inference_perf_stage.json", "inference-perf", "tailcast calibrate"),
        ("08_llmperf_individual.json", "LLMPerf", "tailcast calibrate"),
        ("08_llmperf_summary.json", "LLMPerf", "tailcast calibrate"),
        ("09_aiperf.csv", "AIPerf", "profile_export.jsonl"),
        ("09_aiperf.json", "AIPerf", "profile_export.jsonl"),
        ("10_sglang_request_rate_infinity.json", "SGLang", "tailcast calibrate"),
        ("16_k6.csv", "k6", "completion_tokens"),
        ("16_locust.csv", "Locust", "completion_tokens"),
    ] {
        let Some(path) = file(name) else {
            return;
        };
        let error = open(&Replay::new(path))
            .err()
            .unwrap_or_else(|| panic!("{name} is read"))
            .to_string();
        assert!(
            error.contains(tool) && error.contains(way) && !error.contains("Looked for"),
            "{name}: {error}"
        );
    }
}
