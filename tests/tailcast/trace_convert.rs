//! `trace convert` writes what was recorded for other tools, and says what is lost.

use flate2::read::GzDecoder;
use serde_json::Value;
use std::io::Read;
use tailcast::workload::trace::{Replay, info, open};
use tailcast::workload::{Request, Source};

use crate::command::Workplace;
use crate::traces::EXAMPLES;

fn requests(path: std::path::PathBuf) -> Vec<Request> {
    let mut source = open(&Replay::new(path)).unwrap_or_else(|error| panic!("{error}"));
    let mut requests = Vec::new();
    while source.next_arrival().unwrap().is_some() {
        let request = source.take();
        source.finished(request.id, request.arrival);
        requests.push(request);
    }
    requests
}

fn told(requests: &[Request]) -> Vec<(f64, u32, u32)> {
    let told = |it: &Request| (it.arrival.seconds(), it.prompt.tokens(), it.output_tokens);
    requests.iter().map(told).collect()
}

#[test]
fn every_format_becomes_ours_and_mooncakes_with_the_same_requests_and_sharing() {
    let place = Workplace::new();
    for (name, text) in EXAMPLES {
        place.write("trace", text);
        if name == "servegen" || name == "conversations" {
            let ended = place.run(&["trace", "convert", "trace", "--to", "tailcast", "--out", "out.csv"]);
            assert_eq!(ended.code, Some(2), "{name}");
            assert!(ended.stderr.contains("holds "), "{name}: {}", ended.stderr);
            assert!(!place.listing().contains(&"out.csv".to_owned()), "{name}");
            continue;
        }
        let expected = requests(place.path("trace"));
        let sharing = info(&Replay::new(place.path("trace"))).unwrap().sharing;
        for (to, out) in [("tailcast", "ours.csv"), ("mooncake", "theirs.jsonl")] {
            let ended = place.run(&["trace", "convert", "trace", "--to", to, "--out", out]);
            assert_eq!(ended.code, Some(0), "{name}: {}", ended.stderr);
            let converted = requests(place.path(out));
            assert_eq!(told(&converted), told(&expected), "{name} to {to}");
            let units = if to == "tailcast" {
                "in seconds"
            } else {
                "in milliseconds"
            };
            assert!(ended.stdout.contains(units), "{name}: {}", ended.stdout);
        }
        let ours = info(&Replay::new(place.path("ours.csv"))).unwrap().sharing;
        let tokens = |sharing: Option<tailcast::workload::trace::PrefixSharing>| sharing.map(|it| it.tokens);
        assert_eq!(tokens(ours), tokens(sharing), "{name}");
        std::fs::remove_file(place.path("ours.csv")).unwrap();
    }
}

#[test]
fn sessions_priorities_and_repeated_outputs_survive_in_ours() {
    let place = Workplace::new();
    let text = "arrival_s,input_tokens,output_tokens,segments,session,after_s,priority,max_tokens\n\
                0.25,100,5,a:60;b@40:40,s,,-2,9\n\
                bad,1,1,,,,,\n\
                ,70,6,a:60;out.0:5;c:5,s,1.5,,\n\
                3,20,7,a:20,t,,,\n";
    place.write("trace.csv", text);
    let ended = place.run(&[
        "trace",
        "convert",
        "trace.csv",
        "--to",
        "tailcast",
        "--out",
        "again.csv.gz",
        "--skip-bad-rows",
    ]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(
        ended
            .stdout
            .contains("3 requests of 190 prompt and 18 output tokens, read as csv")
            && ended.stdout.contains("nothing is lost")
            && ended.stdout.contains("1 rows that cannot be read"),
        "{}",
        ended.stdout
    );
    let mut written = String::new();
    let file = std::fs::File::open(place.path("again.csv.gz")).unwrap();
    GzDecoder::new(file).read_to_string(&mut written).unwrap();
    let lines: Vec<&str> = written.lines().collect();
    assert_eq!(lines[0], text.lines().next().unwrap());
    assert!(
        lines[1].starts_with("0,100,5,c") && lines[1].ends_with(",-2,9"),
        "{written}"
    );
    assert!(
        lines[2].starts_with(",70,6,c") && lines[2].contains(";out.0:5;c") && lines[2].contains(",1.5,0,"),
        "{written}"
    );
    assert!(lines[3].starts_with("2.75,20,7,c"), "{written}");
    let again = requests(place.path("again.csv.gz"));
    assert_sessions_are_there(&again);
    assert_mooncake_keeps_sessions(&place);
}

fn assert_mooncake_keeps_sessions(place: &Workplace) {
    let ended = place.run(&[
        "trace",
        "convert",
        "trace.csv",
        "--to",
        "mooncake",
        "--out",
        "-",
        "--skip-bad-rows",
    ]);
    let rows: Vec<Value> = ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows.len(), 3);
    let [first, second] = [&rows[0], &rows[1]];
    assert_eq!(
        (second["delay"].as_f64(), &second["session_id"]),
        (Some(1500.0), &first["session_id"])
    );
    assert!(
        ended.stderr.contains("lost: ") && ended.stderr.contains("priorities"),
        "{}",
        ended.stderr
    );
}

fn assert_sessions_are_there(requests: &[Request]) {
    assert_eq!(requests.len(), 3);
    assert_eq!(
        (requests[0].priority, requests[0].max_tokens, requests[1].turn),
        (-2, 9, 2)
    );
    let shared = |request: &Request| request.prompt.segments().unwrap()[0].content;
    assert!(shared(&requests[0]) == shared(&requests[1]) && shared(&requests[1]) == shared(&requests[2]));
}

#[test]
fn blocks_of_mooncake_are_equal_as_far_as_prompts_are() {
    let place = Workplace::new();
    place.write(
        "trace.csv",
        "arrival_s,input_tokens,output_tokens,segments\n\
         0,1100,5,a:1030;b:70\n\
         1,1100,5,a:600;a@600:430;c:70\n\
         2,1100,5,a:500;c:600\n\
         3,1100,5,\n",
    );
    let ended = place.run(&[
        "trace",
        "convert",
        "trace.csv",
        "--to",
        "mooncake",
        "--out",
        "out.jsonl",
    ]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let text = std::fs::read_to_string(place.path("out.jsonl")).unwrap();
    let ids: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["hash_ids"].clone())
        .collect();
    let ids: Vec<String> = ids.iter().map(Value::to_string).collect();
    assert_eq!(ids, ["[0,1,2]", "[0,1,3]", "[4,5,6]", "[7,8,9]"]);
}

#[test]
fn prompts_for_vllm_have_a_word_a_token_and_share_what_they_shared() {
    let place = Workplace::new();
    place.write(
        "trace.csv",
        "arrival_s,input_tokens,output_tokens,segments\n0,30,5,a:20;b:10\n1,25,6,a:20;c:5\n2,7,8,\n",
    );
    let ended = place.run(&[
        "trace",
        "convert",
        "trace.csv",
        "--to",
        "vllm-custom",
        "--out",
        "out.jsonl",
    ]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("lost: arrivals"), "{}", ended.stdout);
    let text = std::fs::read_to_string(place.path("out.jsonl")).unwrap();
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let words = |row: usize| -> Vec<&str> { rows[row]["prompt"].as_str().unwrap().split(' ').collect() };
    assert_eq!([words(0).len(), words(1).len(), words(2).len()], [30, 25, 7]);
    assert_eq!(words(0)[..20], words(1)[..20]);
    assert_ne!(words(0)[20..25], words(1)[20..25]);
    assert_eq!(rows[2]["output_tokens"], 8);
}

#[test]
fn a_trace_is_not_written_over_itself_and_a_bad_one_leaves_no_file() {
    let place = Workplace::new();
    place.write("trace.csv", "arrival_s,input_tokens,output_tokens\n0,5,5\n1,x,5\n");
    let ended = place.run(&[
        "trace",
        "convert",
        "trace.csv",
        "--to",
        "tailcast",
        "--out",
        "trace.csv",
    ]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("would overwrite the trace"), "{}", ended.stderr);
    let ended = place.run(&["trace", "convert", "trace.csv", "--to", "tailcast", "--out", "out.csv"]);
    assert_eq!((ended.code, place.listing()), (Some(2), vec!["trace.csv".to_owned()]));
    assert!(ended.stderr.contains("trace.csv:3:2: input_tokens"), "{}", ended.stderr);
    place.write("late.csv", "arrival_s,input_tokens,output_tokens\n5,5,5\n1,6,5\n");
    let ended = place.run(&["trace", "convert", "late.csv", "--to", "tailcast", "--out", "out.csv"]);
    assert!(
        ended.stderr.contains("late.csv:3:1: arrival_s") && ended.stderr.contains("--sort"),
        "{}",
        ended.stderr
    );
    let ended = place.run(&[
        "trace", "convert", "late.csv", "--to", "tailcast", "--out", "out.csv", "--sort",
    ]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(
        std::fs::read_to_string(place.path("out.csv")).unwrap(),
        "arrival_s,input_tokens,output_tokens\n0,6,5\n4,5,5\n"
    );
}
