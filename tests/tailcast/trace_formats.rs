//! What other tools record is read as they mean it, in the shapes that they write, and every what-if works on it.

use std::fmt::Write;

use tailcast::units::{Span, Time};
use tailcast::workload::trace::{FORMATS, Replay, TimeUnit, info, open, open_seeded, recorded_rate};
use tailcast::workload::{LengthDistribution, Lengths, Request, Source};

use crate::command::Workplace;
use crate::traces::{EXAMPLES, Folder, replay_of, replay_text};

/// Arrival [s], tokens of prompt and output of each request.
fn rows(text: &str, change: impl FnOnce(&mut Replay)) -> Vec<(f64, u32, u32)> {
    let requests = replay_text(text, change).unwrap_or_else(|error| panic!("{error}: {text}"));
    let row = |request: &Request| {
        (
            request.arrival.seconds(),
            request.prompt.tokens(),
            request.output_tokens,
        )
    };
    requests.iter().map(row).collect()
}

#[track_caller]
fn assert_read(text: &str, expected: &[(f64, u32, u32)]) {
    assert_eq!(rows(text, |_| {}), expected, "{text}");
}

#[test]
fn logs_are_read_under_the_names_that_gateways_give() {
    let expected = [(0.0, 550, 120), (2.5, 90, 20)];
    let logs = [
        // LiteLLM, whose end comes before its start.
        "request_id,endTime,startTime,total_tokens,prompt_tokens,completion_tokens,status\n\
         a,2025-10-07 05:01:00+00:00,2025-10-07 05:00:07.000000+00:00,670,550,120,success\n\
         b,2025-10-07 05:00:30+00:00,2025-10-07 05:00:09.500000+00:00,110,90,20,success\n",
        // Helicone.
        "response_created_at,request_created_at,prompt_tokens,completion_tokens,response_status\n\
         x,2025-10-07T05:00:07.000Z,550,120,200\nx,2025-10-07T05:00:09.500Z,90,20,200\n",
        // OpenRouter.
        "created_at,tokens_prompt,tokens_completion\n2025-10-07 05:00:07,550,120\n2025-10-07 05:00:09.5,90,20\n",
        // Langfuse.
        "\"id\",\"startTime\",\"promptTokens\",\"completionTokens\"\n\
         \"a\",\"2025-10-07T05:00:07.000Z\",\"550\",\"120\"\n\"b\",\"2025-10-07T05:00:09.500Z\",\"90\",\"20\"\n",
        // Cloudflare's gateway.
        "created_at,tokens_in,tokens_out,success\n\
         2025-10-07 05:00:07.000 UTC,550,120,true\n2025-10-07 05:00:09.500 UTC,90,20,true\n",
        // Tables of pandas, where a column that lacks numbers has points in all of them.
        "ts_ms,input_tokens,output_tokens\n1759813207000,550.0,120.0\n1759813209500.0,90.0,20.0\n",
        "{\"created_at\": \"2025-10-07T05:00:07.123456789Z\", \"prompt_eval_count\": 550, \"eval_count\": 120}\n\
         {\"created_at\": \"2025-10-07T05:00:09.623456789Z\", \"prompt_eval_count\": 90, \"eval_count\": 20}\n",
        "start_time_us,Input Tokens,Output Tokens\n10000000,550,120\n12500000,90,20\n",
        "\u{feff}completion_tokens,prompt_tokens,timestamp\r\n120,550,1759813207\r\n20,90,1759813209.5\r\n",
        // JSON of APIs.
        "{\"created\": 1759813207, \"usage\": {\"prompt_tokens\": 550, \"completion_tokens\": 120}, \"error\": null}\n\
         {\"usage\": {\"completion_tokens\": 20, \"prompt_tokens\": 90}, \"created\": 1759813209.5}\n",
        "{\"timestamp\": \"2025-10-07T05:00:07Z\", \"input_tokens\": 550, \"output_tokens\": 120}\n\
         {\"timestamp\": \"2025-10-07T05:00:09.5Z\", \"input_tokens\": 90, \"output_tokens\": 20}\n",
        "[{\"response\": {\"status_code\": 200, \"body\": {\"created\": 1759813207, \"usage\": {\"input_tokens\": 550, \
         \"output_tokens\": 120}}}},\n{\"response\": {\"status_code\": 200, \"body\": {\"created\": 1759813209.5, \
         \"usage\": {\"input_tokens\": 90, \"output_tokens\": 20}}}}]\n",
        "{\n  \"startTimeUnixNano\": \"1759813207000000000\",\n  \"gen_ai.usage.input_tokens\": 550,\n  \
         \"gen_ai.usage.output_tokens\": 120\n}\n{\n  \"startTimeUnixNano\": \"1759813209500000000\",\n  \
         \"gen_ai.usage.input_tokens\": 90,\n  \"gen_ai.usage.output_tokens\": 20\n}\n",
        "{\"timestamp\": \"2025-10-07T05:00:07Z\", \"input\": {\"inputTokenCount\": 550}, \"output\": \
         {\"outputTokenCount\": 120}}\n{\"timestamp\": \"2025-10-07T05:00:09.5Z\", \"input\": {\"inputTokenCount\": \
         90}, \"output\": {\"outputTokenCount\": 20}}\n",
    ];
    for log in logs {
        assert_read(log, &expected);
    }
}

#[test]
fn requests_of_logs_that_failed_are_left_out_and_counted() {
    let folder = Folder::new();
    let path = folder.0.path().join("trace");
    for (header, fine, failed) in [
        ("status", "success", "failure"),
        ("status_code", "200", "429"),
        ("http_status", "200.0", "503"),
        ("error", "", "the server is gone"),
        ("success", "true", "false"),
        ("level", "DEFAULT", "ERROR"),
    ] {
        let mut text = format!("timestamp,prompt_tokens,completion_tokens,{header}\n");
        for (second, told, output) in [(0, fine, 5), (1, failed, 0), (2, fine, 6)] {
            writeln!(text, "175981320{second},9,{output},{told}").unwrap();
        }
        std::fs::write(&path, text).unwrap();
        let facts = info(&Replay::new(&path)).unwrap();
        assert_eq!((facts.requests, facts.skipped.failed_requests), (2, 1), "{header}");
    }
}

#[test]
fn what_went_through_a_cache_is_a_part_of_the_prompt() {
    let anthropic = |input: u32, read: &str, written: &str| {
        format!(
            "{{\"created\": 1746093600, \"usage\": {{\"input_tokens\": {input}, \"cache_read_input_tokens\": {read}, \
             \"cache_creation_input_tokens\": {written}, \"output_tokens\": 40}}}}\n"
        )
    };
    // Null in the first row, and nothing but the cache in the last.
    let text = [
        anthropic(30, "null", "0"),
        anthropic(30, "100", "7"),
        anthropic(0, "100", "0"),
    ]
    .concat();
    assert_read(&text, &[(0.0, 30, 40), (0.0, 137, 40), (0.0, 100, 40)]);
    assert_read(
        "timestamp,input.inputTokenCount,input.cacheReadInputTokenCount,input.cacheWriteInputTokenCount,\
         output.outputTokenCount\n2025-10-07T05:00:07Z,30,100,,4\n2025-10-07T05:00:08Z,30,,,4\n",
        &[(0.0, 130, 4), (1.0, 30, 4)],
    );
    // LiteLLM's prompt tokens and OpenTelemetry's input tokens are all of them.
    assert_read(
        "startTime,prompt_tokens,cache_read_input_tokens,completion_tokens\n2025-10-07T05:00:07Z,130,100,4\n",
        &[(0.0, 130, 4)],
    );
    for [first, second] in [["input", "cache_read.input"], ["cache_read.input", "input"]] {
        let [one, other] = [first, second].map(|name| if name == "input" { 130 } else { 100 });
        let text = format!(
            "timestamp,gen_ai.usage.{first}_tokens,gen_ai.usage.{second}_tokens,gen_ai.usage.output_tokens\n\
             2025-10-07T05:00:07Z,{one},{other},4\n"
        );
        assert_read(&text, &[(0.0, 130, 4)]);
    }
}

#[test]
fn rows_of_json_may_differ_in_their_keys() {
    let text = "{\"created\": 1759813207, \"usage\": {\"prompt_tokens\": 5, \"completion_tokens\": 6}}\n\
                {\"created\": 1759813208, \"usage\": null, \"error\": {\"message\": \"overloaded\"}}\n\
                {\"created\": 1759813209, \"usage\": {\"input_tokens\": 7, \"output_tokens\": 8}}\n\
                {\"created\": 1759813210, \"error\": null, \"x\": {\"usage\": {\"prompt_tokens\": 9, \
                \"completion_tokens\": 1}}}\n";
    assert_read(text, &[(0.0, 5, 6), (2.0, 7, 8), (3.0, 9, 1)]);
    let missing = "{\"created\": 1759813207, \"usage\": {\"prompt_tokens\": 5, \"completion_tokens\": 6}}\n\
                   {\"created\": 1759813208, \"usage\": null}\n";
    let error = replay_text(missing, |_| {}).unwrap_err().to_string();
    assert!(
        error.contains(":2: prompt_tokens: \"\" is missing; every request needs it"),
        "{error}"
    );
}

#[test]
fn a_unit_that_is_said_goes_before_any_other() {
    let unit = |unit| move |replay: &mut Replay| replay.hints.time_unit = Some(unit);
    let log = "timestamp,prompt_tokens,completion_tokens\n10,5,5\n30,5,5\n";
    for (said, last_s) in [
        (TimeUnit::Seconds, 20.0),
        (TimeUnit::Milliseconds, 0.02),
        (TimeUnit::Microseconds, 0.000_02),
        (TimeUnit::Nanoseconds, 0.000_000_02),
    ] {
        assert_eq!(rows(log, unit(said))[1], (last_s, 5, 5));
    }
    let mooncake = "{\"timestamp\": 1, \"input_length\": 5, \"output_length\": 5}\n\
                    {\"timestamp\": 3.5, \"input_length\": 5, \"output_length\": 5}\n";
    assert_eq!(rows(mooncake, |_| {})[1], (0.002_5, 5, 5));
    assert_eq!(rows(mooncake, unit(TimeUnit::Seconds))[1], (2.5, 5, 5));
    let own = "arrival_s,input_tokens,output_tokens\n0,5,5\n";
    let error = replay_text(own, unit(TimeUnit::Seconds)).unwrap_err().to_string();
    assert!(
        error.contains("is of the format csv") && error.contains("leave trace.time_unit out"),
        "{error}"
    );
}

#[test]
fn hash_ids_may_stand_for_any_number_of_tokens() {
    let text = "{\"timestamp\": 1, \"input_length\": 40, \"output_length\": 5, \"hash_ids\": [1, 2, 3]}\n";
    let error = replay_text(text, |_| {}).unwrap_err().to_string();
    assert!(
        error.contains("3 ids, but 40 tokens need 1, one every 512") && error.contains("block_tokens"),
        "{error}"
    );
    let requests = replay_text(text, |replay| replay.hints.block_tokens = Some(16)).unwrap();
    let tokens: Vec<u32> = requests[0]
        .prompt
        .segments()
        .unwrap()
        .iter()
        .map(|it| it.tokens)
        .collect();
    assert_eq!(tokens, [16, 16, 8]);
}

#[test]
fn chats_of_bailian_are_sessions_and_ids_that_are_missing_are_a_tail_of_its_own() {
    let chat = |id: i64, parent: i64, turn: u32| {
        format!(
            "{{\"chat_id\": {id}, \"parent_chat_id\": {parent}, \"timestamp\": {id}.5, \"input_length\": 40, \
             \"output_length\": 5, \"turn\": {turn}, \"hash_ids\": [1, 2]}}\n"
        )
    };
    let text = [
        chat(1, -1, 1),
        chat(2, -1, 1),
        chat(3, 1, 2),
        chat(4, 3, 3),
        chat(5, 99, 4),
    ]
    .concat();
    let requests = replay_text(&text, |_| {}).unwrap();
    let session = |place: usize| requests[place].session;
    assert!(session(0) == session(2) && session(2) == session(3));
    assert!(session(0) != session(1) && session(4) != session(0) && session(4) != session(1));
    assert_eq!(requests.iter().map(|it| it.turn).collect::<Vec<_>>(), [1, 1, 2, 3, 4]);
    let contents = |place: usize| requests[place].prompt.segments().unwrap().to_vec();
    assert_eq!(contents(0)[..2], contents(1)[..2]);
    assert_eq!(contents(0)[2].tokens, 8);
    assert_ne!(contents(0)[2].content, contents(1)[2].content);
}

#[test]
fn prefix_groups_of_blis_share_as_much_as_they_say() {
    let blis = EXAMPLES.iter().find(|(name, _)| *name == "blis").unwrap().1;
    let requests = replay_text(blis, |_| {}).unwrap();
    assert_eq!(requests.len(), 3);
    let [first, second, alone] = &requests[..] else {
        panic!();
    };
    let segments = |request: &Request| request.prompt.segments().unwrap().to_vec();
    assert_eq!(segments(first)[0], segments(second)[0]);
    assert_eq!(segments(first)[0].tokens, 64);
    assert_ne!(segments(first)[1], segments(second)[1]);
    assert!(alone.prompt.segments().is_none() && first.session == second.session && second.turn == 2);
    assert_eq!(alone.arrival, Time::ZERO + Span::from_micros(3_000_000));
}

#[test]
fn records_of_aiperf_are_sorted_and_only_those_of_the_benchmark_count() {
    let record = |start: u32, phase: &str, error: &str| {
        format!(
            "{{\"metadata\": {{\"request_start_ns\": {start}000000000, \"benchmark_phase\": \"{phase}\"}}, \
             \"metrics\": {{\"input_sequence_length\": {{\"value\": {start}}}, \"output_sequence_length\": \
             {{\"value\": 2}}}}, \"error\": {error}}}\n"
        )
    };
    let failed = "{\"code\": 500, \"message\": \"x\"}";
    let text = [
        record(5, "warmup", "null"),
        record(9, "profiling", "null"),
        record(8, "profiling", failed),
        record(7, "profiling", "null"),
    ]
    .concat();
    assert_read(&text, &[(0.0, 7, 2), (2.0, 9, 2)]);
}

#[test]
fn calls_of_a_trace_of_spans_wait_for_one_another_and_overlapping_ones_do_not() {
    let span = |id: &str, parent: &str, [start, end]: [u32; 2], tokens: &str, more: &str| {
        let usage = match tokens.split_once('/') {
            Some((input, output)) => format!(
                "{{\"key\": \"gen_ai.usage.input_tokens\", \"value\": {{\"intValue\": \"{input}\"}}}}, {{\"key\": \
                 \"gen_ai.usage.output_tokens\", \"value\": {{\"intValue\": \"{output}\"}}}}"
            ),
            None => String::new(),
        };
        format!(
            "{{\"traceId\": \"t\", \"spanId\": \"{id}\", \"parentSpanId\": \"{parent}\", \"startTimeUnixNano\": \
             \"{start}000000000\", \"endTimeUnixNano\": \"{end}000000000\", \"attributes\": [{usage}]{more}}}"
        )
    };
    let spans = [
        span("root", "", [1, 30], "999/999", ""),
        span("tool", "root", [4, 7], "", ""),
        span("first", "root", [1, 3], "10/1", ""),
        span("second", "root", [8, 12], "20/2", ""),
        span("beside", "root", [9, 10], "30/3", ""),
        span("third", "tool", [15, 16], "40/4", ""),
        span("broken", "root", [17, 18], "50/5", ", \"status\": {\"code\": 2}"),
    ];
    let text = format!(
        "{{\"resourceSpans\": [{{\"scopeSpans\": [{{\"spans\": [{}]}}]}}]}}\n",
        spans.join(", ")
    );
    let folder = Folder::new();
    let path = folder.0.path().join("spans.json");
    std::fs::write(&path, text).unwrap();
    let mut source = open(&Replay::new(&path)).unwrap();
    let mut sent = Vec::new();
    while let Some(at) = source.next_arrival().unwrap() {
        let request = source.take();
        sent.push((at.seconds(), request.prompt.tokens(), request.turn));
        // Every answer takes a second, and the pauses of 5 and 3 s stay.
        source.finished(request.id, at + Span::from_micros(1_000_000));
    }
    assert_eq!(sent, [(0.0, 10, 1), (6.0, 20, 2), (8.0, 30, 1), (10.0, 40, 3)]);
    assert_eq!(source.skipped().failed_requests, 1);
}

#[test]
fn texts_count_by_their_characters_and_first_exchanges_are_taken() {
    let lmsys = "{\"conversation_id\": \"a\", \"conversation\": [{\"role\": \"user\", \"content\": \"ÄÖÜ4567 \"}, \
                 {\"role\": \"assistant\", \"content\": \"123456789012\"}, {\"role\": \"user\", \"content\": \
                 \"more\"}]}\n{\"conversation_id\": \"b\", \"conversation\": [{\"role\": \"user\", \"content\": \"no \
                  answer\"}]}\n";
    let lengths = |text: &str, chars: f64| -> Vec<(u32, u32)> {
        let rows = rows(text, |replay| replay.hints.chars_per_token = Some(chars));
        rows.iter().map(|&(_, input, output)| (input, output)).collect()
    };
    assert_eq!(lengths(lmsys, 4.0), [(2, 3)]);
    assert_eq!(lengths(lmsys, 2.0), [(4, 6)]);
    assert_eq!(lengths(lmsys, 100.0), [(1, 1)]);
    let chat = "{\"messages\": [{\"role\": \"system\", \"content\": \"1234\"}, {\"role\": \"user\", \"content\": \
                [{\"type\": \"text\", \"text\": \"5678\"}]}, {\"role\": \"assistant\", \"content\": \"9012\"}]}\n";
    assert_eq!(lengths(chat, 4.0), [(2, 1)]);
    assert_eq!(
        lengths("{\"prompt\": \"12345678\", \"output_tokens\": 9}\n", 4.0),
        [(2, 9)]
    );
}

#[test]
fn arrivals_in_windows_have_the_rate_and_the_variation_of_each() {
    let lengths = |replay: &mut Replay| *replay = replay_of(replay.path.clone(), "servegen");
    for (family, cv) in [
        ("Gamma", 2.0),
        ("Gamma", 0.5),
        ("Weibull", 1.5),
        ("Weibull", 1.0),
        ("Weibull", 3.0),
    ] {
        let text =
            format!("0,5,{cv},{family},1,1\n20000,0.0,nan,None,nan,\n20100,40,{cv},{family},1,1\n20110,0,0,,0,0\n");
        let arrivals: Vec<f64> = rows(&text, lengths).iter().map(|row| row.0).collect();
        let first: Vec<f64> = arrivals.iter().copied().filter(|&at| at < 20_000.0).collect();
        // The standard deviation of a count is about cv times the root of its mean.
        let deviations = (first.len() as f64 - 100_000.0) / (cv * 100_000_f64.sqrt());
        assert!(deviations.abs() < 4.0, "{family} {cv}: {}", first.len());
        let gaps: Vec<f64> = first.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((variance.sqrt() / mean / cv - 1.0).abs() < 0.1, "{family} {cv}");
        let pause = arrivals.iter().filter(|&&at| (20_000.5..20_099.0).contains(&at));
        assert_eq!(pause.count(), 0, "{family} {cv}");
        assert!(arrivals.iter().all(|&at| at < 20_110.0), "{family} {cv}");
    }
    let bursty = "0,2,8,Weibull,1,1\n600,0,0,,0,0\n";
    let folder = Folder::new();
    let path = folder.0.path().join("windows.csv");
    std::fs::write(&path, bursty).unwrap();
    let count = |seed| {
        // Now and then all of the window lies in a pause.
        let Ok(mut source) = open_seeded(&replay_of(&path, "servegen"), seed) else {
            return 0.0;
        };
        let mut count = 0_u32;
        while source.next_arrival().unwrap().is_some() {
            source.take();
            count += 1;
        }
        f64::from(count)
    };
    let mean = (0..500).map(count).sum::<f64>() / 500.0;
    assert!(
        (mean / 1200.0 - 1.0).abs() < 0.1,
        "{mean}: bursts must not add arrivals"
    );
}

/// What every format must do with every key of `workload.trace`.
#[test]
fn every_what_if_works_on_every_format() {
    for (name, text) in EXAMPLES {
        let with = |change: &dyn Fn(&mut Replay)| {
            let requests = replay_text(text, |replay| {
                *replay = replay_of(replay.path.clone(), name);
                change(replay);
            });
            requests.unwrap_or_else(|error| panic!("{name}: {error}"))
        };
        let plain = with(&|_| {});
        let count = plain.len();
        assert!(count >= 2, "{name}");
        let close = |one: f64, other: f64| assert!((one - other).abs() < 1e-9 + 1e-9 * other.abs(), "{name}");
        for (one, other) in with(&|replay| replay.speedup = 4.0).iter().zip(&plain) {
            close(one.arrival.seconds(), other.arrival.seconds() / 4.0);
        }
        let scaled = with(&|replay| (replay.input_scale, replay.output_scale) = (3.0, 0.5));
        for (one, other) in scaled.iter().zip(&plain) {
            assert_eq!(one.prompt.tokens(), 3 * other.prompt.tokens(), "{name}");
            let half = (f64::from(other.output_tokens) * 0.5).round() as u32;
            assert_eq!(one.output_tokens, half.max(1), "{name}");
        }
        assert_eq!(with(&|replay| replay.limit = Some(1)), plain[..1], "{name}");
        assert_eq!(with(&|replay| replay.sort = true), plain, "{name}");
        assert_eq!(with(&|replay| replay.skip_bad_rows = true), plain, "{name}");
        assert_eq!(with(&|replay| replay.jitter_ties = true).len(), count, "{name}");
        let start = Span::from_seconds(plain[1].arrival.seconds() * 0.999).unwrap();
        let late = with(&|replay| replay.start = start);
        assert_eq!((late.len(), late[0].arrival.seconds()), (count - 1, 0.0), "{name}");
        let prompts = with(&|replay| replay.prompts_only = true);
        assert!(
            prompts.iter().all(|it| it.is_prompt_only && it.output_tokens == 1),
            "{name}"
        );
        let cut = with(&|replay| replay.max_tokens = Some(2));
        assert!(
            cut.iter().all(|it| it.output_tokens <= 2 && it.max_tokens == 2),
            "{name}"
        );
        let closed = with(&|replay| replay.concurrency = Some(2));
        assert_eq!(closed.len(), 2, "{name}");
    }
}

#[test]
fn every_format_has_a_rate_and_is_replayed_at_another() {
    let folder = Folder::new();
    for (name, text) in EXAMPLES {
        let path = folder.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        let replay = replay_of(&path, name);
        let rate = recorded_rate(&replay).unwrap();
        let format = open(&replay).unwrap().format();
        assert!(
            rate > 0.0 && (format.has_arrivals() || (rate - 1.0).abs() < 1e-12),
            "{name}"
        );
        let faster = replay.at_rate(10.0 * rate).unwrap();
        assert!((faster.speedup - 10.0).abs() < 1e-9, "{name}");
        let facts = info(&faster).unwrap();
        assert_eq!(
            (facts.format, facts.has_arrivals, facts.has_lengths),
            (name, format.has_arrivals(), format.has_lengths())
        );
    }
    assert_eq!(EXAMPLES.len(), FORMATS.len());
}

const SCENARIO: &str = "name = \"t\"\nmodel.name = \"llama-3.1-8b\"\nserver.gpu = \"h100-sxm\"\n";

#[test]
fn traces_without_arrivals_or_lengths_say_what_to_write_and_then_run() {
    let place = Workplace::new();
    let text = |name: &str| EXAMPLES.iter().find(|(format, _)| *format == name).unwrap().1;
    place.write("talk.json", text("conversations"));
    place.write("windows.csv", text("servegen"));
    let run = |workload: &str| {
        place.write("s.toml", format!("{SCENARIO}{workload}\n"));
        place.run(&["run", "s.toml", "--no-progress"])
    };
    let refused = run("workload.trace = { path = \"talk.json\" }");
    assert_eq!(refused.code, Some(2));
    assert!(
        refused
            .stderr
            .contains("holds no arrivals: it is of the format conversations")
            && refused.stderr.contains("trace.rate = 4.0"),
        "{}",
        refused.stderr
    );
    for clock in ["rate = 4.0", "concurrency = 2"] {
        let ended = run(&format!("workload.trace = {{ path = \"talk.json\", {clock} }}"));
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert!(said.contains("4 characters each"), "{said}");
    }
    let refused = run("workload.trace = { path = \"windows.csv\" }");
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.stderr.contains("`workload.prompt` is missing"),
        "{}",
        refused.stderr
    );
    let lengths = "workload.prompt = { dist = \"fixed\", value = 90 }\nworkload.output = 7\n";
    let ended = run(&format!("{lengths}workload.trace = {{ path = \"windows.csv\" }}"));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    place.write("own.csv", text("csv"));
    let refused = run(&format!("{lengths}workload.trace = {{ path = \"own.csv\" }}"));
    assert!(refused.stderr.contains("exclude each other"), "{}", refused.stderr);
    let facts = place.run(&["trace", "info", "windows.csv"]).stdout;
    assert!(facts.contains("none recorded, and arrivals are drawn"), "{facts}");
    let facts = place
        .run(&["trace", "info", "talk.json", "--chars-per-token", "5"])
        .stdout;
    assert!(
        facts.contains("5 characters each") && facts.contains("none recorded; send them"),
        "{facts}"
    );
}

#[test]
fn the_rate_of_windows_is_the_mean_that_they_say() {
    let folder = Folder::new();
    let path = folder.0.path().join("windows.csv");
    // Before the first arrivals and after the last ones nothing counts.
    let text = "0,0,0,,0,0\n10,2,5,Gamma,1,1\n20,0,0,,0,0\n40,1,5,Weibull,1,1\n60,0,0,,0,0\n";
    std::fs::write(&path, text).unwrap();
    let rate = recorded_rate(&replay_of(&path, "servegen")).unwrap();
    assert!((rate - 40.0 / 50.0).abs() < 1e-12, "{rate}");
}

#[test]
fn lengths_of_windows_are_those_of_the_scenario() {
    let text = "0,50,1,Gamma,1,1\n100,0,0,,0,0\n";
    let requests = replay_text(text, |replay| {
        *replay = replay_of(replay.path.clone(), "servegen");
        let uniform = Lengths::new(LengthDistribution::Uniform { min: 10, max: 30 });
        replay.lengths.as_mut().unwrap().prompt = uniform;
    })
    .unwrap();
    let mean = requests.iter().map(|it| f64::from(it.prompt.tokens())).sum::<f64>() / requests.len() as f64;
    assert!((mean - 20.0).abs() < 0.5, "{mean}");
    assert!(
        requests
            .iter()
            .all(|it| (10..=30).contains(&it.prompt.tokens()) && it.output_tokens == 7)
    );
}
