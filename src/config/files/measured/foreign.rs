//! Files that are no results of ours to read, by the tool that wrote them, each with the way to what is.

use super::glance::{FileForm, Glance};

/// A file that holds no measured latencies of tokens.
pub struct Foreign {
    form: FileForm,
    /// Names that it has all of.
    names: &'static [&'static str],
    /// What it is.
    what: &'static str,
    /// Why it says nothing here.
    lacks: &'static str,
    /// What to do.
    way: &'static str,
}

const NO_TOKENS: &str = "it has no tokens and no time to the first of them, only how long whole answers took";
const OFFLINE: &str = "it times whole batches without a server, and no first tokens";
const SERVE: &str = "start the server, and measure it with `vllm bench serve --save-result --save-detailed`";
const SERVE_LLAMA: &str = "start llama-server, and measure it with `vllm bench serve --save-result --save-detailed`";
const NO_LATENCIES: &str = "it says what was asked, not how it was answered";
const MEASURE: &str = "measure the same traffic with `vllm bench serve --save-result --save-detailed`, guidellm, \
                       AIPerf or inference-perf, which stream the answers";
const REPLAY: &str =
    "replay it, by workload.trace = { path = \"FILE\" } in the scenario, and give here what was measured";

const fn tester(form: FileForm, names: &'static [&'static str], what: &'static str) -> Foreign {
    Foreign {
        form,
        names,
        what,
        lacks: NO_TOKENS,
        way: MEASURE,
    }
}

const fn trace(form: FileForm, names: &'static [&'static str], what: &'static str) -> Foreign {
    Foreign {
        form,
        names,
        what,
        lacks: NO_LATENCIES,
        way: REPLAY,
    }
}

/// All that are known by name; the first that fits is meant.
pub const FOREIGN: [Foreign; 37] = [
    tester(FileForm::Csv, &["metric_name", "metric_value"], "a result of k6"),
    tester(FileForm::Json, &["metrics", "root_group"], "a summary of k6"),
    tester(FileForm::Json, &["metric", "type", "data"], "a result of k6"),
    tester(FileForm::Csv, &["Request Count", "Failure Count"], "a result of locust"),
    tester(
        FileForm::Csv,
        &["User Count", "Total Request Count"],
        "a history of locust",
    ),
    tester(
        FileForm::Json,
        &["num_requests", "response_times"],
        "a result of locust",
    ),
    tester(FileForm::Json, &["latencies", "bytes_in"], "a report of vegeta"),
    tester(FileForm::Csv, &["response-time", "status-code"], "a result of hey"),
    tester(FileForm::Json, &["summary", "latencyPercentiles"], "a result of oha"),
    tester(FileForm::Csv, &["timeStamp", "elapsed", "label"], "a result of JMeter"),
    tester(FileForm::Json, &["type", "name", "stats"], "a result of Gatling"),
    tester(FileForm::Json, &["aggregate", "intermediate"], "a report of Artillery"),
    Foreign {
        form: FileForm::Json,
        names: &["n_prompt", "n_gen", "avg_ts"],
        what: "a result of llama-bench",
        lacks: OFFLINE,
        way: SERVE_LLAMA,
    },
    Foreign {
        form: FileForm::Json,
        names: &["engine", "request_info", "performance"],
        what: "a report of trtllm-bench",
        lacks: OFFLINE,
        way: "start trtllm-serve, and measure it with its benchmark_serving or `vllm bench serve --save-result \
              --save-detailed`",
    },
    Foreign {
        form: FileForm::Json,
        names: &["Number of concurrency", "Total requests"],
        what: "a summary of EvalScope",
        lacks: "its means are not told apart by whether the first token is in them",
        way: MEASURE,
    },
    Foreign {
        form: FileForm::Json,
        names: &["prompt_eval_count", "eval_count"],
        what: "answers of Ollama",
        lacks: "they say how long the server computed, not how long clients waited",
        way: REPLAY,
    },
    Foreign {
        form: FileForm::Json,
        names: &["per_combination_metrics"],
        what: "a sweep's summary of AIPerf",
        lacks: "the numbers of its runs stand beside it",
        way: "give the profile_export_aiperf.json of each run",
    },
    Foreign {
        form: FileForm::Json,
        names: &["avg_latency", "percentiles"],
        what: "a result of `vllm bench latency`",
        lacks: OFFLINE,
        way: SERVE,
    },
    Foreign {
        form: FileForm::Json,
        names: &["elapsed_time", "tokens_per_second"],
        what: "a result of `vllm bench throughput`",
        lacks: OFFLINE,
        way: SERVE,
    },
    Foreign {
        form: FileForm::Json,
        names: &["experiments", "version"],
        what: "genai-perf's raw export",
        lacks: "it has stamps of answers, not the number of their tokens",
        way: "give profile_export_genai_perf.json, which genai-perf writes beside it",
    },
    Foreign {
        form: FileForm::Json,
        names: &["schema", "tool", "scenario_hash"],
        what: "a result of tailcast",
        lacks: "it is a prediction, not a measurement",
        way: "give what was measured; of a run in the place of a measurement, what --requests-out writes",
    },
    Foreign {
        form: FileForm::Csv,
        names: &["batch", "context"],
        what: "a table of steps",
        lacks: "it says how long steps took, not how requests were answered",
        way: "give it to `tailcast calibrate`, which fits step times to it",
    },
    trace(FileForm::Csv, &["ContextTokens", "GeneratedTokens"], "a trace of Azure"),
    trace(
        FileForm::Csv,
        &["Request tokens", "Response tokens"],
        "a trace of BurstGPT",
    ),
    trace(
        FileForm::Csv,
        &["num_prefill_tokens", "num_decode_tokens"],
        "a trace of Vidur",
    ),
    trace(FileForm::Csv, &["prompt_size", "token_size"], "a trace of Splitwise"),
    trace(FileForm::Json, &["chat_id", "parent_chat_id"], "a trace of Bailian"),
    trace(
        FileForm::Json,
        &["input_length", "output_length"],
        "a trace in Mooncake's form",
    ),
    trace(FileForm::Json, &["conversations"], "a file of texts (ShareGPT)"),
    trace(FileForm::Json, &["conversation"], "a file of texts (LMSYS, WildChat)"),
    trace(FileForm::Json, &["timestamp", "requests"], "a workload of AIBrix"),
    trace(FileForm::Json, &["resourceSpans"], "an export of spans (OpenTelemetry)"),
    Foreign {
        form: FileForm::Csv,
        names: &["prompt_tokens", "completion_tokens"],
        what: "a log of an OpenAI-style API",
        lacks: "it does not say when first tokens came",
        way: REPLAY,
    },
    Foreign {
        form: FileForm::Json,
        names: &["usage"],
        what: "a log of an OpenAI-style API",
        lacks: "it does not say when first tokens came",
        way: REPLAY,
    },
    trace(
        FileForm::Csv,
        &["arrival_s", "input_tokens", "output_tokens"],
        "a trace of tailcast's own form",
    ),
    trace(FileForm::Csv, &["Weibull"], "a window of ServeGen"),
    trace(FileForm::Csv, &["Gamma"], "a window of ServeGen"),
];

/// Texts that tools print, by words of theirs.
const PRINTED: [(&str, &str); 4] = [
    ("MLPerf Results Summary", "a summary of MLPerf's LoadGen"),
    ("This is ApacheBench", "what ApacheBench prints"),
    (" threads and ", "what wrk prints"),
    ("Requests/sec:", "what wrk or hey prints"),
];

/// What a text is that some tool prints, and why it says nothing here, with the way.
pub fn printed(name: &str, content: &str) -> Option<(String, &'static str)> {
    let (_, what) = PRINTED.iter().find(|(words, _)| content.contains(words))?;
    let message = format!("{name} is {what}, not a result that can be compared: {NO_TOKENS}");
    Some((message, MEASURE))
}

impl Foreign {
    /// The one that has these names, if it is known.
    pub fn of(glance: &Glance) -> Option<&'static Self> {
        FOREIGN.iter().find(|known| glance.is(known.form, known.names))
    }

    /// What is wrong with the file that messages call `name`.
    pub fn message(&self, name: &str) -> String {
        format!(
            "{name} is {}, not a result that can be compared: {}",
            self.what, self.lacks
        )
    }

    /// What to do.
    pub const fn way(&self) -> &'static str {
        self.way
    }
}
