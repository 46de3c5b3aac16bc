//! Agents whose requests wait for several others.

use tailcast::units::{Span, Time};
use tailcast::workload::Source;
use tailcast::workload::trace::{Replay, open};

use crate::command::Workplace;
use crate::traces::{Folder, replay_text};

const HEADER: &str = r#"{"schema": "dynamo.agentic_mooncake", "version": 2, "block_size": 64, "hash_id_scope": "local"}
"#;

/// A request, which waits for these: the name of another, what of it, and how long after that [ms].
fn request(name: &str, not_before_ms: u32, tokens: u32, waits: &[(&str, &str, u32)]) -> String {
    let waits: Vec<String> = waits
        .iter()
        .map(|(of, trigger, delay)| {
            format!(r#"{{"request_id": "{of}", "trigger": "{trigger}", "delay_ms": {delay}, "relation": "join"}}"#)
        })
        .collect();
    format!(
        "{{\"request_id\": \"{name}\", \"play_id\": \"p\", \"session_id\": \"s\", \"input_length\": {tokens}, \
         \"output_length\": 2, \"not_before_ms\": {not_before_ms}, \"dependencies\": [{}]}}\n",
        waits.join(", ")
    )
}

/// A root; a child 5 ms after the root is sent; a join of both; one that the clock holds back; one behind the join.
fn graph() -> String {
    let (sent, done) = ("dispatch", "completion");
    [
        HEADER.to_owned(),
        request("root", 0, 10, &[]),
        request("child", 0, 20, &[("root", sent, 5)]),
        request("join", 0, 30, &[("root", done, 100), ("child", done, 1)]),
        request("late", 9_000, 40, &[("root", done, 0)]),
        request("last", 0, 50, &[("join", done, 1_000)]),
        request("other", 4_000, 60, &[]),
    ]
    .concat()
}

/// When each comes [ms] and its turn, by the tokens of its prompt, if every answer takes so long [ms].
fn sent(text: &str, answer_ms: u64, change: impl FnOnce(&mut Replay)) -> Vec<(u32, f64, u16)> {
    let folder = Folder::new();
    let path = folder.0.path().join("agents.jsonl");
    std::fs::write(&path, text).unwrap();
    let mut replay = Replay::new(&path);
    change(&mut replay);
    let mut source = open(&replay).unwrap();
    let mut sent = Vec::new();
    let mut running: Vec<(Time, _)> = Vec::new();
    loop {
        let next = source.next_arrival().unwrap();
        let ended = running.iter().map(|(end, _)| *end).min();
        match (next, ended) {
            (None, None) => break,
            (Some(at), ended) if ended.is_none_or(|ended| at < ended) => {
                let request = source.take();
                let tokens = request.prompt.tokens();
                sent.push((tokens, at.seconds() * 1e3, request.turn));
                running.push((at + Span::from_micros(1_000 * answer_ms), request.id));
            }
            (_, ended) => {
                let place = running.iter().position(|(end, _)| Some(*end) == ended).unwrap();
                let (end, id) = running.remove(place);
                source.finished(id, end);
            }
        }
    }
    sent
}

#[test]
fn requests_of_agents_come_when_all_that_they_wait_for_has_come_so_far() {
    assert_eq!(
        sent(&graph(), 2_000, |_| {}),
        [
            (10, 0.0, 1),
            (20, 5.0, 2),
            // The root is done at 2,000 and the child at 2,005.
            (30, 2_100.0, 3),
            (60, 4_000.0, 1),
            (50, 5_100.0, 4),
            (40, 9_000.0, 2),
        ]
    );
    // With answers that take long the child holds the join back, and nothing the late one.
    let slow = sent(&graph(), 10_000, |_| {});
    assert_eq!(slow[2], (60, 4_000.0, 1));
    assert_eq!(slow[3..], [(40, 10_000.0, 2), (30, 10_100.0, 3), (50, 21_100.0, 4)]);
    // What the clock says is faster, what tools take is not.
    let fast = sent(&graph(), 2_000, |replay| replay.speedup = 2.0);
    assert_eq!(
        fast[2..],
        [(60, 2_000.0, 1), (30, 2_100.0, 3), (40, 4_500.0, 2), (50, 5_100.0, 4)]
    );
}

#[test]
fn who_waits_for_a_request_that_is_left_out_is_left_out_too() {
    let late = |replay: &mut Replay| replay.start = Span::from_micros(1_000_000);
    assert_eq!(sent(&graph(), 2_000, late), [(60, 0.0, 1)]);
    let limited = |replay: &mut Replay| replay.limit = Some(3);
    assert_eq!(sent(&graph(), 2_000, limited).len(), 3);
}

#[test]
fn traces_of_agents_say_what_is_wrong_with_them() {
    for (text, parts) in [
        (
            HEADER.to_owned() + &request("a", 0, 9, &[("b", "completion", 0)]),
            &["2:", "dependencies", "no earlier row has"][..],
        ),
        (
            HEADER.to_owned()
                + &request("a", 0, 9, &[]).replace("[]", "[{\"request_id\": \"a\", \"trigger\": \"never\"}]"),
            &["2:", "never"],
        ),
        (
            HEADER.replace("\"version\": 2", "\"version\": 3"),
            &["1:", "version 3", "is 2"],
        ),
        (HEADER.to_owned(), &["no rows"]),
        (
            HEADER.to_owned()
                + &request("a", 0, 9, &[]).replace("\"dependencies\"", "\"hash_ids\": [1, 2], \"dependencies\""),
            &["2:", "hash_ids", "2 ids, but 9 tokens need 1"],
        ),
    ] {
        let error = replay_text(&text, |_| {}).unwrap_err().to_string();
        for part in parts {
            assert!(error.contains(part), "{part}: {error}");
        }
    }
}

#[test]
fn a_server_serves_agents_to_their_end() {
    let place = Workplace::new();
    place.write("agents.jsonl", graph());
    place.write(
        "s.toml",
        "[model]\nname = \"llama-3.1-8b\"\n[server]\ngpu = \"h100-sxm\"\nstep_time = { base_us = 1000 }\n\
         [workload]\ntrace = { path = \"agents.jsonl\" }\n",
    );
    let ended = place.run(&[
        "run",
        "s.toml",
        "--format",
        "json",
        "--slo-exit-zero",
        "--requests-out",
        "r.csv",
    ]);
    assert_eq!(ended.json()["requests"]["finished"], 6);
    let rows = std::fs::read_to_string(place.path("r.csv")).unwrap();
    let sent: Vec<&str> = rows.lines().skip(1).map(|row| row.split(',').nth(1).unwrap()).collect();
    // Two steps a request: the root is done after 2 ms, the child, which comes at 5 ms, after 7.
    assert_eq!(sent[..3], ["0.000000000000", "0.005000000000", "0.102000000000"]);
    let equal = place.run(&["check", "s.toml"]);
    assert!(equal.stdout.starts_with("equal"), "{}{}", equal.stdout, equal.stderr);
    let info = place.run(&["trace", "info", "agents.jsonl"]);
    assert!(
        info.stdout.contains("mooncake-agents"),
        "{}{}",
        info.stdout,
        info.stderr
    );
    let converted = place.run(&["trace", "convert", "agents.jsonl", "--to", "tailcast", "--out", "o.csv"]);
    assert_eq!(converted.code, Some(2));
    assert!(converted.stderr.contains("3: waits for others"), "{}", converted.stderr);
    let refused = place.run(&["run", "s.toml", "--set", "workload.trace.concurrency=4"]);
    assert!(
        refused.code == Some(2) && refused.stderr.contains("closed loop"),
        "{}",
        refused.stderr
    );
}
