//! Malformed traces are refused with file, line, column and what to write.

use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use tailcast::units::Span;
use tailcast::workload::trace::{FORMATS, Replay, open};

use crate::traces::{Folder, OWN, replay_text};

fn error_of(text: impl AsRef<[u8]>) -> String {
    let error = replay_text(text, |_| {}).expect_err("must be refused").to_string();
    let (_, place) = error.split_once("/trace:").expect("names the file");
    place.to_owned()
}

/// A malformed trace and how its error starts, after the file: `line:column: field: "value" message`.
const MALFORMED: [(&str, &str); 106] = [
    ("", " is empty"),
    ("\n \r\n\n", " is empty"),
    ("\u{feff}", " is empty"),
    ("arrival_s,input_tokens,output_tokens\n", " has a header, but no rows"),
    (
        "a,b,c\n1,2,3\n",
        "1: is of no known trace format: its first line holds the columns \"a\", \"b\", \"c\"",
    ),
    ("\n\na,b\n", "3: is of no known"),
    (
        "[{\"id\": 1}]\n",
        "1: is of no known trace format: its first line holds the JSON keys \"id\"",
    ),
    (
        "[1, 2]\n",
        "1: is of no known trace format: its first line holds JSON that is not one object a line",
    ),
    (
        "{\"prompt\": \"x\"}\n",
        "1: is of no known trace format: its first line holds the JSON keys \"prompt\"",
    ),
    ("{\"timestamp\": 0, \"input_length\": 5\n", "1: is of no known"),
    (
        "{\"chat_id\": 1, \"timestamp\": 0, \"input_length\": 5, \"output_length\": 5, \"hash_ids\": [1, 2]}\n",
        "1:83: hash_ids: \"[1,2]\" has 2 ids, but 5 tokens need 1, one every 16",
    ),
    (
        "arrival_s,input_tokens,output_tokens,TIMESTAMP,ContextTokens,GeneratedTokens\n",
        "1: could be of the formats csv and azure",
    ),
    (
        "arrival_s,input_tokens,output_tokens,arrival_s\n",
        "1:4: arrival_s: \"arrival_s\" the header names the column \"arrival_s\" twice",
    ),
    (
        "arrival_s,input_tokens,output_tokens\n0,12x,5\n",
        "2:2: input_tokens: \"12x\" is not a whole number; write e.g. 512",
    ),
    (
        "arrival_s,input_tokens,output_tokens\r\n0,1,1\r\n\r\n1,12x,5\r\n",
        "4:2: input_tokens: \"12x\"",
    ),
    (
        "x,arrival_s,input_tokens,output_tokens\n\"1\n2\",0,1,1\n\"3\",0,1,y\n",
        "4:4: output_tokens: \"y\"",
    ),
    (
        "arrival_s,input_tokens,output_tokens\n0,-5,5\n",
        "2:2: input_tokens: \"-5\" is negative",
    ),
    (
        "arrival_s,input_tokens,output_tokens\n0,0,5\n",
        "2:2: input_tokens: \"0\" is 0",
    ),
    (
        "arrival_s,input_tokens,output_tokens\n0,5,0\n",
        "2:3: output_tokens: \"0\" is 0",
    ),
    (
        "arrival_s,input_tokens,output_tokens\n0,,5\n",
        "2:2: input_tokens: \"\" is empty",
    ),
    (
        "arrival_s,input_tokens,output_tokens\n0,5\n",
        "2:3: output_tokens: \"\" is missing: the row has 2 fields, the header 3",
    ),
    (
        "arrival_s,input_tokens,output_tokens\n0,5.5,5\n",
        "2:2: input_tokens: \"5.5\" is not a whole number",
    ),
    (
        "arrival_s,input_tokens,output_tokens\n0,4294967296,5\n",
        "2:2: input_tokens: \"4294967296\" is too large",
    ),
    (
        "arrival_s,input_tokens,output_tokens\n0,99999999999999999999999,5\n",
        "2:2: input_tokens: \"99999999999999999999999\" is too large",
    ),
    (
        "arrival_s,input_tokens,output_tokens\nNaN,5,5\n",
        "2:1: arrival_s: \"NaN\" is not a number",
    ),
    (
        "arrival_s,input_tokens,output_tokens\ninf,5,5\n",
        "2:1: arrival_s: \"inf\" is not a number",
    ),
    (
        "arrival_s,input_tokens,output_tokens\n-1,5,5\n",
        "2:1: arrival_s: \"-1\" is negative",
    ),
    (
        "arrival_s,input_tokens,output_tokens\n1e40,5,5\n",
        "2:1: arrival_s: \"1e40\" is too large",
    ),
    (
        "arrival_s,input_tokens,output_tokens\n,5,5\n",
        "2:1: arrival_s: \"\" is empty",
    ),
    (
        "arrival_s,input_tokens,output_tokens\n0,5,5\n20000000,5,5\n",
        "3:1: arrival_s: \"20000000 s after the first row\" arrives more than 200 days after",
    ),
    (
        "arrival_s,input_tokens,output_tokens\n5,5,5\n4,5,5\n",
        "3:1: arrival_s: \"-1 s after the first row\" is 1 s earlier than the row before; sort the trace, or set sort \
         = true",
    ),
    (
        "arrival_s,input_tokens,output_tokens,x\n0,5,5,\"abc\n1,5,5,\n",
        "2: a quoted field that starts here never ends",
    ),
    (
        "arrival_s,input_tokens,output_tokens,x\n0,5,5,a\"b\n1,5,5,\"\n",
        "2: has a quote inside an unquoted field",
    ),
    (
        "arrival_s,input_tokens,output_tokens,session,after_s\n0,5,5,,3\n",
        "2:5: after_s: \"3\" needs a session; name the session",
    ),
    (
        "arrival_s,input_tokens,output_tokens,session,after_s\n0,5,5,s1,3\n",
        "2:5: after_s: \"3\" has no earlier row in its session to follow; give the first row",
    ),
    (
        "arrival_s,input_tokens,output_tokens,session,after_s\n0,5,5,s1,\n,5,5,s1,-3\n",
        "3:5: after_s: \"-3\" is negative",
    ),
    (
        "arrival_s,input_tokens,output_tokens,session,after_s\n0,5,5,s1,\n,5,5,s1,2e7\n",
        "3:5: after_s: \"2e7\" is longer than 200 days",
    ),
    (
        "arrival_s,input_tokens,output_tokens,session,after_s\n0,5,5,s1,\n,5,5,s1,\n",
        "3:1: arrival_s: \"\" is empty",
    ),
    (
        "arrival_s,input_tokens,output_tokens,priority\n0,5,5,high\n",
        "2:4: priority: \"high\" is not a whole number",
    ),
    (
        "arrival_s,input_tokens,output_tokens,max_tokens\n0,5,5,4\n",
        "2:4: max_tokens: \"4\" is less than output_tokens = 5",
    ),
    (
        "arrival_s,input_tokens,output_tokens,segments\n0,5,5,a:4\n",
        "2:4: segments: \"a:4\" add up to 4 tokens, but input_tokens is 5",
    ),
    (
        "arrival_s,input_tokens,output_tokens,segments\n0,5,5,a\n",
        "2:4: segments: \"a\" is not a list of segments",
    ),
    (
        "arrival_s,input_tokens,output_tokens,segments\n0,5,5,a:5;\n",
        "2:4: segments: \"a:5;\" is not a list of segments",
    ),
    (
        "arrival_s,input_tokens,output_tokens,segments\n0,5,5,:5\n",
        "2:4: segments: \":5\" is not a list of segments",
    ),
    (
        "arrival_s,input_tokens,output_tokens,segments\n0,5,5,a:x\n",
        "2:4: segments: \"a:x\" has a segment whose length",
    ),
    (
        "arrival_s,input_tokens,output_tokens,segments\n0,5,5,a@-1:5\n",
        "2:4: segments: \"a@-1:5\" has a segment whose offset",
    ),
    (
        "arrival_s,input_tokens,output_tokens,segments\n0,5,5,out.0:5\n",
        "2:4: segments: \"out.0:5\" has a segment out.<row> that names no earlier row",
    ),
    (
        "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-02-30 00:00:00,5,5\n",
        "2:1: TIMESTAMP: \"2023-02-30 00:00:00\" is not a time; write e.g. 2023",
    ),
    (
        "TIMESTAMP,ContextTokens,GeneratedTokens\n17,5,5\n",
        "2:1: TIMESTAMP: \"17\" is not a time",
    ),
    (
        "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-02-28 00:00:00,5,0\n",
        "2:3: GeneratedTokens: \"0\" is 0",
    ),
    (
        "TIMESTAMP,NumImages,ContextTokens,GeneratedTokens\n",
        "1:2: NumImages: \"\" the trace has images",
    ),
    (
        "Timestamp,Request tokens,Response tokens\n5,0,5\n",
        "2:2: Request tokens: \"0\" is 0",
    ),
    (
        "Timestamp,Request tokens,Response tokens\n5,9,0\n",
        " records only failed requests: 1",
    ),
    (
        "Timestamp,Request tokens,Response tokens\n5,9,-1\n",
        "2:3: Response tokens: \"-1\" is negative",
    ),
    (
        "{\"timestamp\": 0, \"input_length\": \"5\", \"output_length\": 5}\n",
        "1:34: input_length: \"\\\"5\\\"\" is not a whole number",
    ),
    (
        "{\"timestamp\": 0, \"input_length\": -5, \"output_length\": 5}\n",
        "1:34: input_length: \"-5\" is negative",
    ),
    (
        "{\"timestamp\": 0, \"input_length\": 5, \"output_length\": 0}\n",
        "1:54: output_length: \"0\" is 0",
    ),
    (
        "{\"timestamp\": -3, \"input_length\": 5, \"output_length\": 5}\n",
        "1:15: timestamp: \"-3\" is negative",
    ),
    (
        "{\"timestamp\": 1e300, \"input_length\": 5, \"output_length\": 5}\n",
        "1:15: timestamp: \"1e+300\" is too large",
    ),
    (
        "{\"timestamp\": null, \"input_length\": 5, \"output_length\": 5}\n",
        "1:15: timestamp: \"null\" is missing",
    ),
    (
        "{\"timestamp\": 0, \"input_length\": 5, \"output_length\": 5}\n\n{\"timestamp\": NaN}\n",
        "3:15: is not valid JSON",
    ),
    (
        "{\"timestamp\": 0, \"input_length\": 5, \"output_length\": 5}\n{\"timestamp\": 1, \"input_length\": 5}\n",
        "2: output_length: \"\" is missing; every row needs it",
    ),
    (
        "{\"timestamp\": 0, \"input_length\": 5, \"output_length\": 5, \"hash_ids\": [1, 2]}\n",
        "1:69: hash_ids: \"[1,2]\" has 2 ids, but 5 tokens need 1, one every 512",
    ),
    (
        "{\"timestamp\": 0, \"input_length\": 5, \"output_length\": 5, \"delay\": 3}\n",
        "1:66: delay: \"3\" is not expected: the first row has no session_id; name the session",
    ),
    (
        "{\"session_id\": 1, \"delay\": 3, \"input_length\": 5, \"output_length\": 5}\n",
        "1:28: delay: \"3\" has no earlier row in its session",
    ),
    (
        "{\"session_id\": 1, \"timestamp\": 3, \"input_length\": 5, \"output_length\": 5}\n\
         {\"session_id\": 1, \"delay\": \"3\", \"input_length\": 5, \"output_length\": 5}\n",
        "2:28: delay: \"\\\"3\\\"\" is not a number",
    ),
    (
        "{\"session_id\": [], \"timestamp\": 3, \"input_length\": 5, \"output_length\": 5}\n",
        "1:16: session_id: \"[]\" is no name",
    ),
    (
        "{\"input_toks\": 3, \"output_toks\": 2, \"arrival_time_ns\": 1, \"input_tok_ids\": [5]}\n",
        "1:76: input_tok_ids: \"[5]\" has 1 ids, but input_toks is 3",
    ),
    (
        "arrived_at,num_prefill_tokens,num_decode_tokens\n0.5,x,3\n",
        "2:2: num_prefill_tokens: \"x\" is not a whole number",
    ),
    (
        "arrived_at,num_prefill_tokens,num_decode_tokens\n0.5,0,3\n",
        "2:2: num_prefill_tokens: \"0\" is 0, but a prompt has at least one token",
    ),
    (
        "arrived_at,num_prefill_tokens,num_decode_tokens\n0.5,3,0\n",
        "2:3: num_decode_tokens: \"0\" is 0: the request got no token",
    ),
    (
        "arrived_at,num_prefill_tokens,num_decode_tokens\n0.5,3\n",
        "2:3: num_decode_tokens: \"\" is missing: the row has 2 fields",
    ),
    (
        "arrived_at,num_prefill_tokens,num_decode_tokens,arrived_at\n",
        "1:4: arrived_at: \"arrived_at\" the header names the column \"arrived_at\" twice",
    ),
    (
        "arrived_at,num_prefill_tokens\n0.5,3\n",
        "1: is of no known trace format: its first line holds the columns \"arrived_at\", \"num_prefill_tokens\". \
         The closest is vidur, for which it lacks the column \"num_decode_tokens\"",
    ),
    (
        "num_prefill_tokens,num_decode_tokens\n5,3\n",
        "1: is of no known trace format: its first line holds the columns \"num_prefill_tokens\", \
         \"num_decode_tokens\". The closest is vidur, for which it lacks the column \"arrived_at\"",
    ),
    (
        "arrival_time_us,input_tokens,output_tokens,prefix_group,prefix_length\n0,5,5,g,9\n",
        "2:5: prefix_length: \"9\" is longer than the prompt",
    ),
    (
        "arrival_time_us,input_tokens,output_tokens,status\n0,5,5,error\n",
        " records only failed requests: 1",
    ),
    (
        "timestamp,prompt_tokens,completion_tokens\nyesterday,5,5\n",
        "2:1: timestamp: \"yesterday\" is not a time; write e.g. 2025",
    ),
    (
        "timestamp,prompt_tokens,completion_tokens\n12.5,5,5\n",
        "2:1: timestamp: \"12.5\" is a time in an unknown unit; write trace.time_unit",
    ),
    (
        "timestamp,prompt_tokens,completion_tokens\n,5,5\n",
        "2:1: timestamp: \"\" is missing; every request needs it",
    ),
    (
        "timestamp,prompt_tokens\n1759813207,5\n",
        "1: is of no known trace format: its first line holds the columns \"timestamp\", \"prompt_tokens\". The \
         closest is openai-log, for which it lacks the column \"completion_tokens\"",
    ),
    (
        "{\"created\": 1759813207, \"usage\": {\"prompt_tokens\": 5}}\n",
        "1: is of no known trace format: its first line holds the JSON keys \"created\", \"usage\". The closest is \
         openai-log, for which it lacks the key \"completion_tokens\"",
    ),
    (
        "{\"created\": 1759813207, \"usage\": {\"prompt_tokens\": 5, \"completion_tokens\": 1.5}}\n",
        "1:76: usage.completion_tokens: \"1.5\" is not a whole number",
    ),
    (
        "{\"timestamp\": 3, \"requests\": [{\"Prompt Length\": 5, \"Output Length\": null}]}\n",
        "1:69: Output Length: \"\" is missing in one of the requests",
    ),
    ("{\"timestamp\": 3, \"requests\": 5}\n", "1:30: cannot be understood"),
    (
        "0,0.5,2,Gamma,1,1\n0,0.5,2,Gamma,1,1\n",
        " holds arrivals alone (servegen)",
    ),
    ("0,0.5,2,Zipf,1,1\n", "1: is of no known trace format"),
    ("{\"conversations\": 5}\n", "1:"),
    ("[{\"conversations\": []}]\n", " records only failed requests: 1"),
    (
        "metric_name,timestamp,metric_value\nhttp_reqs,1,1\n",
        "1: is a result of k6: it does not say how many tokens",
    ),
    ("Type,Name,Request Count\nPOST,/,1\n", "1: is a result of Locust"),
    (
        "{\"id\": \"u\", \"requests\": [{\"t\": 0, \"in\": 9, \"out\": 2}]}\n",
        "1: is an agentic trace of WEKA's kind",
    ),
    (
        "{\"text\": \"hello\", \"timestamp\": 0, \"output_length\": 9}\n",
        "1: is an input of AIPerf: it holds texts",
    ),
    (
        "{\"session_id\": \"a\", \"turns\": [{\"text\": \"hello\"}]}\n",
        "1: is an input of AIPerf with several turns",
    ),
    (
        "[{\"n_prompt\": 9, \"n_gen\": 0, \"avg_ts\": 1.0}]\n",
        "1: is a result of llama-bench",
    ),
    (
        "Metric,avg,min\nx,1,1\n",
        "1: is a result of AIPerf (or genai-perf): that is no trace",
    ),
    (
        "{\n  \"endpoint_type\": \"vllm\",\n  \"request_throughput\": 1.0,\n  \"burstiness\": 1.0\n}\n",
        "1: is a result of `vllm bench serve`: that is no trace",
    ),
    (
        "[\n{\"endpoint_type\": \"vllm\", \"request_throughput\": 1.0, \"burstiness\": 1.0}\n]\n",
        "2: is a result of `vllm bench serve`",
    ),
    (
        "{\"request_rate\": Infinity, \"request_throughput\": 1.0, \"mean_e2e_latency_ms\": NaN}\n",
        "1: is a result of SGLang's bench_serving",
    ),
    (
        "timestamp;prompt_tokens;completion_tokens\n1;2;3\n",
        "1: is of no known trace format: its first line holds no commas, but ';'; separate columns by commas",
    ),
    (
        "{\"meta\": {}, \"data\": [{\"created\": 1, \"prompt_tokens\": 5, \"completion_tokens\": 5}]}\n",
        "1: is of no known trace format: its first line holds the JSON keys \"data\", \"meta\". If its rows are in the \
         list \"data\", write that alone, e.g. jq -c '.data[]'",
    ),
    ("PAR1\n", "1: is a Parquet file; write it as JSON lines first"),
    (
        "{\"schema\": \"dynamo.agentic_mooncake\", \"version\": 2, \"block_size\": 64}\n",
        " has a header, but no rows after it",
    ),
    (
        "{\"resourceSpans\": [{\"scopeSpans\": [{\"spans\": [{\"startTimeUnixNano\": \"x\", \"attributes\": \
         [{\"key\": \"gen_ai.usage.input_tokens\", \"value\": {\"intValue\": 5}}]}]}]}]}\n",
        "1:69: startTimeUnixNano: \"x\" is not a number",
    ),
    (
        "{\"prompt\": \"x\", \"output_tokens\": 0}\n",
        "1: is 0: the request got no token",
    ),
    (
        "# HELP vllm:num_requests_running x\n",
        "1: is a text of metrics for Prometheus",
    ),
];

#[test]
fn malformed_traces_are_refused_with_their_place() {
    for (text, expected) in MALFORMED {
        let error = error_of(text);
        assert!(
            error.starts_with(expected),
            "{text:?}\n  gives    {error:?}\n  expected {expected:?}"
        );
    }
}

#[test]
fn malformed_bytes_are_refused_with_their_place() {
    let error = error_of(b"arrival_s,input_tokens,output_tokens\n0,\xff\xfe,5\n");
    assert!(
        error.starts_with("2:2: input_tokens: \"\u{fffd}\u{fffd}\" is not a whole number"),
        "{error}"
    );
    let error = error_of(b"{\"timestamp\": 0, \"input_length\": 5, \"output_length\": 5}\n{\"\xff\": 1}\n");
    assert!(error.starts_with("2:"), "{error}");
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let rows = (0..10_000).map(|row| format!("{row},{},5\n", row * 7919 % 1000 + 1));
    let text = "arrival_s,input_tokens,output_tokens\n".to_owned() + &rows.collect::<String>();
    encoder.write_all(text.as_bytes()).unwrap();
    let bytes = encoder.finish().unwrap();
    let error = error_of(&bytes[..bytes.len() / 2]);
    assert!(error.contains("ends in the middle of its compressed data"), "{error}");
    let error = error_of([0x1f, 0x8b, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    assert!(error.contains("cannot be read"), "{error}");
}

#[test]
fn an_unrecognised_trace_is_told_what_was_looked_for() {
    let error = error_of("a,b,c\n");
    for format in FORMATS {
        assert!(
            error.contains(&format!("{}: {}", format.name(), format.looks_like())),
            "{error}"
        );
    }
}

#[test]
fn a_missing_file_and_a_folder_are_named() {
    let folder = Folder::new();
    let error = |path: &Path| open(&Replay::new(path)).err().unwrap().to_string();
    let missing = folder.0.path().join("missing.csv");
    assert!(error(&missing).ends_with("missing.csv: no such file; check the path"));
    assert!(error(folder.0.path()).contains("it is a folder"));
}

#[test]
fn a_start_past_the_end_and_a_trace_of_bad_rows_say_so() {
    let start = |replay: &mut Replay| replay.start = Span::from_seconds(99.0).unwrap();
    let error = replay_text(OWN, start).unwrap_err().to_string();
    assert!(
        error.ends_with("has no row after start = 99 s; all 3 rows are earlier"),
        "{error}"
    );
    let skip = |replay: &mut Replay| replay.skip_bad_rows = true;
    let error = replay_text("arrival_s,input_tokens,output_tokens\n0,x,1\n", skip).unwrap_err();
    assert!(error.to_string().contains("the first of 1 bad rows"), "{error}");
}

#[test]
fn an_endless_line_is_refused() {
    let error = error_of(vec![b'a'; 17 << 20]);
    assert!(error.starts_with("1: is longer than 16 MiB"), "{error}");
}
