//! Files of other tools that are no traces: whose they are, and what to do with them.

use super::first_line::{FirstLine, Needs};

/// A file of another tool.
struct Foreign {
    /// Whose it is, as what stands after "is".
    what: &'static str,
    /// The names in its first line.
    needs: Needs,
    /// Why it is no traffic, and the one thing to do.
    instead: &'static str,
}

const NO_TOKENS: &str = "it does not say how many tokens requests had, so there is nothing to replay: give the log of \
                         the server or gateway behind it (a time, prompt_tokens and completion_tokens a request), or \
                         write its rate as workload.arrivals beside workload.prompt and workload.output";
const SUMMARY: &str = "that is no trace, but something measured: give it to `tailcast calibrate` or `tailcast \
                       validate`, and write the load that was sent as workload.arrivals, prompt and output";
const SUMMARY_OF_AIPERF: &str = "that is no trace, but something measured: the requests are in profile_export.jsonl \
                                 beside it, which is read as a trace; give this file to `tailcast calibrate` or \
                                 `tailcast validate`";

/// More particular ones first.
static FOREIGN: [Foreign; 22] = [
    Foreign {
        what: "a result of k6",
        needs: Needs::Columns(&[&["metric_name"], &["metric_value"]]),
        instead: NO_TOKENS,
    },
    Foreign {
        what: "a result of k6",
        needs: Needs::Keys(&[&["type"], &["metric"], &["data"]]),
        instead: NO_TOKENS,
    },
    Foreign {
        what: "a summary of k6",
        needs: Needs::Keys(&[&["metrics.http_reqs"]]),
        instead: NO_TOKENS,
    },
    Foreign {
        what: "a result of Locust",
        needs: Needs::Columns(&[&["Type"], &["Name"], &["Request Count", "Requests/s", "# Requests"]]),
        instead: NO_TOKENS,
    },
    Foreign {
        what: "a result of JMeter",
        needs: Needs::Columns(&[&["timeStamp"], &["elapsed"], &["label"]]),
        instead: NO_TOKENS,
    },
    Foreign {
        what: "a result of AIPerf (or genai-perf)",
        needs: Needs::Columns(&[&["Metric"], &["avg"]]),
        instead: SUMMARY_OF_AIPERF,
    },
    Foreign {
        what: "a result of AIPerf (or genai-perf)",
        needs: Needs::Keys(&[&["request_latency"], &["request_throughput", "time_to_first_token"]]),
        instead: SUMMARY_OF_AIPERF,
    },
    Foreign {
        what: "a result of guidellm",
        needs: Needs::Keys(&[&["benchmarks"]]),
        instead: SUMMARY,
    },
    Foreign {
        what: "a result of inference-perf",
        needs: Needs::Keys(&[&["load_summary"], &["successes", "failures"]]),
        instead: SUMMARY,
    },
    Foreign {
        what: "a summary of LLMPerf",
        needs: Needs::Keys(&[
            &["num_concurrent_requests"],
            &["mean_input_tokens", "results_ttft_s_mean"],
        ]),
        instead: SUMMARY,
    },
    Foreign {
        what: "a list of LLMPerf's requests",
        needs: Needs::Keys(&[&["number_input_tokens"], &["number_output_tokens"], &["ttft_s"]]),
        instead: SUMMARY,
    },
    Foreign {
        what: "a result of SGLang's bench_serving",
        needs: Needs::Keys(&[
            &["request_throughput"],
            &[
                "total_output_tokens_retokenized",
                "mean_e2e_latency_ms",
                "sharegpt_output_len",
            ],
        ]),
        instead: SUMMARY,
    },
    Foreign {
        what: "a result of `vllm bench serve`",
        needs: Needs::Keys(&[
            &["request_throughput"],
            &["mean_ttft_ms", "burstiness", "num_prompts"],
            &["endpoint_type"],
        ]),
        instead: SUMMARY,
    },
    Foreign {
        what: "a result of InferenceX (InferenceMAX)",
        needs: Needs::Keys(&[&["tput_per_gpu", "mean_ttft", "median_ttft", "mean_ttft_s"]]),
        instead: SUMMARY,
    },
    Foreign {
        what: "a result in the form of `vllm bench serve`",
        needs: Needs::Keys(&[&["request_throughput"]]),
        instead: SUMMARY,
    },
    Foreign {
        what: "a result of `vllm bench latency` or `throughput`",
        needs: Needs::Keys(&[&["avg_latency", "elapsed_time"], &["latencies", "requests_per_second"]]),
        instead: SUMMARY,
    },
    Foreign {
        what: "a window's lengths of ServeGen",
        needs: Needs::Keys(&[&["0"]]),
        instead: "it holds distributions of lengths alone: name the chunk-N-trace.csv beside it as the trace, and \
                  write lengths like these as workload.prompt and workload.output",
    },
    Foreign {
        what: "an agentic trace of WEKA's kind (a conversation a line)",
        needs: Needs::Keys(&[&["requests"], &["id"]]),
        instead: "its requests have t, in, out and hash_ids, and those of sub-agents wait for one another: write a \
                  row a request with timestamp (in milliseconds), input_length, output_length and hash_ids, and \
                  session_id with delay where one waits for the one before",
    },
    Foreign {
        what: "an input of AIPerf with several turns",
        needs: Needs::Keys(&[&["turns"], &["session_id", "texts"]]),
        instead: "it holds texts to send: give the profile_export.jsonl of a run with it, or write the texts as \
                  messages, whose tokens are estimated",
    },
    Foreign {
        what: "an input of AIPerf",
        needs: Needs::Keys(&[&["text"], &["output_length", "timestamp", "delay"]]),
        instead: "it holds texts to send: give the profile_export.jsonl of a run with it, or write rows of prompt and \
                  output_tokens, whose tokens are estimated",
    },
    Foreign {
        what: "a result of llama-bench",
        needs: Needs::Keys(&[&["n_prompt"], &["n_gen"], &["avg_ts"]]),
        instead: SUMMARY,
    },
    Foreign {
        what: "a tailcast result",
        needs: Needs::Keys(&[&["scenario_hash"]]),
        instead: "the requests of a run are written as a table by --requests-out",
    },
];

/// Files that are no text, by their first bytes (each format's own documentation).
const PACKED: [(&[u8], &str); 5] = [
    (
        b"PAR1",
        "is a Parquet file; write it as JSON lines first, e.g. in Python: \
         pandas.read_parquet(FILE).to_json(\"rows.jsonl\", orient=\"records\", lines=True), or as CSV what has neither \
         lists nor texts in its cells: .to_csv(\"rows.csv\", index=False)",
    ),
    (
        b"PK\x03\x04",
        "is a zip archive or a workbook; unpack it, or save the sheet as CSV",
    ),
    (
        b"\x28\xb5\x2f\xfd",
        "is compressed by zstd; unpack it (zstd -d), or compress it by gzip",
    ),
    (b"\xff\xfe", "is text in UTF-16; save it in UTF-8"),
    (b"\xfe\xff", "is text in UTF-16; save it in UTF-8"),
];

/// How a text of metrics starts.
const METRICS: [&[u8]; 3] = [b"# HELP ", b"# TYPE ", b"vllm:"];

/// What a file is that starts with these bytes and is no text, and what to do with it: what stands after its name.
pub fn no_text(start: &[u8]) -> Option<&'static str> {
    let found = PACKED.iter().find(|(first, _)| start.starts_with(first));
    found.map(|(_, what)| *what)
}

/// What the file is and what to do with it, if it is known as another tool's.
pub fn named(first: &FirstLine, line: &[u8]) -> Option<String> {
    if let Some(what) = no_text(line) {
        return Some(what.to_owned());
    }
    if METRICS.iter().any(|start| line.starts_with(start)) {
        return Some(format!("is a text of metrics for Prometheus: {SUMMARY}"));
    }
    if let FirstLine::Object(object) = first
        && object.is_empty()
    {
        return None;
    }
    let found = FOREIGN.iter().find(|foreign| first.has(&foreign.needs))?;
    Some(format!("is {}: {}", found.what, found.instead))
}
