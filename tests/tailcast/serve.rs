//! `tailcast serve` answers as vLLM does, when the simulation says so, whatever clients do to it.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::serving::{PACED, Served, events, post, read};

const COMPLETIONS: &str = "/v1/completions";
const CHAT: &str = "/v1/chat/completions";

fn streamed(tokens: u32) -> String {
    json!({"prompt": "hello", "max_tokens": tokens, "ignore_eos": true, "stream": true}).to_string()
}

#[test]
fn answers_have_the_form_and_the_lengths_that_were_asked_for() {
    let served = Served::start(PACED, &["--time-scale", "20", "--served-model-name", "mine"]);
    let models: Value = serde_json::from_str(&served.get("/v1/models").body).unwrap();
    assert_eq!(
        (&models["data"][0]["id"], &models["data"][0]["max_model_len"]),
        (&json!("mine"), &json!(4096))
    );
    let whole = served.asks(
        COMPLETIONS,
        r#"{"model": "mine", "prompt": "12345678", "max_tokens": 5, "ignore_eos": true, "other": 1}"#,
    );
    assert_eq!(whole["choices"][0]["finish_reason"], "length");
    assert_eq!(whole["choices"][0]["text"].as_str().unwrap().len(), 20);
    let usage = &whole["usage"];
    assert_eq!(
        (
            &usage["prompt_tokens"],
            &usage["completion_tokens"],
            &usage["total_tokens"]
        ),
        (&json!(2), &json!(5), &json!(7))
    );
    // A completion that says nothing has 16 tokens at most, and the scenario's outputs have 12.
    let drawn = served.asks(COMPLETIONS, r#"{"prompt": [5, 6, 7]}"#);
    assert_eq!(
        (
            &drawn["choices"][0]["finish_reason"],
            &drawn["usage"]["completion_tokens"]
        ),
        (&json!("stop"), &json!(12))
    );
    let least = served.asks(COMPLETIONS, r#"{"prompt": "x", "max_tokens": 30, "min_tokens": 20}"#);
    assert_eq!(least["usage"]["completion_tokens"], 20);
    let several = served.asks(COMPLETIONS, r#"{"prompt": [[1, 2], [3]], "max_tokens": 3}"#);
    assert_eq!(several["choices"].as_array().unwrap().len(), 2);
    assert_eq!(several["usage"]["completion_tokens"], 6);
    let chat = served.asks(
        CHAT,
        r#"{"messages": [{"role": "user", "content": "1234"}], "max_completion_tokens": 4}"#,
    );
    assert_eq!(chat["choices"][0]["message"]["role"], "assistant");
    // Four a message, and three for the answer.
    assert_eq!(
        (&chat["usage"]["prompt_tokens"], &chat["usage"]["completion_tokens"]),
        (&json!(8), &json!(4))
    );
    let tokens = served.asks("/tokenize", r#"{"prompt": "grüße 漢字"}"#);
    let back = json!({"tokens": tokens["tokens"]}).to_string();
    assert_eq!(served.asks("/detokenize", &back)["prompt"], "grüße 漢字");
    for path in ["/health", "/ping", "/version", "/"] {
        assert_eq!(served.get(path).status, 200, "{path}");
    }
    let report = served.report();
    assert_eq!(
        (&report["requests"]["finished"], &report["complete"]),
        (&json!(6), &json!(true))
    );
}

#[test]
fn a_stream_carries_every_token_and_ends_as_openais_do() {
    let served = Served::start(PACED, &["--time-scale", "5"]);
    let body = json!({"messages": [{"role": "user", "content": "hi"}], "max_tokens": 9,
        "stream": true, "ignore_eos": true,
        "stream_options": {"include_usage": true}});
    let answer = served.post(CHAT, &body.to_string());
    assert!(
        answer
            .head
            .to_ascii_lowercase()
            .contains("content-type: text/event-stream"),
        "{}",
        answer.head
    );
    let events = events(&answer.body);
    assert_eq!(events.last(), Some(&"[DONE]"));
    let parts: Vec<Value> = events[..events.len() - 1]
        .iter()
        .map(|event| serde_json::from_str(event).unwrap())
        .collect();
    assert_eq!(parts[0]["choices"][0]["delta"]["role"], "assistant");
    let (usage, parts) = parts.split_last().unwrap();
    assert_eq!(
        (&usage["usage"]["completion_tokens"], &usage["choices"]),
        (&json!(9), &json!([]))
    );
    let text: String = parts
        .iter()
        .map(|part| part["choices"][0]["delta"]["content"].as_str().unwrap())
        .collect();
    assert_eq!(text.len(), 36);
    let reasons: Vec<&Value> = parts.iter().map(|part| &part["choices"][0]["finish_reason"]).collect();
    let (last, others) = reasons.split_last().unwrap();
    assert!(
        **last == "length" && others.iter().all(|reason| reason.is_null()),
        "{reasons:?}"
    );
}

#[test]
fn tokens_that_drafts_bring_come_with_the_one_of_their_step() {
    let drafts = "batching.speculative = { method = \"ngram\", num_speculative_tokens = 3, acceptance = 1.0 }\n";
    let served = Served::start(&format!("{PACED}{drafts}"), &["--time-scale", "2"]);
    let body = json!({"prompt": "hello", "max_tokens": 41, "ignore_eos": true, "stream": true,
        "stream_options": {"include_usage": true, "continuous_usage_stats": true}});
    let answer = served.post(COMPLETIONS, &body.to_string());
    let parts = events(&answer.body)
        .into_iter()
        .map_while(|it| serde_json::from_str::<Value>(it).ok());
    let texts = parts.filter_map(|part| Some(part["choices"][0]["text"].as_str()?.len() / 4));
    let tokens: Vec<usize> = texts.collect();
    // The prompt brings one, and each of ten steps four.
    assert_eq!(tokens, [&[1][..], &[4; 10]].concat());
    assert_eq!(served.report()["requests"]["finished"], 1);
}

#[test]
fn a_text_that_stops_an_answer_ends_it_and_is_no_part_of_it() {
    let served = Served::start(PACED, &["--time-scale", "20"]);
    let mut stopped = 0;
    for is_stream in [false, true, false, true, false, true] {
        let body =
            json!({"prompt": "x", "max_tokens": 40, "ignore_eos": true, "stop": ["\n", "r o"], "stream": is_stream})
                .to_string();
        let (text, end) = if is_stream {
            let answer = served.post(COMPLETIONS, &body);
            let events: Vec<Value> = events(&answer.body)
                .into_iter()
                .map_while(|it| serde_json::from_str(it).ok())
                .collect();
            let texts = events.iter().filter_map(|event| event["choices"][0]["text"].as_str());
            (texts.collect::<String>(), events.last().unwrap()["choices"][0].clone())
        } else {
            let whole = served.asks(COMPLETIONS, &body);
            let choice = &whole["choices"][0];
            let text = choice["text"].as_str().unwrap().to_owned();
            // Up to the word with the last letter.
            let tokens = (text.len() + 3).div_ceil(4).min(40);
            assert_eq!(whole["usage"]["completion_tokens"], tokens);
            (text, choice.clone())
        };
        assert!(!text.contains("r o"), "{text}");
        if text.len() < 160 {
            stopped += 1;
            assert_eq!(
                (&end["finish_reason"], &end["stop_reason"]),
                (&json!("stop"), &json!("r o"))
            );
        } else {
            assert_eq!(
                (&end["finish_reason"], &end["stop_reason"]),
                (&json!("length"), &Value::Null)
            );
        }
    }
    assert!(stopped > 0, "none of them ended");
    let least = json!({"prompt": "x", "max_tokens": 40, "min_tokens": 40, "stop": [" "]}).to_string();
    assert_eq!(served.asks(COMPLETIONS, &least)["usage"]["completion_tokens"], 40);
}

#[test]
fn what_is_wrong_is_refused_with_vllms_codes_in_openais_form() {
    let served = Served::start(PACED, &[]);
    let long = json!({"prompt": "x".repeat(20_000)}).to_string();
    for (path, body, status) in [
        (COMPLETIONS, r#"{"model": "another", "prompt": "x"}"#, 404),
        (COMPLETIONS, long.as_str(), 400),
        (COMPLETIONS, r#"{"prompt": "x", "max_tokens": 5000}"#, 400),
        (COMPLETIONS, r#"{"prompt": "x", "max_tokens": 0}"#, 400),
        (COMPLETIONS, r#"{"prompt": "x", "max_tokens": -1}"#, 400),
        (COMPLETIONS, r#"{"prompt": "x", "max_tokens": 2, "min_tokens": 3}"#, 400),
        (COMPLETIONS, r#"{"prompt": "x", "n": 2}"#, 400),
        (COMPLETIONS, r#"{"prompt": "x", "stop": [""]}"#, 400),
        (
            COMPLETIONS,
            r#"{"prompt": "x", "stream_options": {"include_usage": true}}"#,
            400,
        ),
        (COMPLETIONS, r#"{"prompt": ""}"#, 400),
        (COMPLETIONS, r#"{"prompt": []}"#, 400),
        (COMPLETIONS, r#"{"prompt": [-1]}"#, 400),
        (COMPLETIONS, r#"{"prompt": {"a": 1}}"#, 400),
        (COMPLETIONS, "{}", 400),
        (COMPLETIONS, "{\"prompt\": ", 400),
        (COMPLETIONS, "[]", 400),
        (COMPLETIONS, "\u{0}\u{1b}[31m", 400),
        (CHAT, r#"{"messages": []}"#, 400),
        (
            CHAT,
            r#"{"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}"#,
            400,
        ),
        (CHAT, r#"{"messages": [{"content": "x"}]}"#, 400),
    ] {
        let answer = served.post(path, body);
        assert_eq!(answer.status, status, "{body}: {}", answer.body);
        let error: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(error["error"]["code"], status, "{body}");
        assert!(!error["error"]["message"].as_str().unwrap().is_empty());
    }
    assert_eq!(served.get("/nothing").status, 404);
    assert_eq!(served.get(COMPLETIONS).status, 405);
    let plain = post(COMPLETIONS, "{}").replace("application/json", "text/plain");
    assert_eq!(served.raw(&plain).status, 400);
    let huge = post(COMPLETIONS, "{}").replace("Content-Length: 2", "Content-Length: 99999999999");
    assert_eq!(served.raw(&huge).status, 413);
    assert_eq!(served.raw("nonsense\r\n\r\n").status, 400);
    assert_eq!(served.report()["requests"]["arrived"], 0);
}

#[test]
fn names_of_strangers_are_not_answered_on_loopback() {
    let served = Served::start(PACED, &[]);
    let of = |host: &str| {
        served
            .raw(&format!("GET /health HTTP/1.1\r\n{host}Connection: close\r\n\r\n"))
            .status
    };
    assert_eq!(
        (
            of("Host: localhost\r\n"),
            of("Host: 127.0.0.1:1\r\n"),
            of("Host: [::1]:1\r\n")
        ),
        (200, 200, 200)
    );
    assert_eq!(
        (
            of("Host: evil.example\r\n"),
            of(""),
            of("Host: localhost.evil.example\r\n")
        ),
        (403, 403, 403)
    );
}

#[test]
fn tokens_come_one_step_apart_and_never_later_and_later() {
    let served = Served::start(PACED, &[]);
    let mut stream = served.connect();
    let sent = Instant::now();
    stream.write_all(post(COMPLETIONS, &streamed(150)).as_bytes()).unwrap();
    let mut times = Vec::new();
    for line in BufReader::new(stream).lines() {
        let line = line.unwrap();
        if line.starts_with("data: {") {
            times.push(sent.elapsed().as_secs_f64());
        }
    }
    assert!(times.len() > 100, "{} parts", times.len());
    let whole = times.last().unwrap() - times[0];
    // 149 steps of 10 ms; other tests may hold this one up, but not more and more.
    assert!((1.47..1.60).contains(&whole), "{whole} s");
    let mut gaps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    gaps.sort_by(f64::total_cmp);
    assert!((0.008..0.012).contains(&gaps[gaps.len() / 2]), "{gaps:?}");
}

#[test]
fn time_passes_as_fast_as_it_is_told() {
    for (speed, expected) in [("10", 0.1), ("0.5", 2.0)] {
        let served = Served::start(PACED, &["--time-scale", speed]);
        let start = Instant::now();
        served.asks(COMPLETIONS, r#"{"prompt": "x", "max_tokens": 100, "ignore_eos": true}"#);
        let took = start.elapsed().as_secs_f64();
        assert!((0.9 * expected..expected + 0.3).contains(&took), "{speed}: {took} s");
        let report = served.report();
        let e2e = report["latency"]["e2e"]["mean"].as_f64().unwrap();
        assert!((e2e - 1.0).abs() < 0.02, "{speed}: {e2e} s");
    }
}

#[test]
fn who_leaves_is_taken_out() {
    let served = Served::start(PACED, &[]);
    let mut streams: Vec<TcpStream> = (0..8).map(|_| served.connect()).collect();
    for (number, stream) in streams.iter_mut().enumerate() {
        let body = if number % 2 == 0 {
            streamed(3_000)
        } else {
            streamed(3_000).replace("true}", "false}")
        };
        stream.write_all(post(COMPLETIONS, &body).as_bytes()).unwrap();
    }
    served.wait_for("vllm:num_requests_running", 8.0);
    assert!(served.metric("vllm:kv_cache_usage_perc") > 0.0);
    // Half of them close what they write, as clients do that give up: so do servers of Python take it.
    for stream in &streams[..4] {
        stream.shutdown(Shutdown::Write).unwrap();
    }
    served.wait_for("vllm:num_requests_running", 4.0);
    drop(streams);
    served.wait_for("vllm:num_requests_running", 0.0);
    served.wait_for("vllm:request_success_total", 8.0);
    let report = served.report();
    assert_eq!(
        (&report["requests"]["cancelled"], &report["requests"]["timed_out"]),
        (&json!(8), &json!(0))
    );
}

#[test]
fn who_does_not_read_stalls_nobody() {
    let served = Served::start(PACED, &["--time-scale", "10"]);
    let mut slow: Vec<TcpStream> = (0..50).map(|_| served.connect()).collect();
    for stream in &mut slow {
        stream
            .write_all(post(COMPLETIONS, &streamed(2_000)).as_bytes())
            .unwrap();
    }
    served.wait_for("vllm:num_requests_running", 50.0);
    let start = Instant::now();
    let answer = served.post(COMPLETIONS, &streamed(100));
    assert_eq!(events(&answer.body).last(), Some(&"[DONE]"));
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    // Those who read late find all of it.
    served.wait_for("vllm:num_requests_running", 0.0);
    for mut stream in slow {
        let answer = read(&mut stream);
        let text: usize = events(&answer.body)
            .iter()
            .filter_map(|event| serde_json::from_str::<Value>(event).ok())
            .map(|part| part["choices"][0]["text"].as_str().unwrap().len())
            .sum();
        assert_eq!(text, 8_000);
    }
}

#[test]
fn two_hundred_clients_at_once_all_get_their_answers() {
    let served = Served::start(PACED, &["--time-scale", "4"]);
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..200)
            .map(|_| scope.spawn(|| served.post(COMPLETIONS, &streamed(50))))
            .collect();
        for client in clients {
            let answer = client.join().unwrap();
            assert_eq!((answer.status, events(&answer.body).last()), (200, Some(&"[DONE]")));
        }
    });
    assert_eq!(served.report()["requests"]["finished"], 200);
}

#[test]
fn thousands_of_connections_that_are_dropped_leave_it_as_it_was() {
    let served = Served::start(PACED, &["--max-connections", "300"]);
    for round in 0..40 {
        let mut connections: Vec<TcpStream> = (0..250).map(|_| served.connect()).collect();
        for (number, stream) in connections.iter_mut().enumerate() {
            let half = post(COMPLETIONS, &streamed(3_000));
            let part = match number % 4 {
                0 => "",
                1 => "POST /v1",
                2 => &half[..half.len() - 10],
                _ => half.as_str(),
            };
            let _ = stream.write_all(part.as_bytes());
        }
        if round % 8 == 0 {
            served.asks(COMPLETIONS, r#"{"prompt": "x", "max_tokens": 3}"#);
        }
    }
    served.asks(COMPLETIONS, r#"{"prompt": "x", "max_tokens": 3}"#);
    served.wait_for("vllm:num_requests_running", 0.0);
    served.wait_for("vllm:num_requests_waiting", 0.0);
}

#[test]
fn prompts_that_begin_alike_find_what_was_computed() {
    let served = Served::start(PACED, &["--time-scale", "10"]);
    let (one, other) = ("a".repeat(640), "b".repeat(64));
    let of = |prompt: String| {
        let body = json!({"prompt": prompt, "max_tokens": 2}).to_string();
        let usage = served.asks(COMPLETIONS, &body)["usage"].clone();
        usage["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap()
    };
    assert_eq!(of(format!("{one}{other}")), 0);
    assert_eq!(of(format!("{one}{other}")), 160);
    assert_eq!(of(format!("{one}{one}")), 160);
    assert_eq!(of(format!("{other}{one}")), 0);
}

#[test]
fn a_full_server_refuses_with_the_scenarios_status() {
    let scenario = format!(
        "{PACED}\nbatching.max_num_seqs = 1\nadmission = {{ max_queue = 1, reject = 429, retry_after = \"7s\" }}\n"
    );
    let served = Served::start(&scenario, &[]);
    let mut streams: Vec<TcpStream> = (0..2).map(|_| served.connect()).collect();
    for (stream, running) in streams
        .iter_mut()
        .zip(["vllm:num_requests_running", "vllm:num_requests_waiting"])
    {
        stream
            .write_all(post(COMPLETIONS, &streamed(3_000)).as_bytes())
            .unwrap();
        served.wait_for(running, 1.0);
    }
    let refused = served.post(COMPLETIONS, &streamed(3));
    assert_eq!(refused.status, 429, "{}", refused.body);
    assert!(
        refused.head.to_ascii_lowercase().contains("retry-after: 7"),
        "{}",
        refused.head
    );
    drop(streams);
    served.wait_for("vllm:num_requests_running", 0.0);
    assert_eq!(served.post(COMPLETIONS, &streamed(3)).status, 200);
}

#[test]
fn a_crash_breaks_streams_off_and_the_others_go_on() {
    let scenario = format!(
        "{PACED}\n[fleet]\nservers = 2\nrouter = \"round_robin\"\n[[fleet.fault]]\nkind = \"crash\"\nserver = 0\n\
         at = \"2s\"\nrestart = \"1000s\"\n"
    );
    let served = Served::start(&scenario, &[]);
    let answers: Vec<_> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..2)
            .map(|_| scope.spawn(|| served.post(COMPLETIONS, &streamed(400))))
            .collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    let done = answers
        .iter()
        .filter(|answer| events(&answer.body).last() == Some(&"[DONE]"))
        .count();
    assert_eq!(done, 1, "one of two streams is broken off");
    let report = served.report();
    assert_eq!(
        (&report["requests"]["failed"], &report["requests"]["finished"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        report["fleet"]["events"][0]["event"], "crash",
        "{}",
        report["fleet"]["events"]
    );
}
