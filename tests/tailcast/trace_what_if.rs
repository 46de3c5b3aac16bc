//! Recorded traffic at another rate, and with longer or shorter prompts and outputs.

use std::fmt::Write;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde_json::Value;
use tailcast::units::Span;
use tailcast::workload::trace::{Replay, TraceError, open, recorded_rate};
use tailcast::workload::{MOST_TOKENS, Request, Source};

use crate::command::Workplace;
use crate::sharing::{shared, tokens_of};
use crate::trace_closed_loop::scenario;
use crate::trace_facts::real;
use crate::traces::{Folder, OWN, replay_text};

/// The recorded rate of a trace with this content.
fn rate_of(text: &str, change: impl FnOnce(&mut Replay)) -> Result<f64, TraceError> {
    let folder = Folder::new();
    let path = folder.0.path().join("trace");
    std::fs::write(&path, text).unwrap();
    let mut replay = Replay::new(path);
    change(&mut replay);
    recorded_rate(&replay)
}

#[track_caller]
fn assert_close(measured: f64, expected: f64) {
    assert!(
        (measured / expected - 1.0).abs() < 1e-6,
        "{measured}, expected {expected}"
    );
}

#[test]
fn the_recorded_rate_is_that_of_the_rows_that_would_be_replayed() {
    let rate = |change: fn(&mut Replay)| rate_of(OWN, change).unwrap();
    let start = Span::from_seconds(1.0).unwrap();
    assert_close(rate(|_| {}), 2.0 / 10.25);
    assert_close(rate(|replay| replay.limit = Some(2)), 1.0 / 1.5);
    let late = rate_of(OWN, |replay| replay.start = start).unwrap();
    assert_close(late, 1.0 / 8.75);
    for change in [
        (|replay| replay.speedup = 7.0) as fn(&mut Replay),
        |replay| replay.jitter_ties = true,
        |replay| replay.concurrency = Some(3),
        |replay| replay.input_scale = 3.0,
    ] {
        assert_close(rate(change), 2.0 / 10.25);
    }
    let bad = format!("{OWN}90,x,5\n100.25,5,5\n");
    let skipped = rate_of(&bad, |replay| replay.skip_bad_rows = true).unwrap();
    assert_close(skipped, 3.0 / 90.25);
    assert!(rate_of(&bad, |_| {}).unwrap_err().line == 5);
    let shuffled = "arrival_s,input_tokens,output_tokens\n9,1,1\n4,1,1\n5,1,1\n";
    let sorted = rate_of(shuffled, |replay| replay.sort = true).unwrap();
    assert_close(sorted, 2.0 / 5.0);
    // Whoever waits for an answer has no time of its own.
    let sessions = "arrival_s,input_tokens,output_tokens,session,after_s\n0,5,5,a,\n,5,5,a,3\n4,5,5,b,\n,5,5,b,3\n";
    assert_close(rate_of(sessions, |_| {}).unwrap(), 1.0 / 4.0);
}

/// The mean rate of the arrivals.
fn rate_sent(requests: &[Request]) -> f64 {
    let [first, .., last] = requests else {
        panic!("{requests:?}");
    };
    (requests.len() - 1) as f64 / (last.arrival - first.arrival).seconds()
}

#[test]
fn a_replay_at_a_rate_has_it() {
    for rate in [0.003, 0.5, 8.0, 12_345.6] {
        let change = |replay: &mut Replay| *replay = replay.clone().at_rate(rate).unwrap();
        assert_close(rate_sent(&replay_text(OWN, change).unwrap()), rate);
    }
    let start = |replay: &mut Replay| {
        replay.start = Span::from_seconds(1.0).unwrap();
        *replay = replay.clone().at_rate(8.0).unwrap();
    };
    assert_close(rate_sent(&replay_text(OWN, start).unwrap()), 8.0);
    let Some(path) = real("azure2023/AzureLLMInferenceTrace_conv.csv") else {
        return;
    };
    let mut source = open(&Replay::new(path).at_rate(20.0).unwrap()).unwrap();
    let mut requests = Vec::new();
    while source.next_arrival().unwrap().is_some() {
        requests.push(source.take());
    }
    assert_eq!(requests.len(), 19_366);
    assert_close(rate_sent(&requests), 20.0);
}

#[test]
fn a_scenario_at_a_rate_says_which_speedup_that_is() {
    let place = Workplace::new();
    place.write("rows.csv", OWN);
    place.write("copy.csv", OWN);
    let run = |trace: &str| {
        place.write("rate.toml", scenario(trace));
        let ended = place.run(&["run", "rate.toml", "--quiet", "--format", "json"]);
        let result: Value = serde_json::from_str(&ended.stdout).expect(&ended.stderr);
        result["scenario_hash"].clone()
    };
    let hash = run("path = \"rows.csv\", rate = 0.4");
    assert_eq!(hash, run("path = \"copy.csv\", rate = 0.4"));
    assert_ne!(hash, run("path = \"copy.csv\", rate = 0.8"));
    let explained = place.run(&["run", "rate.toml", "--explain"]).stdout;
    let line = explained.lines().find(|line| line.contains("workload.trace.speedup"));
    let line = line.expect(&explained);
    assert!(
        line.contains(" 4.1") && line.contains("from 0.1951 requests/s as recorded"),
        "{line}"
    );
    assert_eq!(place.run(&["check", "rate.toml"]).code, Some(0));
    // Rows that are left out do not count.
    place.write("rows.csv", format!("{OWN}90,x,5\n"));
    place.write("rate.toml", scenario("path = \"rows.csv\", rate = 0.4"));
    let ended = place.run(&["run", "rate.toml", "--skip-bad-rows", "--explain"]);
    assert!(ended.stdout.contains("from 0.1951 requests/s"), "{}", ended.stdout);
    let skipped = ended.stdout.lines();
    let mut skipped = skipped.filter(|line| line.contains("workload.trace.skip_bad_rows"));
    assert!(skipped.next().unwrap().contains("--skip-bad-rows"));
    let demo = place.run(&["run", "--skip-bad-rows", "--explain"]);
    assert_eq!(demo.code, Some(0), "{}", demo.stderr);
}

#[test]
fn what_makes_no_sense_is_refused_with_what_to_write() {
    let place = Workplace::new();
    place.write("rows.csv", OWN);
    let header = "arrival_s,input_tokens,output_tokens\n";
    place.write("one.csv", format!("{header}3,5,5\n"));
    place.write("burst.csv", format!("{header}3,5,5\n3,5,5\n"));
    place.write("bad.csv", format!("{OWN}90,x,5\n"));
    let mistakes = [
        (
            "rows.csv\", rate = 8.0, speedup = 2.0",
            "11:52",
            "`workload.trace.rate` and `workload.trace.speedup` exclude each other",
        ),
        (
            "rows.csv\", rate = 8.0, concurrency = 2",
            "11:37",
            "`workload.trace.concurrency` and `workload.trace.rate` exclude each other",
        ),
        ("rows.csv\", rate = 0", "11:37", "a number above 0"),
        ("rows.csv\", rate = 2e9", "11:37", "at most 1000000000"),
        ("rows.csv\", rate = 1e6", "11:37", "a rate nearer to the"),
        ("one.csv\", rate = 8.0", "11:36", "single row to replay"),
        ("burst.csv\", rate = 8.0", "11:38", "2 rows to replay that"),
        ("bad.csv\", rate = 8.0", "11:36", "bad.csv:5:2: input_token"),
        ("none.csv\", rate = 8.0", "11:37", "no such file"),
        ("rows.csv\", input_scale = 0", "11:44", "from 0.01 to 100"),
        ("rows.csv\", output_scale = 101", "11:45", "from 0.01 to 100"),
        ("rows.csv\", scale = 2", "11:30", "known keys"),
    ];
    for (trace, at, part) in mistakes {
        place.write("bad.toml", scenario(&format!("path = \"{trace}")));
        let ended = place.run(&["run", "bad.toml", "--no-progress"]);
        assert_eq!(ended.code, Some(2), "{trace}: {}", ended.stderr);
        assert!(
            ended.stderr.contains(&format!("bad.toml:{at}")) && ended.stderr.contains(part),
            "{trace}: {}",
            ended.stderr
        );
    }
    let key = |change: fn(&mut Replay)| {
        let mut replay = Replay::new("trace.csv");
        change(&mut replay);
        replay.validate().expect_err("must be refused").key
    };
    assert_eq!(key(|replay| replay.input_scale = 0.0), "input_scale");
    assert_eq!(key(|replay| replay.output_scale = f64::NAN), "output_scale");
}

fn lengths(text: &str, change: impl FnOnce(&mut Replay)) -> Vec<(u32, u32, u32)> {
    let requests = replay_text(text, change).unwrap();
    let lengths = requests
        .iter()
        .map(|one| (one.prompt.tokens(), one.output_tokens, one.max_tokens));
    lengths.collect()
}

#[test]
fn lengths_are_scaled_rounded_and_kept_within_bounds() {
    let both = |input, output| {
        move |replay: &mut Replay| {
            (replay.input_scale, replay.output_scale) = (input, output);
        }
    };
    let scaled = lengths(OWN, both(0.333, 0.5));
    assert_eq!(scaled, [(33, 3, 3), (67, 3, 3), (100, 4, 4)]);
    assert_eq!(lengths(OWN, both(0.01, 1.0))[0], (1, 5, 5));
    let least = lengths(OWN, both(1.0, 0.01));
    assert_eq!(least, [(100, 1, 1), (200, 1, 1), (300, 1, 1)]);
    let limits = "arrival_s,input_tokens,output_tokens,max_tokens\n0,1000000000,7,20\n1,9,7,\n";
    let most = lengths(limits, both(100.0, 1.5));
    assert_eq!(most, [(MOST_TOKENS, 11, 30), (900, 11, 11)]);
    // What a scenario allows is no part of the trace.
    let cut = lengths(OWN, |replay| {
        (replay.output_scale, replay.max_tokens) = (2.0, Some(12));
    });
    assert_eq!(cut, [(100, 10, 12), (200, 12, 12), (300, 12, 12)]);
}

#[test]
fn followers_and_sorted_rows_are_scaled_too() {
    let text = "arrival_s,input_tokens,output_tokens,session,after_s\n5,10,4,a,\n,30,6,a,3\n";
    let scaled = lengths(text, |replay| {
        (replay.input_scale, replay.output_scale) = (2.0, 0.5);
    });
    assert_eq!(scaled[0], (20, 2, 2));
    let folder = Folder::new();
    let path = folder.0.path().join("trace");
    std::fs::write(&path, text).unwrap();
    let replay = Replay {
        input_scale: 2.0,
        sort: true,
        ..Replay::new(path)
    };
    let info = tailcast::workload::trace::info(&replay).unwrap();
    assert_eq!((info.input.total, info.output.total), (80, 10));
}

/// Prompts of a few contents, some of them cut in two.
fn random_rows(seed: u64) -> String {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut text = "arrival_s,input_tokens,output_tokens,segments\n".to_owned();
    for _ in 0..12 {
        let (mut total, mut segments) = (0, Vec::new());
        for place in 0..random.random_range(1..5) {
            // The same content starts most prompts.
            let content = if place == 0 { 0 } else { random.random_range(0..3) };
            let tokens = random.random_range(1..40_u32);
            total += tokens;
            let cut = random.random_range(0..tokens);
            if cut > 0 {
                segments.push(format!("c{place}{content}:{cut}"));
            }
            segments.push(format!("c{place}{content}@{cut}:{}", tokens - cut));
        }
        writeln!(text, "0,{total},1,{}", segments.join(";")).unwrap();
    }
    text
}

#[test]
fn what_prompts_share_is_scaled_with_them() {
    let mut compared = 0;
    for seed in 0..40 {
        let text = random_rows(seed);
        let recorded = replay_text(&text, |_| {}).unwrap();
        for scale in [0.01, 0.3, 0.5, 1.0, 1.1, 1.5, 2.0, 7.3] {
            let scaled = replay_text(&text, |replay| replay.input_scale = scale).unwrap();
            let round = |tokens: usize| (tokens as f64 * scale).round() as usize;
            for (place, one) in recorded.iter().enumerate() {
                let length = scaled[place].prompt.tokens() as usize;
                assert_eq!(length, round(one.prompt.tokens() as usize).max(1));
                assert_eq!(tokens_of(&scaled[place].prompt).len(), length);
                for (other_place, other) in recorded.iter().enumerate().take(place) {
                    let expected = round(shared(&one.prompt, &other.prompt));
                    let found = shared(&scaled[place].prompt, &scaled[other_place].prompt);
                    // Where pieces vanish, prompts may be alike that were not.
                    assert!(found >= expected, "{scale}: {found}, {expected}");
                    assert!(scale < 1.0 || found == expected, "{scale}: {found}");
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 20_000);
}

#[test]
fn a_prompt_that_repeats_an_output_repeats_the_scaled_one() {
    let text = "arrival_s,input_tokens,output_tokens,segments\n0,10,5,m1:10\n1,25,5,m1:10;out.0:5;m2:10\n";
    let turn = |input_scale, output_scale| {
        let requests = replay_text(text, |replay| {
            (replay.input_scale, replay.output_scale) = (input_scale, output_scale);
        });
        let requests = requests.unwrap();
        let output = requests[0].output_name;
        let produced = (0..requests[0].output_tokens)
            .map(|place| (output.content, output.offset + place))
            .collect::<Vec<_>>();
        let repeated = tokens_of(&requests[1].prompt);
        let prompt = tokens_of(&requests[0].prompt);
        assert_eq!(repeated[..prompt.len()], prompt);
        let (repeated, rest) = repeated[prompt.len()..].split_at(round(5.0 * input_scale));
        assert!(rest.iter().all(|token| token.0 != output.content));
        let pairs = repeated.iter().zip(&produced);
        (produced.len(), pairs.take_while(|(one, other)| one == other).count())
    };
    assert_eq!(turn(1.0, 1.0), (5, 5));
    assert_eq!(turn(2.0, 2.0), (10, 10));
    assert_eq!(turn(2.0, 1.0), (5, 5), "then five that nobody produced");
    assert_eq!(turn(1.0, 2.0), (10, 5));
}

fn round(tokens: f64) -> usize {
    tokens.round() as usize
}

#[test]
fn a_cache_finds_what_scaled_prompts_share() {
    let place = Workplace::new();
    let mut text = "arrival_s,input_tokens,output_tokens,segments\n".to_owned();
    for row in 0..10 {
        writeln!(text, "{},1500,5,system:1000;user{row}:500", 60 * row).unwrap();
    }
    place.write("rows.csv", text);
    // Whole blocks of 16 tokens that nine of ten prompts find.
    for (scale, found, tokens) in [(1.0, 992, 1500), (2.0, 2000, 3000), (0.1, 96, 150)] {
        place.write(
            "scaled.toml",
            scenario(&format!("path = \"rows.csv\", input_scale = {scale:?}")),
        );
        let ended = place.run(&["run", "scaled.toml", "--quiet", "--format", "json"]);
        let result: Value = serde_json::from_str(&ended.stdout).expect(&ended.stderr);
        let expected = 0.9 * f64::from(found) / f64::from(tokens);
        assert_close(result["kv"]["prefix_hit_ratio"].as_f64().unwrap(), expected);
        assert_eq!(place.run(&["check", "scaled.toml"]).code, Some(0));
    }
}
