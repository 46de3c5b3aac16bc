//! Whole conversations are sessions, and what a trace does not say of prompts is told.

use tailcast::units::{Span, Time};
use tailcast::workload::trace::{Replay, open};
use tailcast::workload::{Request, Source};

use crate::command::Workplace;
use crate::traces::{Folder, replay_text};

/// Three questions with their answers, and one without; then a conversation that the model opens, and one that nobody
/// answers.
const DIALOGUES: &str = r#"{"id": 1, "conversations": [{"from": "system", "value": "12345678"},
 {"from": "human", "value": "1234"}, {"from": "gpt", "value": "123456789012"}, {"from": "human", "value": "12345678"},
 {"from": "human", "value": "1234"}, {"from": "gpt", "value": "1234"}, {"from": "human", "value": "1234"},
 {"from": "gpt", "value": "12345678"}, {"from": "human", "value": "never answered"}]}
{"id": 2, "conversations": [{"from": "gpt", "value": "1234"}, {"from": "human", "value": "12345678"},
 {"from": "gpt", "value": "1234"}]}
{"id": 3, "conversations": [{"from": "human", "value": "nobody answers"}]}
"#;

fn with_pause(replay: &mut Replay) {
    replay.hints.think = Some(Span::from_micros(5_000_000));
}

#[test]
fn exchanges_of_a_conversation_follow_one_another_and_repeat_what_was_said() {
    let folder = Folder::new();
    let path = folder.0.path().join("dialogues.jsonl");
    std::fs::write(&path, DIALOGUES).unwrap();
    let mut replay = Replay::new(&path);
    with_pause(&mut replay);
    let mut source = open(&replay).unwrap();
    let mut sent: Vec<Request> = Vec::new();
    while source.next_arrival().unwrap().is_some() {
        let request = source.take();
        // Every answer takes 2 s.
        source.finished(request.id, request.arrival + Span::from_micros(2_000_000));
        sent.push(request);
    }
    assert_eq!(source.skipped().failed_requests, 1);
    let of = |request: &Request| (request.prompt.tokens(), request.output_tokens);
    // The first one has three turns, whenever the other one begins.
    let first = sent.iter().find(|request| request.turn == 3).unwrap().session;
    let (long, short): (Vec<Request>, Vec<Request>) = sent.into_iter().partition(|request| request.session == first);
    let sessions = [short, long];
    assert_eq!(
        sessions[0].iter().map(of).collect::<Vec<_>>(),
        [(3, 1)],
        "what the model says first is context"
    );
    let turns = &sessions[1];
    assert_eq!(
        turns.iter().map(of).collect::<Vec<_>>(),
        [(3, 3), (3 + 3 + 3, 1), (9 + 1 + 1, 2)]
    );
    for (before, after) in turns.iter().zip(&turns[1..]) {
        assert_eq!(after.arrival - before.arrival, Span::from_micros(7_000_000));
        let [before, after] = [before, after].map(|request| request.prompt.segments().unwrap().to_vec());
        assert_eq!(after[..before.len()], before, "a prompt begins as the one before");
        assert!(
            after[before.len()].content.producer().is_some(),
            "and goes on with its answer"
        );
    }
    assert!(turns[0].arrival > Time::ZERO || sessions[0][0].arrival > Time::ZERO);
}

#[test]
fn without_a_pause_the_first_exchange_is_taken_alone() {
    let lengths = |change: fn(&mut Replay)| -> Vec<(u32, u32)> {
        let requests = replay_text(DIALOGUES, change).unwrap();
        requests
            .iter()
            .map(|it| (it.prompt.tokens(), it.output_tokens))
            .collect()
    };
    assert_eq!(lengths(|_| {}), [(3, 3)]);
    let error = replay_text("arrival_s,input_tokens,output_tokens\n0,1,1\n", with_pause).unwrap_err();
    assert!(error.to_string().contains("leave trace.think out"), "{error}");
}

#[test]
fn a_prefix_cache_finds_what_a_conversation_repeats() {
    let place = Workplace::new();
    let turn = |from: &str, letters: usize| format!(r#"{{"from": "{from}", "value": "{}"}}"#, "x".repeat(letters));
    let turns: Vec<String> = (0..5).flat_map(|_| [turn("human", 800), turn("gpt", 400)]).collect();
    let line = format!("{{\"conversations\": [{}]}}\n", turns.join(", "));
    place.write("dialogues.jsonl", line.repeat(200));
    place.write(
        "s.toml",
        "[model]\nname = \"llama-3.1-8b\"\n[server]\ngpu = \"h100-sxm\"\n\
         [workload]\ntrace = { path = \"dialogues.jsonl\", \
         rate = 1.0, think = \"3s\" }\n",
    );
    let result = place
        .run(&["run", "s.toml", "--format", "json", "--slo-exit-zero"])
        .json();
    assert_eq!(result["requests"]["finished"], 1000);
    // Of 200 + 500 + 800 + 1100 + 1400 tokens all but the 200 that are new each time, and parts of blocks.
    let ratio = result["kv"]["prefix_hit_ratio"].as_f64().unwrap();
    assert!((0.70..0.75).contains(&ratio), "{ratio}");
    let info = place
        .run(&["trace", "info", "dialogues.jsonl", "--think", "3s", "--format", "json"])
        .json();
    assert_eq!(info["requests"], 1000);
}

#[test]
fn prompts_whose_hash_ids_are_too_few_are_told_of() {
    let place = Workplace::new();
    let row = |at: u32, ids: &str| {
        format!(
            "{{\"chat_id\": {at}, \"parent_chat_id\": -1, \"timestamp\": {at}, \"input_length\": 40, \
             \"output_length\": 5, \"turn\": 1, \"hash_ids\": [{ids}]}}\n"
        )
    };
    // The last block is not whole, so its id may be left out; rows without any say nothing.
    place.write("whole.jsonl", [row(1, "1, 2, 3"), row(2, "1, 2"), row(3, "")].concat());
    place.write("few.jsonl", [row(1, "1"), row(2, "1, 2"), row(3, "1")].concat());
    place.write(
        "s.toml",
        "[model]\nname = \"llama-3.1-8b\"\n[server]\ngpu = \"h100-sxm\"\n\
         [workload]\ntrace = { path = \"few.jsonl\" }\n",
    );
    let told = "2 rows of the trace have fewer hash_ids than their prompts need";
    let run = |more: &[&str]| {
        place
            .run(&[&["run", "s.toml", "--slo-exit-zero"], more].concat())
            .stderr
    };
    assert!(run(&[]).contains(told), "{}", run(&[]));
    assert!(!run(&["--set", "workload.trace.path=whole.jsonl"]).contains("hash_ids"));
    let info = |file: &str| place.run(&["trace", "info", file]).stdout;
    assert!(info("few.jsonl").contains("2 rows have fewer hash_ids") && !info("whole.jsonl").contains("hash_ids"));
    // Of Mooncake's too the id of the last block may be left out, but no other: the blocks would be longer ones.
    let mooncake = |ids: &str| {
        format!("{{\"timestamp\": 0, \"input_length\": 1200, \"output_length\": 5, \"hash_ids\": [{ids}]}}\n")
    };
    assert_eq!(replay_text(mooncake("7, 8"), |_| {}).unwrap()[0].prompt.tokens(), 1200);
    let error = replay_text(mooncake("7"), |_| {}).unwrap_err().to_string();
    assert!(error.contains("1 ids, but 1200 tokens need 3"), "{error}");
}

/// Every word is a token, known or not.
const TOKENIZER: &str = r#"{"version": "1.0", "truncation": {"direction": "Right", "max_length": 2, "strategy":
 "LongestFirst", "stride": 0}, "padding": null, "added_tokens": [], "normalizer": null, "pre_tokenizer": {"type":
 "Whitespace"}, "post_processor": null, "decoder": null, "model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "one": 1,
 "two": 2}, "unk_token": "[UNK]"}}"#;

#[test]
fn a_tokenizer_counts_the_tokens_of_texts_where_the_build_has_some() {
    let place = Workplace::new();
    place.write("tokenizer.json", TOKENIZER);
    place.write("broken.json", "{\"version\": \"1.0\"}");
    place.write(
        "texts.jsonl",
        r#"{"messages": [{"role": "user", "content":
            [{"type": "text", "text": "one two"}, {"type": "text", "text": "3"}]},
            {"role": "assistant", "content": "one extraordinarily long word, or two"}]}"#
            .replace('\n', " "),
    );
    place.write(
        "s.toml",
        "[model]\nname = \"llama-3.1-8b\"\n[server]\ngpu = \"h100-sxm\"\n\
         [workload]\ntrace = { path = \"texts.jsonl\", rate = 1.0, tokenizer = \"tokenizer.json\" }\n",
    );
    let run = |more: &[&str]| {
        let all = [&["run", "s.toml", "--slo-exit-zero", "--requests-out", "r.csv"], more].concat();
        place.run(&all)
    };
    let info = |more: &[&str]| place.run(&[&["trace", "info", "texts.jsonl"], more].concat());
    if !cfg!(feature = "tokenizer") {
        for ended in [run(&[]), info(&["--tokenizer", "tokenizer.json"])] {
            assert_eq!(ended.code, Some(2), "{}", ended.stderr);
            assert!(ended.stderr.contains("--features tokenizer"), "{}", ended.stderr);
        }
        return;
    }
    let ended = run(&[]);
    assert!(!ended.stderr.contains("estimated"), "{}", ended.stderr);
    let rows = std::fs::read_to_string(place.path("r.csv")).unwrap();
    let cells: Vec<&str> = rows.lines().nth(1).unwrap().split(',').collect();
    // A comma is a token, too.
    assert_eq!(cells[5..7], ["3", "7"], "{rows}");
    let told = info(&["--tokenizer", "tokenizer.json"]).stdout;
    assert!(told.contains("mean 3.0") && told.contains("mean 7.0"), "{told}");
    let both = run(&["--set", "workload.trace.chars_per_token=4"]);
    assert!(
        both.code == Some(2) && both.stderr.contains("exclude each other"),
        "{}",
        both.stderr
    );
    for (file, part) in [("broken.json", "no tokenizer.json"), ("none.json", "none.json")] {
        let ended = run(&["--set", &format!("workload.trace.tokenizer={file}")]);
        assert!(ended.code == Some(2) && ended.stderr.contains(part), "{}", ended.stderr);
        let ended = info(&["--tokenizer", file]);
        assert!(ended.code == Some(2) && ended.stderr.contains(part), "{}", ended.stderr);
    }
    // What a tokenizer counts decides the results, so it is a part of the scenario's name.
    let hash = |ended: &crate::command::Ended| ended.json()["scenario_hash"].to_string();
    let before = hash(&run(&["--format", "json"]));
    assert_eq!(hash(&run(&["--format", "json"])), before);
    place.write("tokenizer.json", TOKENIZER.replace("\"two\": 2", "\"two\": 3"));
    assert_ne!(hash(&run(&["--format", "json"])), before);
}
