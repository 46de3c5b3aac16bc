//! What is seen of a run at regular instants adds up to what is said of the whole.

use tailcast::config::Scenario;
use tailcast::metrics::{LIMITS, RunOverTime, Summary};
use tailcast::study;

use crate::config::load;

const CROWDED: &str = r#"
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
kv_blocks = 1200
max_model_len = 16384
[workload]
requests = 400
arrivals = { process = "poisson", rate = 40.0 }
prompt = { dist = "lognormal", median = 400, sigma = 0.8, max = 8000 }
output = { dist = "lognormal", median = 200, sigma = 0.6, max = 2000 }
"#;

fn seen(scenario: &Scenario) -> (Summary, RunOverTime) {
    let summary = Summary::of(&study::simulate(scenario, 7).unwrap());
    let over_time = study::overview(scenario, 7, summary.throughput.duration_s).unwrap();
    (summary, over_time)
}

/// From one instant to the next [s].
fn interval(run: &RunOverTime) -> f64 {
    run.rows[1].at.seconds()
}

#[test]
fn the_time_in_which_requests_waited_for_a_limit_is_that_of_the_whole_run() {
    for (settings, limit) in [
        (&[][..], "KvCapacity"),
        (&["batching.max_num_seqs=6"], "RequestSlots"),
        (&["batching.policy=\"static\""], "BatchUnderWay"),
        (&["fleet.servers=3", "batching.max_num_seqs=2"], "RequestSlots"),
    ] {
        let (summary, run) = seen(&load(CROWDED, settings));
        assert_eq!(run.limits.len(), run.rows.len());
        let place = LIMITS.iter().position(|it| *it == summary.constraint.binding);
        let place = place.unwrap_or_else(|| panic!("{settings:?}: {:?}", summary.constraint));
        assert_eq!(format!("{:?}", LIMITS[place]), limit, "{settings:?}");
        let waited: f64 = run.limits.iter().map(|waited| waited[place]).sum::<f64>() * interval(&run);
        let expected = summary.constraint.share_of_time * summary.throughput.duration_s;
        let at_most = 2.0 * interval(&run);
        assert!(
            (waited - expected).abs() <= at_most,
            "{settings:?}: {waited} s, not {expected} s"
        );
        let whole = |waited: &[f64; 4]| waited.iter().sum::<f64>();
        assert!(run.limits.iter().all(|waited| whole(waited) <= 1.0 + 1e-9));
    }
}

#[test]
fn the_queues_of_classes_are_those_of_the_run_and_each_answer_is_of_one_class() {
    let (deployment, workload) = CROWDED.split_at(CROWDED.find("[workload]").unwrap());
    let lengths = &workload[workload.find("prompt").unwrap()..];
    let class = |name: &str, rate: u32| {
        let arrivals = format!("arrivals = {{ process = 'poisson', rate = {rate} }}");
        format!("[[class]]\nname = '{name}'\n[class.workload]\n{arrivals}\n{lengths}")
    };
    let classes = [class("a", 15), class("b", 25)].concat();
    let text = format!("{deployment}{classes}[workload]\nrequests = 400\n");
    let (_, run) = seen(&load(&text, &[]));
    assert_eq!(
        run.classes.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["a", "b"]
    );
    let [(_, a), (_, b)] = &run.classes[..] else { panic!() };
    for ((row, a), b) in run.rows.iter().zip(a).zip(b) {
        // Both need not wait most at the same time.
        assert!(a.waiting + b.waiting >= row.waiting_max, "{row:?}");
        assert!(a.waiting.max(b.waiting) <= row.waiting_max, "{row:?}");
        let longest = a.answered.into_iter().chain(b.answered).map(|took| took.max).max();
        assert_eq!(longest, row.answered.map(|took| took.max), "{row:?}");
    }
}
