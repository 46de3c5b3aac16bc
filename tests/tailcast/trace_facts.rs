//! Real traces have the facts that others have measured.

use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use tailcast::workload::Source;
use tailcast::workload::trace::{Replay, info, open};

/// A real trace beside the project; `None`, with a loud note, if it is not there.
pub fn real(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/traces")
        .join(name);
    if !path.exists() {
        // Past the test harness, which keeps what a test that passes prints to itself.
        let mut errors = std::io::stderr();
        writeln!(
            errors,
            "SKIPPED: {} is not there, so its facts are not checked",
            path.display()
        )
        .unwrap();
        return None;
    }
    Some(path)
}

/// What is often quoted of a trace: every block counts, the last one of a prompt too, which is mostly not full. Shares
/// of blocks and of tokens that an earlier prompt holds.
fn hits_with_partial_blocks(path: PathBuf) -> [f64; 2] {
    let mut source = open(&Replay::new(path)).unwrap();
    let mut seen = HashSet::new();
    let (mut blocks, mut hit_blocks, mut tokens, mut hit_tokens) = (0, 0, 0, 0);
    while source.next_arrival().unwrap().is_some() {
        let request = source.take();
        let mut hits = true;
        for segment in request.prompt.segments().unwrap() {
            // An id stands for its block and all that comes before.
            hits &= !seen.insert(segment.content);
            blocks += 1;
            tokens += segment.tokens;
            if hits {
                hit_blocks += 1;
                hit_tokens += segment.tokens;
            }
        }
    }
    [(hit_blocks, blocks), (hit_tokens, tokens)].map(|(hits, all)| f64::from(hits) / f64::from(all))
}

#[track_caller]
fn assert_rounds_to(measured: f64, expected: f64, unit: f64) {
    assert!(
        (measured - expected).abs() <= unit * 0.5001,
        "{measured}, expected {expected}"
    );
}

#[test]
fn azure_conv_has_its_known_facts() {
    let Some(path) = real("azure2023/AzureLLMInferenceTrace_conv.csv") else {
        return;
    };
    let facts = info(&Replay::new(path)).unwrap();
    assert_eq!((facts.format, facts.requests), ("azure", 19_366));
    assert_rounds_to(facts.span.seconds(), 3501.7, 0.1);
    assert_rounds_to(facts.rate_per_s.unwrap(), 5.53, 0.01);
    assert_rounds_to(facts.gap_cv.unwrap(), 1.09, 0.01);
    for (measured, expected, unit) in [(0, 1.39, 0.01), (1, 3.86, 0.01), (2, 16.1, 0.1)] {
        assert_rounds_to(facts.dispersion[measured].unwrap(), expected, unit);
    }
    assert_rounds_to(facts.input.mean, 1154.7, 0.1);
    let quantiles = [facts.input.p50, facts.input.p95, facts.input.p99];
    assert_eq!(quantiles.map(|tokens| tokens.round() as u32), [1020, 4083, 4142]);
    assert_eq!(facts.input.max, 14_050);
    assert_rounds_to(facts.output.mean, 211.1, 0.1);
    let quantiles = [facts.output.p50, facts.output.p95, facts.output.p99];
    assert_eq!(quantiles.map(|tokens| tokens.round() as u32), [129, 451, 601]);
    assert_eq!(facts.output.max, 1000);
    assert_rounds_to(facts.correlation.unwrap(), -0.11, 0.01);
    assert_eq!(facts.sharing, None);
}

#[test]
fn mooncake_conversation_has_its_known_facts() {
    let Some(path) = real("mooncake/conversation_trace.jsonl") else {
        return;
    };
    let [blocks, tokens] = hits_with_partial_blocks(path.clone());
    assert_rounds_to(blocks, 0.3664, 0.0001);
    assert_rounds_to(tokens, 0.3736, 0.0001);
    let facts = info(&Replay::new(path)).unwrap();
    assert_eq!((facts.format, facts.requests), ("mooncake", 12_031));
    assert_rounds_to(facts.span.seconds(), 3537.0, 1.0);
    assert_rounds_to(facts.gap_cv.unwrap(), 3.03, 0.01);
    for (measured, expected) in [(0, 7.9), (1, 2.1), (2, 2.9)] {
        assert_rounds_to(facts.dispersion[measured].unwrap(), expected, 0.1);
    }
    assert_rounds_to(facts.input.mean, 12_035.0, 1.0);
    assert_eq!(
        [facts.input.p50, facts.input.p95, facts.input.p99].map(|tokens| tokens.round() as u32),
        [6909, 39_551, 85_400]
    );
    assert_rounds_to(facts.output.mean, 342.6, 0.1);
    assert_rounds_to(facts.correlation.unwrap(), 0.07, 0.01);
    assert_rounds_to(facts.tied_share * 12_031.0, 12_031.0 - 1180.0, 1.0);
    let sharing = facts.sharing.unwrap();
    assert_rounds_to(sharing.block_hit_ratio(), 0.3819, 0.0001);
    assert_rounds_to(sharing.token_hit_ratio(), 0.3734, 0.0001);
    assert_rounds_to(sharing.requests_with_hit as f64 / 12_031.0, 0.9999, 0.0001);
}

#[test]
fn sharegpt_has_its_known_facts() {
    let Some(path) = real("sharegpt/sharegpt-llama-3.1-8b-300-sps10.jsonl") else {
        return;
    };
    let facts = info(&Replay::new(path)).unwrap();
    assert_eq!((facts.format, facts.requests), ("sharegpt", 300));
    assert_rounds_to(facts.span.seconds(), 29.1, 0.1);
    assert_rounds_to(facts.gap_cv.unwrap(), 0.94, 0.01);
    assert_rounds_to(facts.input.mean, 857.5, 0.1);
    assert_rounds_to(facts.output.mean, 652.5, 0.1);
    assert!(facts.sharing.is_some());
}
