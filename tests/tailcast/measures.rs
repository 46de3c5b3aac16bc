//! Names of numbers mean what the JSON result calls so.

use serde_json::Value;
use tailcast::study::{MEASURES, Measure};

use crate::command::Workplace;

#[test]
fn every_measure_is_a_number_of_the_json_result() {
    let place = Workplace::new();
    // Prefixes, drafts and an objective, so that every number exists.
    let ended = place.run(&[
        "run",
        "--format",
        "json",
        "--slo-exit-zero",
        "--set",
        "workload.requests=1500",
        "--set",
        "workload.prefix={ pool = 3, tokens = 200 }",
        "--set",
        "batching.prefix_caching=true",
        "--set",
        "batching.speculative={ method = \"eagle\", tokens = 2, acceptance = 0.6 }",
    ]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let json: Value = serde_json::from_str(&ended.stdout).unwrap();
    for measure in MEASURES.iter() {
        let (section, rest) = measure.name.split_once('.').unwrap();
        let root = if json.get(section).is_some() {
            &json[section]
        } else {
            &json["latency"][section]
        };
        let found = rest.split('.').fold(root, |value, key| &value[key]);
        assert!(
            found.is_number() || found.is_null(),
            "{} in the JSON result is {found}",
            measure.name
        );
        if !measure.name.ends_with("p999") {
            assert!(found.is_number(), "{} is not there", measure.name);
        }
    }
}

#[test]
fn names_are_unique_and_latencies_may_be_written_as_in_json() {
    for (place, measure) in MEASURES.iter().enumerate() {
        let first = MEASURES.iter().position(|it| it.name == measure.name);
        assert_eq!(first, Some(place), "{}", measure.name);
    }
    let named = |name| Measure::named(name).map(|it| it.name);
    assert_eq!(named("latency.ttft.p99"), Some("ttft.p99"));
    assert_eq!(named(" kv.usage.max "), Some("kv.usage.max"));
    assert_eq!(named("ttft"), None);
}
