//! What other releases of benchmarks write, and what they write beside their summaries.

use tailcast::config::Measured;

use super::result_shapes::{assert_load, assert_values, guidellm, one};

/// A request of guidellm, by the names of form 2 or of form 1.
fn guidellm_request(start: f64, start_key: &str) -> String {
    format!(
        r#"{{"request_id": "x", "{start_key}": {start}, "request_latency": 2.5, "time_to_first_token_ms": 500.0,
        "prompt_tokens": 100, "output_tokens": 21, "output": "text", "inter_token_latency_ms": 100.0}}"#
    )
}

#[test]
fn requests_of_guidellm_give_what_its_summary_lacks() {
    for key in ["request_start_time", "start_time"] {
        let requests: Vec<String> = (0..40)
            .map(|at| guidellm_request(1e9 + 0.5 * f64::from(at), key))
            .collect();
        let list = format!(
            r#"{{"requests": {{"successful": [{}], "errored": [{{}}]}},"#,
            requests.join(",")
        );
        let report = guidellm(r#"{"type_": "poisson", "rate": 2}"#, "config").replacen("[{", &format!("[{list}"), 1);
        let measured = one(&report);
        // What the summary says stands, though its requests would say 0.5 s.
        assert_values(
            &measured,
            &[
                ("ttft.mean", 0.025),
                ("tpot.mean", 0.1),
                ("tpot.p50", 0.1),
                ("e2e.max", 2.5),
            ],
        );
        let found = measured.requests.unwrap();
        assert_eq!((found.len(), found[3].output_tokens), (40, 21));
        assert!((found[39].arrival.unwrap().seconds() - 19.5).abs() < 1e-5);
        let sample = report.replacen(&format!("{},", requests[0]), "", 1);
        let measured = one(&sample);
        assert!(
            measured.requests.is_none() && measured.notes[0].contains("39 of 40"),
            "{measured:?}"
        );
        let unstreamed = report.replacen(
            "\"time_to_first_token_ms\": 500.0",
            "\"time_to_first_token_ms\": null",
            1,
        );
        assert!(one(&unstreamed).requests.is_none());
    }
}

#[test]
fn aiperf_notes_its_load_as_phases_since_0_13() {
    let summary = |phase: &str| {
        format!(
            r#"{{"schema_version": "1.4", "aiperf_version": "0.13.0",
            "request_count": {{"unit": "requests", "avg": 98}}, "error_request_count": {{"unit": "requests", "avg": 2}},
            "time_to_first_token": {{"unit": "ms", "avg": 50.0}},
            "warmup_metrics": {{"time_to_first_token": {{"unit": "ms", "avg": 900.0}}}}, "is_complete": false,
            "incomplete_reason": "stalled", "input_config": {{"models": {{"items": [{{"name": "m"}}]}}, "phases":
            [{{"name": "warmup", "kind": "warmup", "type": "concurrency", "concurrency": 2, "requests": 9}},
            {{"name": "profiling", "kind": "profiling", "requests": 100, {phase}}}]}}}}"#
        )
    };
    for (phase, arrivals) in [
        (
            r#""type": "concurrency", "concurrency": 16"#,
            "{ process = \"closed\", concurrency = 16 }",
        ),
        (
            r#""type": "poisson", "rate": 2.5"#,
            "{ process = \"poisson\", rate = 2.5 }",
        ),
        (
            r#""type": "gamma", "rate": 2.5, "smoothness": 4"#,
            "{ process = \"gamma\", rate = 2.5, cv = 0.5 }",
        ),
        (
            r#""type": "constant", "rate": 2.5"#,
            "{ process = \"constant\", rate = 2.5 }",
        ),
    ] {
        let measured = one(&summary(phase));
        assert_values(&measured, &[("ttft.mean", 0.05), ("requests.finished", 98.0)]);
        assert_load(
            &measured,
            &["workload.requests = 100", &format!("workload.arrivals = {arrivals}")],
        );
        assert!(
            measured.unfinished == 2 && measured.notes[0].contains("stalled"),
            "{measured:?}"
        );
        assert_eq!(measured.load.unwrap().model.as_deref(), Some("m"));
    }
    // Nobody can say the one rate of a ramp, or of a schedule.
    for phase in [
        r#""type": "poisson", "rate": 9, "rate_ramp": {"from": 1}"#,
        r#""type": "fixed_schedule""#,
    ] {
        assert_eq!(one(&summary(phase)).load.unwrap().rate_per_s, None);
    }
}

#[test]
fn sglang_has_no_rate_where_a_trace_said_when() {
    let result = r#"{"backend": "sglang", "request_rate": "trace", "max_concurrency": null, "duration": 100.0,
        "completed": 400,
        "total_input_tokens": 200000, "total_output_tokens": 25000, "total_output_tokens_retokenized": 24990,
        "mean_e2e_latency_ms": 1500.0, "mean_ttft_ms": 80.0, "mean_tpot_ms": 11.0, "server_info": {"tp_size": 1}}"#;
    let measured = one(result);
    assert_values(&measured, &[("ttft.mean", 0.08), ("e2e.mean", 1.5)]);
    assert_eq!(measured.load.unwrap().rate_per_s, None);
}

#[test]
fn files_that_are_no_text_are_named_with_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results");
    for (start, parts) in [
        (&b"PAR1\x15\x04"[..], ["Parquet", "to_csv"]),
        (b"PK\x03\x04\xff", ["zip", "save the sheet as CSV"]),
        (b"\x28\xb5\x2f\xfd\xff", ["zstd", "zstd -d"]),
        (b"\xff\xfe{\x00}\x00", ["UTF-16", "UTF-8"]),
    ] {
        std::fs::write(&path, start).unwrap();
        let error = Measured::read(&path).unwrap_err().to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    }
}
