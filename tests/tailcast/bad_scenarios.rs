//! Scenarios with one thing wrong: the cases of `bad_input`.

/// A scenario without a fault.
pub const GOOD: &str = r#"name = "good"
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
pub const SCENARIOS: &[(&str, &str, &str, &str)] = &[
    // Form.
    ("seed = 1", "seed = ", "2:8", "key = value"),
    ("seed = 1", "seed = 1\nseed = 2", "3:1", "keep one"),
    ("[server]", "[server", "5:8", "tables as [name]"),
    ("seed = 1", "seed = 1 2", "2:8", "key = value"),
    ("seed = 1", "= 1", "2:1", "key = value"),
    ("\"good\"", "good", "1:8", "\"quotes\""),
    // Names of keys.
    ("seed = 1", "sed = 1", "2:1", "did you mean `seed`"),
    ("max_model_len", "max_modell_len", "7:1", "did you mean `max_model_len`"),
    ("requests = 10", "request = 10", "11:1", "did you mean `requests`"),
    ("seed = 1", "max_num_seqs = 1", "2:1", "belongs to [batching]"),
    ("max_model_len", "max_num_seqs", "7:1", "belongs to [batching]"),
    ("[slo]", "[slos]", "15:2", "did you mean `slo`"),
    ("[model]", "[[model]]", "3:1", "must be a table"),
    ("rate = 1.0", "rat = 1.0", "12:12", "write rate = 8.0"),
    (
        "rate = 1.0",
        "rate = 1.0, cv = 2.0",
        "12:47",
        "known keys: process, rate",
    ),
    (
        "policy = \"continuous\"",
        "polcy = \"none\"",
        "9:1",
        "did you mean `policy`",
    ),
    // Types.
    ("seed = 1", "seed = \"1\"", "2:8", "a whole number from 0"),
    ("seed = 1", "seed = 1.5", "2:8", "a whole number from 0"),
    ("seed = 1", "seed = -1", "2:8", "a whole number from 0"),
    ("seed = 1", "seed = true", "2:8", "a whole number from 0"),
    ("seed = 1", "seed = 1979-05-27", "2:8", "a whole number from 0"),
    ("seed = 1", "seed = [1]", "2:8", "a whole number from 0"),
    (
        "seed = 1",
        "seed = 99999999999999999999",
        "2:8",
        "a whole number from 0",
    ),
    ("name = \"good\"", "name = 7", "1:8", "text in \"quotes\""),
    ("\"good\"", "\"\"", "1:8", "text in \"quotes\""),
    ("gpu = \"h100-sxm\"", "gpu = 100", "6:7", "text in \"quotes\""),
    (
        "[server]\n",
        "[server]\ntensor_parallel = [1]\n",
        "6:19",
        "a whole number from 1",
    ),
    (
        "policy = \"continuous\"",
        "prefix_caching = \"yes\"",
        "9:18",
        "true or false",
    ),
    ("{ dist = \"fixed\", value = 100 }", "100", "13:10", "must be a table"),
    (
        "{ process = \"poisson\", rate = 1.0 }",
        "\"poisson\"",
        "12:12",
        "must be a table",
    ),
    // Ranges.
    ("max_model_len = 8192", "max_model_len = 0", "7:17", "from 1 to"),
    (
        "max_model_len = 8192",
        "max_model_len = 4000000000",
        "7:17",
        "from 1 to",
    ),
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
    (
        "policy = \"continuous\"",
        "policy = \"none\"\nmax_batch_size = 0",
        "10:18",
        "from 1 to",
    ),
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
    (
        "dist = \"fixed\", value = 100",
        "dist = \"normal\"",
        "13:19",
        "lognormal",
    ),
    ("\"h100-sxm\"", "\"h100\"", "6:7", "h100-sxm"),
    ("\"llama-3.1-8b\"", "\"llama-3.1-8\"", "4:8", "llama-3.1-8b"),
    (
        "[server]",
        "weights = \"fp7\"\n[server]",
        "5:11",
        "bf16, mxfp8, fp8, int8, nvfp4, nf4, mxfp4, int4",
    ),
    ("[server]", "kv_cache = \"int4\"\n[server]", "5:12", "bf16, fp8"),
    ("ttft.p99", "tftt.p99", "16:1", "ttft, tpot, itl, e2e, queue_wait"),
    ("ttft.p99", "ttft.p98", "16:1", "p95, p99"),
    ("ttft.p99", "ttft", "16:1", "ttft.p99"),
    // Missing keys.
    ("name = \"llama-3.1-8b\"", "", "3:1", "tailcast models"),
    ("gpu = \"h100-sxm\"", "", "5:1", "tailcast gpus"),
    ("requests = 10", "", "10:1", "requests = 10000"),
    (
        "arrivals = { process = \"poisson\", rate = 1.0 }",
        "",
        "10:1",
        "write arrivals",
    ),
    ("value = 100", "min = 1", "13:10", "write value = 512"),
    (
        "process = \"poisson\", rate = 1.0",
        "process = \"closed\"",
        "12:12",
        "write concurrency",
    ),
    (
        "process = \"poisson\", rate = 1.0",
        "process = \"stages\", stages = []",
        "12:43",
        "stages",
    ),
    // What does not go together.
    ("value = 100", "value = 100, min = 9, max = 3", "13:56", "min"),
    (
        "requests = 10",
        "requests = 10\ntrace = { path = \"t.csv\" }",
        "13:12",
        "remove",
    ),
    (
        "name = \"llama-3.1-8b\"",
        "name = \"llama-3.1-8b\"\nconfig = \"c.json\"",
        "5:10",
        "keep one",
    ),
    ("[server]\n", "[server]\ntensor_parallel = 3\n", "6:19", "divisor"),
    (
        "[server]\n",
        "[server]\ntensor_parallel = 2\ntensor_parallel_size = 2\n",
        "7:1",
        "keep one",
    ),
    (
        "[server]\n",
        "[server]\nkv_blocks = 100\n",
        "6:13",
        "kv_blocks = 513 or more",
    ),
    (
        "policy = \"continuous\"",
        "max_num_seqs = 64\nmax_num_batched_tokens = 32",
        "10:26",
        "max_num_seqs = 32",
    ),
    (
        "policy = \"continuous\"",
        "chunked_prefill = false\nmax_num_batched_tokens = 2048",
        "10:26",
        "8192 or more",
    ),
    (
        "policy = \"continuous\"",
        "long_prefill_token_threshold = 9000",
        "9:32",
        "up to 8192",
    ),
    ("rate = 1.0", "rate = 1e-7", "11:12", "at most 200 days"),
    (
        "[server]\n",
        "[server]\nstep_time = { base_us = 1e12 }\n",
        "6:25",
        "from 0 to",
    ),
    (
        "[server]\n",
        "[server]\nstep_time = { per_token_us = 8e10 }\n",
        "5:1",
        "smaller",
    ),
    (
        "[server]\n",
        "[server]\nstep_time = { base_us = 4.32e10 }\n",
        "5:1",
        "none may take more than 6",
    ),
    (
        "[server]\n",
        "[server]\nstep_time = { base_us = 0 }\n",
        "6:13",
        "base_us = 8000",
    ),
    // The settings of other engines.
    (
        "policy = \"continuous\"",
        "policy = \"orka\"",
        "9:10",
        "did you mean `orca`",
    ),
    (
        "policy = \"continuous\"",
        "policy = \"sarathi\"\nchunk_size = 16\nmax_num_seqs = 64",
        "10:14",
        "chunk_size = 64 or more",
    ),
    (
        "policy = \"continuous\"",
        "policy = \"sarathi\"\nmax_num_seqs = 600",
        "10:16",
        "max_num_seqs = 512 or less",
    ),
    (
        "policy = \"continuous\"",
        "policy = \"vllm-v0\"\nmax_num_batched_tokens = 2048",
        "10:26",
        "chunked_prefill = true",
    ),
    (
        "policy = \"continuous\"",
        "policy = \"tgi\"\nmax_batch_total_tokens = 5000",
        "10:26",
        "max_batch_total_tokens = 8192 or more",
    ),
    (
        "policy = \"continuous\"",
        "policy = \"trtllm\"\nmax_num_tokens = 8",
        "10:18",
        "max_num_tokens = 16 or more",
    ),
    (
        "policy = \"continuous\"",
        "policy = \"trtllm\"\ncapacity = \"no_evict\"",
        "10:12",
        "guaranteed_no_evict, max_utilization",
    ),
    (
        "policy = \"continuous\"",
        "policy = \"sglang\"\npage_size = 16\nchunked_prefill_size = 1000",
        "11:24",
        "chunked_prefill_size = 1008",
    ),
    (
        "policy = \"continuous\"",
        "policy = \"sglang\"\nschedule_policy = \"hrrn\"",
        "10:19",
        "allowed: fcfs, lpm, lof, dfs-weight",
    ),
    (
        "policy = \"continuous\"",
        "policy = \"sglang\"\nschedule_policy = \"lpm\"\nenable_priority_scheduling = true",
        "11:30",
        "with the orders fcfs and lof only",
    ),
    (
        "policy = \"continuous\"",
        "policy = \"continuous\"\nprofile = \"sglang-0.5.23\"",
        "10:11",
        "write policy = \"sglang\"",
    ),
    (
        "policy = \"continuous\"",
        "waiting_served_ratio = -0.1",
        "9:24",
        "a number from 0 to",
    ),
    // What does not exist yet must not be passed over in silence.
    (
        "requests = 10",
        "requests = 10\ntimeout = \"0s\"",
        "12:11",
        "longer than nothing",
    ),
    (
        "requests = 10",
        "requests = 10\ntimeout = \"11d\"",
        "12:11",
        "longer than 10 days",
    ),
    ("requests = 10", "requests = 10\ntimeout = 300", "12:11", "300s"),
    (
        "[server]\n",
        "[server]\nstep_time = \"fitted.toml\"\n",
        "6:13",
        "calibrate",
    ),
    // Numbers with hundreds of zeros.
    ("rate = 1.0", "rate = 1e300", "12:42", "not 1e300"),
    ("rate = 1.0", "rate = -1e-300", "12:42", "not -1e-300"),
    // What would not end, or means nothing.
    (
        "policy = \"continuous\"",
        "policy = \"static\"\nmax_wait = \"200d\"",
        "10:12",
        "write a shorter one",
    ),
    (
        "requests = 10\narrivals = { process = \"poisson\", rate = 1.0 }",
        "duration = \"200d\"\narrivals = { process = \"poisson\", rate = 1e9 }",
        "11:12",
        "write a lower rate, a shorter duration",
    ),
    (
        "requests = 10\narrivals = { process = \"poisson\", rate = 1.0 }",
        "arrivals = { process = \"stages\", stages = [{ rate = 1e9, duration = \"1d\" }] }",
        "11:43",
        "write a lower rate, a shorter duration",
    ),
    (
        "\"ttft.p99\" = \"2s\"",
        "\"ttft.p99\" = {}",
        "16:14",
        "write a number and its unit",
    ),
    (
        "\"ttft.p99\" = \"2s\"",
        "speed = {}",
        "16:9",
        "write a number and its unit",
    ),
    // What no request, or no draft, could do anything with.
    (
        "policy = \"continuous\"",
        "watermark = 1",
        "9:13",
        "write watermark = 0.01",
    ),
    (
        "policy = \"continuous\"",
        "speculative = { method = \"draft_model\", tokens = 3, acceptance = 0.5, draft_model = \"qwen3-0.6b\" }",
        "9:85",
        "a vocabulary of 151936 tokens and llama-3.1-8b one of 128256",
    ),
    (
        "max_model_len = 8192\n[batching]\npolicy = \"continuous\"",
        "max_model_len = 512\nkv_blocks = 64\n[batching]\npolicy = \"sglang\"\npage_size = 1024",
        "9:1",
        "pages of 1024 tokens (batching.page_size) leave no room for any request in a KV cache of 1008 tokens",
    ),
    (
        "policy = \"continuous\"",
        "policy = \"sglang\"\npage_size = 3",
        "10:13",
        "write chunked_prefill_size = 8193",
    ),
    (
        "max_model_len = 8192\n[batching]\npolicy = \"continuous\"",
        "max_model_len = 8192\nkv_blocks = 64\n[batching]\npolicy = \"static\"",
        "8:13",
        "max_model_len = 8192, which could never finish",
    ),
];
