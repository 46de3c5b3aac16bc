//! Bad input gives exit code 2 and a message that names the place and the remedy: never a panic, never a half-written file.

use crate::command::{Ended, Workplace};

const GOOD: &str = r#"name = "good"
seed = 1
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
max_model_len = 8192
[batching]
policy = "continuous"
[workload]
requests = 10
arrivals = { process = "poisson", rate = 1.0 }
prompt = { dist = "fixed", value = 100 }
output = { dist = "fixed", value = 10 }
[slo]
"ttft.p99" = "2s"
"#;

/// A good scenario with one thing wrong: what is replaced, by what, the place and a part of the remedy.
const SCENARIOS: &[(&str, &str, &str, &str)] = &[
    // Form.
    ("seed = 1", "seed = ", "2:8", "key = value"),
    ("seed = 1", "seed = 1\nseed = 2", "3:1", "keep one"),
    ("[server]", "[server", "5:8", "tables as [name]"),
    ("seed = 1", "seed = 1 2", "2:10", "key = value"),
    ("seed = 1", "= 1", "2:1", "key = value"),
    ("\"good\"", "good", "1:8", "\"quotes\""),
    // Names of keys.
    ("seed = 1", "sed = 1", "2:1", "did you mean `seed`"),
    ("max_model_len", "max_modell_len", "7:1", "did you mean `max_model_len`"),
    ("requests = 10", "request = 10", "11:1", "did you mean `requests`"),
    ("seed = 1", "max_num_seqs = 1", "2:1", "belongs to [batching]"),
    ("max_model_len", "max_num_seqs", "7:1", "belongs to [batching]"),
    ("[slo]", "[slos]", "15:1", "did you mean `slo`"),
    ("[model]", "[[model]]", "3:1", "must be a table"),
    ("rate = 1.0", "rat = 1.0", "12:12", "write rate = 8.0"),
    ("rate = 1.0", "rate = 1.0, cv = 2.0", "12:48", "known keys: process, rate"),
    ("policy = \"continuous\"", "polcy = \"none\"", "9:1", "did you mean `policy`"),
    // Types.
    ("seed = 1", "seed = \"1\"", "2:8", "a whole number from 0"),
    ("seed = 1", "seed = 1.5", "2:8", "a whole number from 0"),
    ("seed = 1", "seed = -1", "2:8", "a whole number from 0"),
    ("seed = 1", "seed = true", "2:8", "a whole number from 0"),
    ("seed = 1", "seed = 1979-05-27", "2:8", "a whole number from 0"),
    ("seed = 1", "seed = [1]", "2:8", "a whole number from 0"),
    ("seed = 1", "seed = 99999999999999999999", "2:8", "a whole number from 0"),
    ("name = \"good\"", "name = 7", "1:8", "text in \"quotes\""),
    ("\"good\"", "\"\"", "1:8", "text in \"quotes\""),
    ("gpu = \"h100-sxm\"", "gpu = 100", "6:7", "text in \"quotes\""),
    ("[server]\n", "[server]\ntensor_parallel = [1]\n", "6:19", "a whole number from 1"),
    ("policy = \"continuous\"", "prefix_caching = \"yes\"", "9:18", "true or false"),
    ("{ dist = \"fixed\", value = 100 }", "100", "13:10", "must be a table"),
    ("{ process = \"poisson\", rate = 1.0 }", "\"poisson\"", "12:12", "must be a table"),
    // Ranges.
    ("max_model_len = 8192", "max_model_len = 0", "7:17", "from 1 to"),
    ("max_model_len = 8192", "max_model_len = 4000000000", "7:17", "from 1 to"),
    ("requests = 10", "requests = 0", "11:12", "from 1 to"),
    ("requests = 10", "requests = 1e300", "11:12", "from 1 to"),
    ("rate = 1.0", "rate = 0", "12:42", "above 0"),
    ("rate = 1.0", "rate = -3.5", "12:42", "above 0"),
    ("rate = 1.0", "rate = nan", "12:42", "above 0"),
    ("rate = 1.0", "rate = inf", "12:42", "above 0"),
    ("rate = 1.0", "rate = 1e400", "12:42", "above 0"),
    ("value = 100", "value = 0", "13:36", "from 1 to"),
    ("policy = \"continuous\"", "watermark = 1.5", "9:13", "from 0 to 1"),
    ("policy = \"continuous\"", "max_num_seqs = 0", "9:16", "from 1 to"),
    ("policy = \"continuous\"", "policy = \"none\"\nmax_batch_size = 0", "10:18", "from 1 to"),
    ("[server]\n", "[server]\ngpu_memory_utilization = 1.2\n", "6:26", "to 1"),
    ("[server]\n", "[server]\nblock_size = 0\n", "6:14", "from 1 to"),
    ("[server]\n", "[server]\nkv_blocks = 1\n", "6:13", "from 2 to"),
    // Units.
    ("\"2s\"", "2", "16:14", "write \"2s\""),
    ("\"2s\"", "\"2\"", "16:14", "write \"2s\""),
    ("\"2s\"", "\"2 parsecs\"", "16:14", "units: ns, us, ms, s"),
    ("\"2s\"", "\"-2s\"", "16:14", "write a number and its unit"),
    ("\"2s\"", "\"1e9d\"", "16:14", "at most 200 days"),
    ("requests = 10", "duration = 600", "11:12", "write \"600s\""),
    ("requests = 10", "duration = \"0s\"", "11:12", "longer than 0"),
    ("policy = \"continuous\"", "max_wait = 0", "9:12", "write \"0s\""),
    // Words.
    ("\"continuous\"", "\"dynamic\"", "9:10", "none, static, continuous"),
    ("\"poisson\"", "\"poison\"", "12:24", "did you mean `poisson`"),
    ("dist = \"fixed\", value = 100", "dist = \"normal\"", "13:19", "lognormal"),
    ("\"h100-sxm\"", "\"h100\"", "6:7", "h100-sxm"),
    ("\"llama-3.1-8b\"", "\"llama-3.1-8\"", "4:8", "llama-3.1-8b"),
    ("[server]", "weights = \"fp7\"\n[server]", "5:11", "bf16, fp8, int8, int4, mxfp4"),
    ("[server]", "kv_cache = \"int4\"\n[server]", "5:12", "bf16, fp8"),
    ("ttft.p99", "tftt.p99", "16:1", "ttft, tpot, itl, e2e, queue_wait"),
    ("ttft.p99", "ttft.p98", "16:1", "p95, p99"),
    ("ttft.p99", "ttft", "16:1", "ttft.p99"),
    // Missing keys.
    ("name = \"llama-3.1-8b\"", "", "3:1", "tailcast models"),
    ("gpu = \"h100-sxm\"", "", "5:1", "tailcast gpus"),
    ("requests = 10", "", "10:1", "requests = 10000"),
    ("arrivals = { process = \"poisson\", rate = 1.0 }", "", "10:1", "write arrivals"),
    ("value = 100", "min = 1", "13:10", "write value = 512"),
    ("process = \"poisson\", rate = 1.0", "process = \"closed\"", "12:12", "write concurrency"),
    ("process = \"poisson\", rate = 1.0", "process = \"stages\", stages = []", "12:12", "stages"),
    // What does not go together.
    ("value = 100", "value = 100, min = 9, max = 3", "13:61", "min"),
    ("requests = 10", "requests = 10\ntrace = { path = \"t.csv\" }", "13:12", "remove"),
    ("name = \"llama-3.1-8b\"", "name = \"llama-3.1-8b\"\nconfig = \"c.json\"", "5:10", "keep one"),
    ("[server]\n", "[server]\ntensor_parallel = 3\n", "6:19", "divisor"),
    ("[server]\n", "[server]\ntensor_parallel = 2\ntensor_parallel_size = 2\n", "7:24", "keep one"),
    ("[server]\n", "[server]\nkv_blocks = 100\n", "6:13", "kv_blocks = 513 or more"),
    ("policy = \"continuous\"", "max_num_seqs = 64\nmax_num_batched_tokens = 32", "10:26", "max_num_seqs = 32"),
    ("policy = \"continuous\"", "chunked_prefill = false\nmax_num_batched_tokens = 2048", "10:26", "8192 or more"),
    ("policy = \"continuous\"", "long_prefill_token_threshold = 9000", "9:32", "up to 8192"),
    ("rate = 1.0", "rate = 1e-7", "12:42", "at most 200 days"),
    ("[server]\n", "[server]\nstep_time = { base_us = 1e12 }\n", "6:25", "from 0 to"),
    ("[server]\n", "[server]\nstep_time = { per_token_us = 8e10 }\n", "5:1", "smaller"),
    ("[server]\n", "[server]\nstep_time = { base_us = 0 }\n", "6:13", "base_us = 8000"),
    // What does not exist yet must not be passed over in silence.
    ("policy = \"continuous\"", "profile = \"vllm-0.19\"", "9:11", "not supported yet"),
    ("policy = \"continuous\"", "async_scheduling = true", "9:20", "not supported yet"),
    ("policy = \"continuous\"", "scheduling = \"priority\"", "9:14", "not supported yet"),
    ("policy = \"continuous\"", "speculative = { tokens = 3 }", "9:15", "not supported yet"),
    ("requests = 10", "requests = 10\nprefix = { pool = 3 }", "12:10", "not supported yet"),
    ("requests = 10", "requests = 10\nsession = { turns = 3 }", "12:11", "not supported yet"),
    ("requests = 10", "requests = 10\ntimeout = \"300s\"", "12:11", "not supported yet"),
    ("[server]\n", "[server]\nstep_time = \"fitted.toml\"\n", "6:13", "not supported yet"),
];

/// A command line that is wrong, and a part of the remedy. `good.toml` is a good scenario.
const COMMAND_LINES: &[(&[&str], &str)] = &[
    (&["run", "good.toml", "--set", "batching.max_num_sqs=3"], "--set:1:10"),
    (&["run", "good.toml", "--set", "nonsense"], "write --set key=value"),
    (&["run", "good.toml", "--set", "=3"], "--set:1"),
    (&["run", "good.toml", "--set", "a..b=3"], "--set:1"),
    (&["run", "good.toml", "--set", "batching=3"], "must be a table"),
    (&["run", "good.toml", "--set", "server.gpu.name=3"], "text in \"quotes\""),
    (&["run", "good.toml", "--set", "workload.prompt.value=many"], "the text \"many\""),
    (&["run", "good.toml", "--max-num-seqs", "few"], "--max-num-seqs:1"),
    (&["run", "good.toml", "--kv-cache-dtype", "int3"], "allowed: bf16, fp8"),
    (&["run", "good.toml", "--seed", "-1"], "--seed"),
    (&["run", "good.toml", "--slo", "ttft.p99"], "--slo 'ttft.p99<2s'"),
    (&["run", "good.toml", "--slo", "ttft.p99<2"], "write \"2s\""),
    (&["run", "good.toml", "--slo", "speed.p99<2s"], "ttft, tpot, itl, e2e, queue_wait"),
    (&["run", "good.toml", "--slo", "\"<2s"], "write a latency"),
    (&["run", "good.toml", "--seeds", "0"], "--seeds"),
    (&["run", "good.toml", "--jobs", "0"], "--jobs"),
    (&["run", "good.toml", "--format", "yaml"], "possible values: text, json"),
    (&["run", "good.toml", "--sed", "3"], "--seed"),
    (&["run", "good.toml", "--timeline-interval", "1"], "write \"1s\""),
    (&["run", "good.toml", "--timeline-interval", "0s"], "100us or more"),
    (&["run", "good.toml", "--requests-out", "no/such/folder.csv"], "a directory that exists"),
    (&["run", "good.toml", "--requests-out", "."], "a directory"),
    (&["run", "good.toml", "--requests-out", ""], "a directory"),
    (&["run", "good.toml", "--requests-out", "good.toml"], "overwrite the scenario"),
    (&["run", "good.toml", "--requests-out", "a.csv", "--timeline-out", "./a.csv"], "another name"),
    (&["run", "good.toml", "--seeds", "2", "--requests-out", "a.csv"], "leave --seeds out"),
    (&["run", "missing.toml"], "tailcast init"),
    (&["run", "."], "is a directory"),
    (&["check"], "Usage"),
    (&["check", "missing.toml"], "tailcast init"),
    (&["init", "good.toml"], "--force"),
    (&["init", "no/such/folder.toml"], "a directory that exists"),
    (&["gpus", "h100"], "h100-sxm"),
    (&["models", "lama-3.1-8b"], "llama-3.1-8b"),
    (&["trace", "info", "missing.csv"], "missing.csv"),
    (&["trace", "info", "good.toml"], "no known trace format"),
    (&["trace", "info", "good.toml", "--trace-format", "parquet"], "csv, azure, mooncake, burstgpt, sharegpt"),
    (&["steps", "missing.json"], "missing.json"),
    (&["steps", "good.toml"], "good.toml"),
];

/// A trace that is wrong, by its text, the place and a part of the remedy.
const TRACES: &[(&str, &str, &str)] = &[
    ("", "trace.csv", "empty"),
    ("a,b,c\n1,2,3\n", "trace.csv:1", "no known trace format"),
    ("arrival_s,input_tokens,output_tokens\n", "trace.csv", "no rows"),
    ("arrival_s,input_tokens,output_tokens\n0,5,5\nx,5,5\n", "trace.csv:3:1", "arrival_s"),
    ("arrival_s,input_tokens,output_tokens\n0,5,5\n1,-5,5\n", "trace.csv:3:2", "input_tokens"),
    ("arrival_s,input_tokens,output_tokens\n0,5,5\n1,5,99999999999\n", "trace.csv:3:3", "output_tokens"),
    ("arrival_s,input_tokens,output_tokens\n5,5,5\n1,5,5\n", "trace.csv:3", "sort"),
    ("arrival_s,input_tokens,output_tokens\n0,5,5\n1e9,5,5\n", "trace.csv:3", "200 days"),
    ("arrival_s,input_tokens,output_tokens\n0,5\n", "trace.csv:2", "fields"),
    ("TIMESTAMP,ContextTokens,GeneratedTokens\nyesterday,5,5\n", "trace.csv:2:1", "TIMESTAMP"),
    ("{\"timestamp\": 0, \"input_length\": 5}\n", "trace.csv:1", "output_length"),
];

fn must_be_refused(place: &Workplace, what: &str, arguments: &[&str], parts: &[&str]) {
    let before = place.listing();
    let ended = place.run(arguments);
    let Ended { code, stdout, stderr } = &ended;
    assert_eq!(*code, Some(2), "{what}\n{stderr}");
    assert!(!stderr.contains("panicked"), "{what}\n{stderr}");
    assert_eq!(stdout, "", "{what}: results of bad input");
    assert!(stderr.starts_with("error: "), "{what}\n{stderr}");
    for part in parts {
        assert!(stderr.contains(part), "{what}: no {part:?} in\n{stderr}");
    }
    assert_eq!(place.listing(), before, "{what}: a file was left behind");
}

#[test]
fn bad_scenarios_are_refused_at_their_place() {
    let place = Workplace::new();
    for (good, bad, at, remedy) in SCENARIOS {
        assert!(GOOD.contains(good), "{good:?} is not part of the good scenario");
        place.write("bad.toml", GOOD.replacen(good, bad, 1));
        let arguments = ["run", "bad.toml", "--requests-out", "requests.csv", "--timeline-out", "timeline.csv"];
        let at = format!("bad.toml:{at}\n");
        must_be_refused(&place, bad, &arguments, &[&at, remedy]);
    }
}

#[test]
fn bad_command_lines_are_refused() {
    let place = Workplace::new();
    place.write("good.toml", GOOD);
    for (arguments, remedy) in COMMAND_LINES {
        must_be_refused(&place, &arguments.join(" "), arguments, &[remedy]);
    }
}

#[test]
fn bad_traces_are_refused_at_their_place() {
    let place = Workplace::new();
    let head = &GOOD[..GOOD.find("requests").unwrap()];
    place.write("scenario.toml", format!("{head}trace = {{ path = \"trace.csv\" }}\n"));
    for (text, at, remedy) in TRACES {
        place.write("trace.csv", text);
        let arguments = ["run", "scenario.toml", "--requests-out", "requests.csv", "--timeline-out", "timeline.csv"];
        must_be_refused(&place, text, &arguments, &[at, remedy]);
        must_be_refused(&place, text, &["check", "scenario.toml"], &[at, remedy]);
    }
}

#[test]
fn rows_that_cannot_be_read_are_left_out_only_on_demand() {
    let place = Workplace::new();
    let head = &GOOD[..GOOD.find("requests").unwrap()];
    place.write("scenario.toml", format!("{head}trace = {{ path = \"trace.csv\" }}\n"));
    place.write("trace.csv", "arrival_s,input_tokens,output_tokens\n0,5,5\n1,x,5\n2,5,5\n");
    let arguments = ["run", "scenario.toml", "--skip-bad-rows", "--format", "json"];
    let ended = place.run(&arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("1 rows"), "{}", ended.stderr);
    assert!(ended.stdout.contains("\"arrived\": 2"), "{}", ended.stdout);
}

#[test]
fn bad_files_are_refused() {
    let place = Workplace::new();
    let deep = format!("x = {}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let files: [(&str, &[u8], &str); 7] = [
        ("empty.toml", b"", "is empty"),
        ("blank.toml", b" \n\t\n", "is empty"),
        ("latin.toml", b"name = \"caf\xe9\"", "UTF-8"),
        ("binary.toml", &[0, 159, 146, 150, 255], "UTF-8"),
        ("zeros.toml", &[0; 64], "not TOML"),
        ("json.toml", b"{\"name\": 1}", "not TOML"),
        ("deep.toml", deep.as_bytes(), "error"),
    ];
    for (name, content, remedy) in files {
        place.write(name, content);
        must_be_refused(&place, name, &["run", name], &[name, remedy]);
    }
}

#[test]
fn bad_catalogue_files_are_refused() {
    let place = Workplace::new();
    for (key, name, content) in [
        ("server.gpu", "gpu.toml", "title = 3"),
        ("server.gpu", "gpu.toml", "title = \"x\""),
        ("server.gpu", "gpu.toml", ""),
        ("model.config", "config.json", "{"),
        ("model.config", "config.json", "{\"hidden_size\": -4}"),
        ("model.config", "config.json", "[]"),
    ] {
        place.write(name, content);
        place.write("good.toml", GOOD);
        let assignment = format!("{key}={name}");
        let arguments = ["run", "good.toml", "--set", &assignment];
        must_be_refused(&place, content, &arguments, &[name, "--set:1"]);
    }
}

#[test]
fn truncated_scenarios_never_panic() {
    let place = Workplace::new();
    for end in (0..GOOD.len()).step_by(7) {
        place.write("cut.toml", &GOOD[..end]);
        let ended = place.run(&["run", "cut.toml", "-q"]);
        assert!(matches!(ended.code, Some(0 | 2)), "{end}: {}", ended.stderr);
        assert!(!ended.stderr.contains("panicked"), "{end}: {}", ended.stderr);
    }
}
