//! Traces are read as their formats mean them.

use std::io::Write;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use tailcast::units::Span;
use tailcast::workload::trace::{DrawnLengths, FORMATS, FormatName, Replay, TraceError, TraceSource, open};
use tailcast::workload::{ContentId, Lengths, Request, RequestId, Segment, Source};

/// A folder for the files of a test.
pub struct Folder(pub tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

fn drain(mut source: TraceSource) -> Result<(Vec<Request>, TraceSource), TraceError> {
    let mut requests = Vec::new();
    while let Some(arrival) = source.next_arrival()? {
        let request = source.take();
        assert_eq!(request.arrival, arrival);
        requests.push(request);
    }
    Ok((requests, source))
}

/// The requests of a trace with this content.
pub fn replay_text(text: impl AsRef<[u8]>, change: impl FnOnce(&mut Replay)) -> Result<Vec<Request>, TraceError> {
    let folder = Folder::new();
    let mut replay = Replay::new(folder.write("trace", text));
    change(&mut replay);
    assert_eq!(replay.validate(), Ok(()));
    drain(open(&replay)?).map(|(requests, _)| requests)
}

fn requests_of(text: impl AsRef<[u8]>) -> Vec<Request> {
    replay_text(text, |_| {}).unwrap()
}

fn arrivals_s(requests: &[Request]) -> Vec<f64> {
    requests.iter().map(|request| request.arrival.seconds()).collect()
}

fn lengths(requests: &[Request]) -> Vec<(u32, u32)> {
    let lengths = requests
        .iter()
        .map(|request| (request.prompt.tokens(), request.output_tokens));
    lengths.collect()
}

pub const OWN: &str = "arrival_s,input_tokens,output_tokens\n10,100,5\n11.5,200,6\n20.25,300,7\n";
const AZURE: &str = "TIMESTAMP,ContextTokens,GeneratedTokens\r\n2024-05-09 23:59:59.5,374,44\r\n2024-05-10 \
                     00:00:00.009930+00:00,396,109\r\n";
const MOONCAKE: &str = r#"{"timestamp": 1000, "input_length": 600, "output_length": 5, "hash_ids": [7, 8]}
{"timestamp": 1000.5, "input_length": 1024, "output_length": 6, "hash_ids": [7, 9]}
"#;
const MOONCAKE_AGENTS: &str = r#"{"schema": "dynamo.agentic_mooncake", "version": 2, "block_size": 64}
{"request_id": "a", "session_id": "x", "input_length": 100, "output_length": 5, "hash_ids": [7, 8], "dependencies": []}
{"request_id": 5, "play_id": "p", "input_length": 128, "output_length": 6, "hash_ids": [7, 9], "not_before_ms": 1500.5}
"#;
const BURSTGPT: &str = "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type\n\
                        5,1,2.0,ChatGPT,472,18,490,Conversation log\n\
                        6,1,0.0,ChatGPT,30,0,30,API log\n\
                        45,2,1.0,GPT-4,1087,230,1317,Conversation log\n";
const SHAREGPT: &str = concat!(
    r#"{"input_toks": 3, "output_toks": 2, "arrival_time_ns": 46926808, "#,
    r#""input_tok_ids": [5, 6, 7], "output_tok_ids": [1, 2]}"#,
    "\n",
    r#"{"input_toks": 2, "output_toks": 9, "arrival_time_ns": 347938951}"#,
    "\n",
);

const BAILIAN: &str = concat!(
    r#"{"chat_id": 7, "parent_chat_id": -1, "timestamp": 61.25, "input_length": 40, "output_length": 3, "#,
    r#""type": "text", "turn": 1, "hash_ids": [1, 2, 3]}"#,
    "\n",
    r#"{"chat_id": 8, "parent_chat_id": 7, "timestamp": 62.5, "input_length": 70, "output_length": 4, "#,
    r#""type": "text", "turn": 2, "hash_ids": [1, 2, 3]}"#,
    "\n",
);
const OPENAI_LOG: &str = "timestamp,prompt_tokens,completion_tokens,latency_ms\n\
                          2025-10-07T05:00:07Z,550,120,2300\n\
                          2025-10-07T05:00:09.5Z,90,20,400\n";
const AIPERF: &str = concat!(
    r#"{"metadata": {"session_num": 1, "request_start_ns": 1759813207500000000, "benchmark_phase": "profiling", "#,
    r#""was_cancelled": false}, "metrics": {"input_sequence_length": {"value": 50, "unit": "tokens"}, "#,
    r#""output_sequence_length": {"value": 9, "unit": "tokens"}}, "error": null}"#,
    "\n",
    r#"{"metadata": {"session_num": 0, "request_start_ns": 1759813207000000000, "benchmark_phase": "profiling", "#,
    r#""was_cancelled": false}, "metrics": {"input_sequence_length": {"value": 60, "unit": "tokens"}, "#,
    r#""output_sequence_length": {"value": 8, "unit": "tokens"}}, "error": null}"#,
    "\n",
);
const OTEL: &str = concat!(
    r#"{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "a", "spanId": "1", "#,
    r#""startTimeUnixNano": "1759813207000000000", "endTimeUnixNano": "1759813208000000000", "attributes": ["#,
    r#"{"key": "gen_ai.usage.input_tokens", "value": {"intValue": "550"}}, "#,
    r#"{"key": "gen_ai.usage.output_tokens", "value": {"intValue": "120"}}]}]}]}]}"#,
    "\n",
    r#"{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "b", "spanId": "2", "#,
    r#""startTimeUnixNano": 1759813207500000000, "attributes": ["#,
    r#"{"key": "gen_ai.usage.prompt_tokens", "value": {"intValue": 90}}, "#,
    r#"{"key": "gen_ai.usage.completion_tokens", "value": {"intValue": 20}}]}]}]}]}"#,
    "\n",
);
const SERVEGEN: &str = "0,2,1.5,Gamma,0.4,1.1\n10,0,0,,0,0\n20,1,2.5,Weibull,0.5,0.5\n";
const CONVERSATIONS: &str = concat!(
    r#"[{"id": "a", "conversations": [{"from": "human", "value": "four characters a token, so that is"}, "#,
    r#"{"from": "gpt", "value": "two of them."}]},"#,
    "\n",
    r#"{"id": "b", "conversations": [{"from": "human", "value": "hi"}, "#,
    r#"{"from": "gpt", "value": "Hello, how are you?"}]}]"#,
    "\n",
);
const AIBRIX: &str = concat!(
    r#"{"timestamp": 21, "requests": [{"Prompt Length": 90, "Output Length": 22, "prompt": "x"}]}"#,
    "\n",
    r#"{"timestamp": 655, "requests": [{"prompt_length": 71, "output_length": 19.0}, "#,
    r#"{"Prompt Length": 72, "Output Length": 20}]}"#,
    "\n",
);
const BLIS: &str = "request_id,session_id,round_index,prefix_group,prefix_length,input_tokens,output_tokens,\
                    arrival_time_us,status\n\
                    0,s,0,g,64,100,20,0,ok\n\
                    1,s,1,g,64,100,20,2500000,ok\n\
                    2,,0,,0,50,10,3000000,timeout\n\
                    3,,0,,0,50,10,3000000,ok\n";
const SPLITWISE: &str = "request_id,request_type,application_id,arrival_timestamp,batch_size,prompt_size,token_size\n\
                         0,2,0,0.35,1,1024,30\n\
                         1,2,0,0.61,1,512,80\n";
const VIDUR: &str = "arrived_at,num_prefill_tokens,num_decode_tokens\n0.0,374,44\n4.31,396,109\n";

/// A small valid trace of each format.
pub const EXAMPLES: [(&str, &str); 16] = [
    ("csv", OWN),
    ("azure", AZURE),
    ("mooncake", MOONCAKE),
    ("burstgpt", BURSTGPT),
    ("sharegpt", SHAREGPT),
    ("bailian", BAILIAN),
    ("mooncake-agents", MOONCAKE_AGENTS),
    ("openai-log", OPENAI_LOG),
    ("aiperf", AIPERF),
    ("otel", OTEL),
    ("servegen", SERVEGEN),
    ("conversations", CONVERSATIONS),
    ("aibrix", AIBRIX),
    ("blis", BLIS),
    ("splitwise", SPLITWISE),
    ("vidur", VIDUR),
];

/// The replay of a trace at `path`; of windows with lengths of the scenario.
pub fn replay_of(path: impl Into<PathBuf>, format: &str) -> Replay {
    let lengths = (format == "servegen").then(|| {
        Box::new(DrawnLengths {
            prompt: Lengths::fixed(40),
            output: Lengths::fixed(7),
        })
    });
    Replay {
        lengths,
        ..Replay::new(path)
    }
}

#[test]
fn every_format_is_recognised_by_its_names_and_only_by_its_own() {
    let folder = Folder::new();
    assert_eq!(EXAMPLES.len(), FORMATS.len());
    for format in FORMATS {
        let (_, text) = EXAMPLES.iter().find(|(name, _)| *name == format.name()).unwrap();
        let path = folder.write("trace", text);
        let source = open(&replay_of(&path, format.name())).unwrap();
        assert_eq!(source.format().name(), format.name());
        let named = Replay {
            format: Some(FormatName::parse(format.name()).unwrap()),
            ..replay_of(&path, format.name())
        };
        assert_eq!(drain(open(&named).unwrap()).unwrap().0, drain(source).unwrap().0);
        assert!(!format.looks_like().is_empty());
    }
}

#[test]
fn every_format_is_read_compressed_with_marks_blank_lines_and_either_line_end() {
    let folder = Folder::new();
    for (name, text) in EXAMPLES {
        let all = |text: &str| replay_text(text, |replay| replay.lengths = replay_of("", name).lengths).unwrap();
        let expected = all(text);
        let unix = text.replace("\r\n", "\n");
        let windows = unix.replace('\n', "\r\n");
        let blank = unix.replace('\n', "\n\n \n");
        let marked = format!("\u{feff}{unix}");
        let unfinished = unix.trim_end().to_owned();
        for variant in [&unix, &windows, &blank, &marked, &unfinished] {
            assert_eq!(all(variant), expected, "{name}");
            // Two members, as `cat a.gz b.gz` makes them; the name of the file does not matter.
            let mut bytes = Vec::new();
            let middle = variant.find(',').unwrap();
            for member in [&variant[..middle], &variant[middle..]] {
                let mut encoder = GzEncoder::new(&mut bytes, Compression::fast());
                encoder.write_all(member.as_bytes()).unwrap();
                encoder.finish().unwrap();
            }
            let source = open(&replay_of(folder.write("trace.txt", bytes), name)).unwrap();
            assert_eq!(drain(source).unwrap().0, expected, "{name}, compressed");
        }
    }
}

#[test]
fn units_of_time_are_those_of_the_format() {
    assert_eq!(arrivals_s(&requests_of(OWN)), [0.0, 1.5, 10.25]);
    assert_eq!(arrivals_s(&requests_of(AZURE)), [0.0, 0.509_93]);
    assert_eq!(arrivals_s(&requests_of(MOONCAKE)), [0.0, 0.000_5]);
    assert_eq!(arrivals_s(&requests_of(BURSTGPT)), [0.0, 40.0]);
    assert_eq!(arrivals_s(&requests_of(SHAREGPT)), [0.0, 0.301_012_143]);
}

#[test]
fn columns_may_stand_in_any_order_beside_others_and_be_quoted() {
    let text = "note,output_tokens,\"arrival_s\",priority,input_tokens,class,max_tokens\n\
                \"a, \"\"b\"\"\nc\",5,1e1,-1, 100 ,chat,9\n\
                ,6,\"11.5\",,\"200\",,\n";
    let requests = requests_of(text);
    assert_eq!(arrivals_s(&requests), [0.0, 1.5]);
    assert_eq!(lengths(&requests), [(100, 5), (200, 6)]);
    assert_eq!((requests[0].max_tokens, requests[0].stops), (9, true));
    assert_eq!((requests[1].max_tokens, requests[1].stops), (6, false));
}

#[test]
fn segments_name_content() {
    let text = "arrival_s,input_tokens,output_tokens,segments\n\
                0,591,5,sys3:100;p37:491\n\
                1,60,5,sys3@40:60\n\
                2,105,5,sys3:100;out.0:5\n\
                3,9,5,\n";
    let requests = requests_of(text);
    let segments: Vec<_> = requests.iter().map(|request| request.prompt.segments()).collect();
    let [Some(first), Some(second), Some(third), None] = segments[..] else {
        panic!("{segments:?}");
    };
    assert_eq!((first[0].offset, first[0].tokens, first[1].tokens), (0, 100, 491));
    assert_ne!(first[0].content, first[1].content);
    assert_eq!(
        second,
        [Segment {
            content: first[0].content,
            offset: 40,
            tokens: 60
        }]
    );
    assert_eq!(third[0], first[0]);
    assert_eq!(third[1].content, ContentId::output_of(RequestId(0)));
}

#[test]
fn outputs_of_rows_become_outputs_of_requests() {
    let text = "arrival_s,input_tokens,output_tokens,segments\n\
                0,5,5,a:5\n\
                bad,5,5,\n\
                9,5,5,a:5\n\
                4,20,5,out.0:5;out.1:5;out.2:5;out.2:5\n";
    let contents = |change: fn(&mut Replay)| {
        let requests = replay_text(text, |replay| {
            replay.skip_bad_rows = true;
            replay.sort = true;
            change(replay);
        });
        let requests = requests.unwrap();
        let shared = requests.iter().find(|request| request.prompt.tokens() == 20).unwrap();
        let segments = shared.prompt.segments().unwrap().iter();
        segments.map(|segment| segment.content.producer()).collect::<Vec<_>>()
    };
    let id = |id| Some(RequestId(id));
    assert_eq!(contents(|_| {}), [id(0), None, id(2), id(2)]);
    let start = |replay: &mut Replay| replay.start = Span::from_seconds(1.0).unwrap();
    assert_eq!(contents(start), [None, None, id(1), id(1)]);
}

#[test]
fn mooncake_blocks_and_token_ids_become_content() {
    let requests = requests_of(MOONCAKE);
    let first = requests[0].prompt.segments().unwrap();
    let second = requests[1].prompt.segments().unwrap();
    assert_eq!(
        first.iter().map(|segment| segment.tokens).collect::<Vec<_>>(),
        [512, 88]
    );
    assert_eq!(first[0], second[0]);
    assert_ne!(first[1].content, second[1].content);

    let row = |at: u64, ids: &[u32]| {
        format!(
            "{{\"input_toks\": {}, \"output_toks\": 1, \"arrival_time_ns\": {at}, \"input_tok_ids\": {ids:?}}}\n",
            ids.len()
        )
    };
    let mut ids: Vec<u32> = (0..40).collect();
    let mut text = row(0, &ids);
    ids[20] += 1;
    text += &row(1, &ids);
    let requests = requests_of(text);
    let [first, second] = [0, 1].map(|index: usize| requests[index].prompt.segments().unwrap());
    let same: Vec<bool> = first.iter().zip(second).map(|(a, b)| a == b).collect();
    assert_eq!(
        same,
        [true, false, false],
        "prefixes differ from the changed block on, for good"
    );
    assert_eq!(
        first.iter().map(|segment| segment.tokens).collect::<Vec<_>>(),
        [16, 16, 8]
    );
}

#[test]
fn start_speedup_and_limit_change_the_replay() {
    let start = |replay: &mut Replay| replay.start = Span::from_seconds(1.0).unwrap();
    assert_eq!(arrivals_s(&replay_text(OWN, start).unwrap()), [0.0, 8.75]);
    let speedup = |replay: &mut Replay| replay.speedup = 2.0;
    assert_eq!(arrivals_s(&replay_text(OWN, speedup).unwrap()), [0.0, 0.75, 5.125]);
    let limit = |replay: &mut Replay| replay.limit = Some(2);
    assert_eq!(lengths(&replay_text(OWN, limit).unwrap()), [(100, 5), (200, 6)]);
    let max_tokens = |replay: &mut Replay| replay.max_tokens = Some(6);
    let stops = replay_text(OWN, max_tokens).unwrap();
    let stops: Vec<_> = stops
        .iter()
        .map(|request| (request.output_tokens, request.stops))
        .collect();
    assert_eq!(stops, [(5, true), (6, false), (6, false)]);
}

#[test]
fn sorting_is_stable_and_starts_at_the_earliest() {
    let text = "arrival_s,input_tokens,output_tokens\n5,1,1\n3,2,1\n5,3,1\n4,4,1\n";
    let requests = replay_text(text, |replay| replay.sort = true).unwrap();
    assert_eq!(arrivals_s(&requests), [0.0, 1.0, 2.0, 2.0]);
    assert_eq!(
        requests
            .iter()
            .map(|request| request.prompt.tokens())
            .collect::<Vec<_>>(),
        [2, 4, 1, 3]
    );
}

#[test]
fn what_is_skipped_is_counted_and_remembered() {
    let folder = Folder::new();
    let mut replay = Replay::new(folder.write(
        "trace.csv",
        "arrival_s,input_tokens,output_tokens\n0,1,1\n1,x,1\n2,1,0\n3,1,1\n4\n",
    ));
    replay.skip_bad_rows = true;
    let (requests, source) = drain(open(&replay).unwrap()).unwrap();
    assert_eq!(arrivals_s(&requests), [0.0, 3.0]);
    let skipped = source.skipped();
    let lines: Vec<u64> = skipped.first.iter().map(|error| error.line).collect();
    assert_eq!((skipped.bad_rows, lines), (3, vec![3, 4, 6]));
    let burstgpt = open(&Replay::new(folder.write("burst.csv", BURSTGPT))).unwrap();
    assert_eq!(drain(burstgpt).unwrap().1.skipped().failed_requests, 1);
}

#[test]
fn settings_of_a_replay_are_checked() {
    let key = |change: fn(&mut Replay)| {
        let mut replay = Replay::new("trace.csv");
        change(&mut replay);
        replay.validate().expect_err("must be refused").key
    };
    assert_eq!(key(|replay| replay.speedup = 0.0), "speedup");
    assert_eq!(key(|replay| replay.speedup = f64::NAN), "speedup");
    assert_eq!(key(|replay| replay.limit = Some(0)), "limit");
    assert_eq!(key(|replay| replay.max_tokens = Some(0)), "max_tokens");
}
