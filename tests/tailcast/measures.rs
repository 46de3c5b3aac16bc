//! Names of numbers mean what the JSON result calls so.

use serde_json::Value;
use tailcast::study::{MEASURES, Measure};

use crate::command::Workplace;

/// Numbers in the JSON result of a run that studies cannot name, or all those below such a place, and why.
pub const NO_MEASURES: [(&str, &str); 55] = [
    ("seed", "a setting"),
    ("replications", "a setting"),
    ("memory", "follows from settings alone"),
    ("model_error", "how good the step-time model is, not how the run went"),
    ("steady_state", "of what part of the run the others are"),
    ("slo", "a limit, and a statistic of a latency that has a name"),
    (
        "constraint.share_of_time",
        "means nothing without the limit that it is of",
    ),
    ("constraint.first_at_s", "means nothing without the limit that it is of"),
    ("latency.*.count", "follows from requests and tokens"),
    (
        "latency.*.model_range",
        "both ends of those of means and 99th percentiles have names of their own",
    ),
    ("latency.*.std", "no objective can be set on it"),
    ("latency.*.min", "no objective can be set on it"),
    (
        "latency.*.quantile_precision",
        "how exact quantiles are, not how the run went",
    ),
    ("client_wait.max_outstanding", "a setting"),
    ("client_wait.count", "follows from requests"),
    ("client_wait.std", "no objective can be set on it"),
    ("client_wait.min", "no objective can be set on it"),
    (
        "client_wait.quantile_precision",
        "how exact quantiles are, not how the run went",
    ),
    ("fleet.servers", "a setting"),
    ("fleet.ready.min", "the mean says more"),
    ("fleet.ready.max", "the mean says more"),
    ("fleet.provisioned.min", "the mean says more"),
    ("fleet.provisioned.max", "a setting"),
    ("fleet.unneeded", "follows from hedges"),
    ("fleet.served_in_vain", "follows from attempts that were given up"),
    ("fleet.availability", "is requests.success"),
    ("fleet.events", "each is that of one instant"),
    ("fleet.by_server", "each is that of one server"),
    ("kv.block_tokens", "a setting"),
    ("kv_offload.capacity_tokens", "follows from settings alone"),
    ("kv.prefix_hit_tokens", "prefix_hit_ratio compares better"),
    ("kv.prefix_query_tokens", "follows from prompts"),
    ("kv.prefix_ideal_hit_tokens", "prefix_ideal_hit_ratio compares better"),
    ("kv.prefix_lost_to_capacity_tokens", "the ratios of hits say it"),
    ("kv.prefix_lost_to_order_tokens", "the ratios of hits say it"),
    ("kv.fragmentation.at_peak", "is that of one instant"),
    ("cost.server_hour", "a setting, or follows from the GPU"),
    ("cost.split", "follows from per_request and the prices of the API"),
    ("cost.busy_fraction", "is gpu.busy_fraction"),
    ("cost.day", "what prices of a day are made of"),
    ("cost.against_api", "follows from prices that have names"),
    ("cost.commitments", "the same price for each of three ways to rent"),
    ("cost.hidden", "each is a part of a price that has a name"),
    ("cost.energy", "joules_per_token compares better"),
    ("cost.budget", "each is that of one instant"),
    ("cost.sources", "settings, and what a price list says"),
    ("stages", "each is that of one stage"),
    ("path.share_of_mean", "each is that of one stage"),
    ("path.degraded_by", "each is that of one fallback"),
    ("path.*.count", "follows from requests"),
    ("path.*.model_range", "the same of a path"),
    ("path.*.std", "no objective can be set on it"),
    ("path.*.min", "no objective can be set on it"),
    (
        "path.*.quantile_precision",
        "how exact quantiles are, not how the run went",
    ),
    ("speculative.*", "counts that the two ratios are made of"),
];

/// A run with everything there is, and of the memory of the CPU, beside which nothing is drafted, what a run of its own
/// says.
fn run_with_everything() -> Value {
    let mut json = run_with_drafts_and_more();
    let memory = "server.kv_offload={ memory = \"64GiB\", link = \"50 GB/s\" }";
    let ended = Workplace::new().run(&["run", "--format", "json", "--requests", "300", "--set", memory]);
    let offloading: Value = serde_json::from_str(&ended.stdout).unwrap();
    json["kv_offload"] = offloading["kv_offload"].clone();
    json
}

/// A run with prefixes, drafts, an objective, a limit on what is outstanding, a failure and a path.
fn run_with_drafts_and_more() -> Value {
    let place = Workplace::new();
    let ended = place.run(&[
        "run",
        "--format",
        "json",
        "--slo-exit-zero",
        "--range",
        "--set",
        "workload.requests=1500",
        "--set",
        "client.max_outstanding=100",
        "--set",
        "cost={ users_per_day = 1000, requests_per_user = 10 }",
        "--set",
        "budget={ per_day = 10 }",
        "--set",
        "workload.warm_up=auto",
        "--set",
        "fleet.fault=[{ kind = \"slow\", server = 0, at = \"5s\", factor = 1.5, duration = \"5s\" }]",
        "--set",
        "workload.prefix={ pool = 3, tokens = 200 }",
        "--set",
        "batching.prefix_caching=true",
        "--set",
        "batching.speculative={ method = \"eagle\", tokens = 2, acceptance = 0.6 }",
        "--set",
        "path.stage=[{ name = \"gateway\", delay = \"5ms\", fallback = \"skip\" }, { name = \"llm\" }]",
    ]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    serde_json::from_str(&ended.stdout).unwrap()
}

/// The places of all numbers in a JSON value.
pub fn numbers(value: &Value, place: &str, found: &mut Vec<String>) {
    let below = |key: &str| {
        if place.is_empty() {
            key.to_owned()
        } else {
            format!("{place}.{key}")
        }
    };
    match value {
        Value::Number(_) => found.push(place.to_owned()),
        Value::Object(object) => {
            for (key, value) in object {
                numbers(value, &below(key), found);
            }
        }
        Value::Array(array) => {
            for value in array {
                numbers(value, place, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// Whether a place is the pattern, or below it; a star stands for any key.
pub fn is_at_or_below(place: &str, pattern: &str) -> bool {
    let mut keys = place.split('.');
    pattern
        .split('.')
        .all(|part| keys.next().is_some_and(|key| part == "*" || part == key))
}

#[test]
fn every_number_of_the_json_result_is_a_measure_or_has_a_reason_not_to_be() {
    let mut places = Vec::new();
    numbers(&run_with_everything(), "", &mut places);
    let is_measure = |place: &str| Measure::named(place).is_some();
    let has_reason = |place: &str| NO_MEASURES.iter().any(|(pattern, _)| is_at_or_below(place, pattern));
    let nameless: Vec<&String> = places.iter().filter(|it| !is_measure(it) && !has_reason(it)).collect();
    assert!(
        nameless.is_empty(),
        "add them to the readings of their sections: {nameless:?}"
    );
    for (pattern, _) in NO_MEASURES {
        let matches = places.iter().any(|place| is_at_or_below(place, pattern));
        assert!(matches, "{pattern} is not in the JSON result");
    }
}

#[test]
fn every_measure_is_a_number_of_the_json_result() {
    let json = run_with_everything();
    // Judgements on the numbers, which the verdict tells.
    let judgements = ["queue.grows", "slo.met"];
    for measure in MEASURES.iter().filter(|it| !judgements.contains(&it.name)) {
        let (section, rest) = measure.name.split_once('.').unwrap();
        let root = match section {
            "path" if json["path"].get(rest).is_none() => &json["path"]["total"],
            "path_ttft" => &json["path"]["first_token"],
            _ if json.get(section).is_some() => &json[section],
            _ => &json["latency"][section],
        };
        // Both ends of a range are in one list.
        let (rest, end) = match (rest.strip_suffix("_low"), rest.strip_suffix("_high")) {
            (Some(rest), _) if measure.is_of_range() => (rest, Some(0)),
            (_, Some(rest)) if measure.is_of_range() => (rest, Some(1)),
            _ => (rest, None),
        };
        let found = rest.split('.').fold(root, |value, key| &value[key]);
        let found = end.map_or(found, |end: usize| &found[end]);
        assert!(
            found.is_number() || found.is_null(),
            "{} in the JSON result is {found}",
            measure.name
        );
        // A run may be too short for these.
        if !measure.name.ends_with("p999") && measure.name != "fleet.time_to_recover_s" {
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
