//! Continuous batching equals the real vLLM scheduler, step for step, in logs recorded from it.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tailcast::cli::steps;

/// Recorded logs in which no prefix is found in the cache.
const WITHOUT_HITS: [&str; 13] = [
    "01_fcfs_simple",
    "02_chunked_prefill_budget",
    "03_max_num_seqs",
    "04_preempt_no_apc",
    "13_long_prefill_threshold",
    "14_budget_smaller_than_seqs",
    "15_head_of_line",
    "17_watermark",
    "17b_watermark_idle",
    "18_stop_and_len",
    "20_no_chunked_prefill",
    "21_block_boundary",
    "28b_worked_example",
];

/// What we print and the log holds too.
const KEYS_OF_A_STEP: [&str; 19] = [
    "step",
    "added",
    "t_us",
    "waiting_before",
    "running_before",
    "scheduled",
    "total_tokens",
    "preempted",
    "free_after_schedule",
    "used_after_schedule",
    "t_end_us",
    "emitted",
    "finished",
    "num_waiting_after",
    "num_running_after",
    "waiting_after",
    "running_after",
    "free_after_update",
    "actions",
];

const KEYS_OF_A_REQUEST: [&str; 6] = [
    "arrival",
    "num_output_tokens",
    "num_preemptions",
    "finish",
    "first_token_at",
    "last_token_at",
];

#[test]
fn recorded_vllm_logs_are_reproduced_step_for_step() {
    let Some(folder) = logs() else { return };
    for name in WITHOUT_HITS {
        let file = folder.join(format!("{name}.json"));
        let recorded: Value =
            serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        let ours = run_steps(&file);
        let (recorded_steps, our_steps) = (array(&recorded["steps"]), array(&ours["steps"]));
        for (number, (recorded, ours)) in recorded_steps.iter().zip(our_steps).enumerate() {
            for key in KEYS_OF_A_STEP {
                // A few logs were recorded with less detail than we print.
                if recorded.get(key).is_some() {
                    assert_eq!(
                        recorded.get(key),
                        ours.get(key),
                        "{name}, step {number}, {key}"
                    );
                }
            }
        }
        assert_eq!(
            recorded_steps.len(),
            our_steps.len(),
            "{name}: number of steps"
        );
        for (id, recorded) in recorded["per_request"].as_object().unwrap() {
            for key in KEYS_OF_A_REQUEST {
                assert_eq!(
                    recorded.get(key),
                    ours["per_request"][id].get(key),
                    "{name}, {id}, {key}"
                );
            }
        }
    }
}

fn run_steps(file: &Path) -> Value {
    let mut printed = Vec::new();
    let args = steps::Args {
        file: file.to_owned(),
    };
    steps::run(&args, &mut printed).unwrap();
    serde_json::from_slice(&printed).unwrap()
}

fn array(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

/// The folder of the logs, which stands beside a checkout where there is one.
fn logs() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/oracle/vllm");
    if !folder.is_dir() {
        eprintln!(
            "SKIPPED: no recorded scheduler logs at {}",
            folder.display()
        );
        return None;
    }
    Some(folder)
}
