//! Results in YAML, good and hostile.

use std::fmt::Write as _;

use super::result_shapes::{all, assert_load, assert_values, one, refused};

/// As `yaml.dump` writes a report: keys in order, an anchor where one thing stands twice, floats with exponents.
const GUIDELLM: &str = "\
args:
  backend: &id001
    kind: openai_http
    model: m
  output:
  - benchmarks.yaml
benchmarks:
- config:
    backend: *id001
    strategy:
      max_concurrency: null
      rate: 4.0
      type_: poisson
  metrics:
    inter_token_latency_ms:
      errored: null
      successful:
        mean: 9.5
        percentiles:
          p50: 9.25
          p99: 1.45e+01
    output_token_count:
      successful: {mean: 128.0, std_dev: 0.0}
    prompt_token_count:
      successful:
        max: 256
        mean: 256.0
        std_dev: .nan
    request_latency:
      successful:
        mean: 1.5
    request_totals:
      errored: 2
      successful: 38
      total: 40
    time_to_first_token_ms:
      successful:
        mean: 25.0
        percentiles:
          p99: .inf
          p95: 40.0
  type_: generative_benchmark
metadata:
  guidellm_version: 0.8.1
  version: 2
";

#[test]
fn reports_of_guidellm_are_read_in_yaml() {
    let content = GUIDELLM.replace("          p99: .inf\n", "");
    for content in [
        content.clone(),
        content.replace('\n', "\r\n"),
        format!("\u{feff}%YAML 1.1\n---\n# a comment\n{content}"),
        format!("{content}...\n"),
    ] {
        let measured = one(&content);
        assert_values(
            &measured,
            &[
                ("ttft.mean", 0.025),
                ("ttft.p95", 0.04),
                ("e2e.mean", 1.5),
                ("itl.mean", 0.0095),
                ("tpot.p99", 0.0145),
            ],
        );
        assert_eq!((measured.unfinished, measured.tool), (2, "guidellm"));
        assert_load(
            &measured,
            &[
                "workload.requests = 40",
                "workload.arrivals = { process = \"poisson\", rate = 4.0 }",
                "workload.prompt = { dist = \"fixed\", value = 256 }",
                "workload.output = { dist = \"fixed\", value = 128 }",
            ],
        );
        assert_eq!(measured.load.unwrap().model.as_deref(), Some("m"));
    }
    assert_eq!(
        all(&format!("{content}---\n{content}")).len(),
        2,
        "documents are reports"
    );
    refused(GUIDELLM, &["time_to_first_token_ms.p99", "inf"]);
}

const LLM_D: &str = "\
version: '0.2'
run:
  uid: x
scenario:
  stack:
  - standardized:
      model: {name: m}
  load:
    standardized: {tool: inference-perf, rate_qps: 2.5}
results:
  request_performance:
    aggregate:
      requests:
        total: 10
        failures: 1
      latency:
        time_to_first_token: {units: ms, mean: 30, p99: 41.5}
        request_latency:
          units: s
          mean: 2
      throughput:
        request_rate: {units: queries/s, mean: 2.4}
";

#[test]
fn reports_of_llm_d_benchmark_are_read_in_yaml() {
    let measured = one(LLM_D);
    assert_values(
        &measured,
        &[
            ("ttft.p99", 0.0415),
            ("e2e.mean", 2.0),
            ("throughput.requests_per_s", 2.4),
        ],
    );
    assert_eq!(measured.load.unwrap().rate_per_s, Some(2.5));
    let old = "version: \"0.1\"\nscenario:\n  model:\n    name: m\n  load: {args: {max_concurrency: 32}}\n\
               metrics:\n  latency:\n\
               \x20   time_to_first_token: {units: s, mean: 0.03}\n  requests: {total: 100}\n";
    let measured = one(old);
    assert_values(&measured, &[("ttft.mean", 0.03), ("requests.finished", 100.0)]);
    assert_eq!(measured.load.unwrap().max_concurrency, Some(32));
    refused(
        &LLM_D.replace("units: ms", "units: count"),
        &["time_to_first_token", "\"count\""],
    );
}

#[test]
fn broken_and_hostile_yaml_ends_in_an_error_with_its_place() {
    let way = "yaml.safe_load";
    refused(
        &GUIDELLM.replace("      rate: 4.0", "\t  rate: 4.0"),
        &["it:11:", "tab", way],
    );
    refused("benchmarks:\n- a: 1\n  a: 2\n", &["it:3:", "a", way]);
    refused("benchmarks:\n- a: [1, 2\nb: 3\n", &["it:", way]);
    refused("benchmarks:\n- *nobody\n", &["it:2:", "nobody", way]);
    // A list in a list in a list: a thousand million of them from a few lines.
    let mut laughs = "l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let below = vec![format!("*l{}", level - 1); 10].join(", ");
        let _ = writeln!(laughs, "l{level}: &l{level} [{below}]");
    }
    refused(&format!("{laughs}benchmarks: *l9\n"), &["it:", way]);
    let deep = format!("benchmarks: {}{}\n", "[".repeat(100_000), "]".repeat(100_000));
    refused(&deep, &["it:1:", way]);
    let deep: Vec<String> = (0..5_000).map(|level| " ".repeat(level) + "benchmarks:").collect();
    let deep = deep.join("\n");
    refused(&deep, &["it:", way]);
    refused(
        "benchmarks: !!python/object:os.system\n  x: 1\n",
        &["guidellm", "without benchmarks"],
    );
    refused("a: 1\nb: 2\n", &["no latencies", "YAML", "`a`, `b`"]);
}
