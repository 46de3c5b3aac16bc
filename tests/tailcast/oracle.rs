//! Batching as vLLM's and as SGLang's equals the real schedulers, step for step, in logs recorded from them.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tailcast::answer::StepsQuestion;

/// The folders of recordings, and how many files each holds at least.
const VLLM: &[(&str, usize)] = &[
    ("vllm", 32),
    ("vllm/mixed200", 3),
    ("vllm/fuzz", 30),
    ("vllm/compat_0.19.1", 19),
    ("vllm/compat_0.11.2", 19),
    ("vllm2/hybrid", 23),
    ("vllm2/hybrid/fuzz", 40),
    ("vllm2/spec", 8),
    ("vllm2/spec/fuzz", 12),
    ("vllm2/spec/random", 4),
    ("vllm2/async_spec", 8),
    ("vllm2/async_spec/fuzz", 20),
    ("vllm2/offload", 10),
    ("vllm2/offload/fuzz", 20),
];
const SGLANG: &[(&str, usize)] = &[("sglang", 52), ("sglang/mixed200", 4), ("sglang/fuzz", 40)];

#[test]
fn recorded_vllm_logs_are_reproduced_step_for_step() {
    reproduce(VLLM);
}

#[test]
fn recorded_sglang_logs_are_reproduced_step_for_step() {
    reproduce(SGLANG);
}

fn reproduce(folders: &[(&str, usize)]) {
    let Some(logs) = logs() else { return };
    let mut wrong = Vec::new();
    for &(folder, least) in folders {
        let mut files: Vec<PathBuf> = std::fs::read_dir(logs.join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
        files.sort();
        assert!(files.len() >= least, "{folder} holds {} recordings", files.len());
        for file in files {
            if let Err(difference) = compare(&file) {
                wrong.push(format!("{}: {difference}", file.display()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} recordings differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// The first difference between a recording and our log of it. Everything recorded must be there and equal.
fn compare(file: &Path) -> Result<(), String> {
    let recorded: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let ours = run_steps(file);
    let (recorded_steps, our_steps) = (array(&recorded["steps"]), array(&ours["steps"]));
    for (number, (recorded, ours)) in recorded_steps.iter().zip(our_steps).enumerate() {
        within(recorded, ours).map_err(|place| format!("step {number}: {place}"))?;
    }
    if recorded_steps.len() != our_steps.len() {
        return Err(format!(
            "{} steps recorded, {} ours",
            recorded_steps.len(),
            our_steps.len()
        ));
    }
    if let Some(summary) = ours.get("summary") {
        within(&recorded["summary"], summary).map_err(|place| format!("summary: {place}"))?;
    }
    within(&recorded["per_request"], &ours["per_request"])
}

/// Objects may hold more than was recorded; everything else must be equal.
fn within(recorded: &Value, ours: &Value) -> Result<(), String> {
    match (recorded, ours) {
        (Value::Object(recorded), Value::Object(ours)) => {
            for (key, value) in recorded {
                let Some(our_value) = ours.get(key) else {
                    return Err(format!("{key} is missing"));
                };
                within(value, our_value).map_err(|place| format!("{key}: {place}"))?;
            }
            Ok(())
        }
        _ if recorded == ours => Ok(()),
        _ => Err(format!("recorded {recorded}, ours {ours}")),
    }
}

fn run_steps(file: &Path) -> Value {
    let question = StepsQuestion { file: file.to_owned() };
    serde_json::from_str(&question.answer().unwrap().log).unwrap()
}

fn array(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

/// The folder of the logs, which stands beside a checkout where there is one.
fn logs() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/oracle");
    if !folder.is_dir() {
        // Past the test harness, which keeps what a test that passes prints to itself.
        let mut errors = std::io::stderr();
        writeln!(errors, "SKIPPED: no recorded scheduler logs at {}", folder.display()).unwrap();
        return None;
    }
    Some(folder)
}
