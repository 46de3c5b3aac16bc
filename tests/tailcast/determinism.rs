//! A sweep gives the same results, bit by bit, on any number of threads.

use rayon::ThreadPoolBuilder;
use rayon::prelude::*;
use tailcast::config::Scenario;
use tailcast::metrics::Summary;
use tailcast::study;

use crate::config::load;

const CHAT: &str = r#"
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
[workload]
requests = 300
arrivals = { process = "poisson", rate = 1.0 }
prompt = { dist = "lognormal", median = 400, sigma = 0.8, max = 8000 }
output = { dist = "lognormal", median = 200, sigma = 0.6, max = 2000 }
"#;

/// From an idle server to an overloaded one, under the policies that share the most between requests.
fn sweep() -> Vec<Scenario> {
    let rates = ["1", "5", "20", "80", "500"];
    let variants: [&[&str]; 4] = [
        &["batching.prefix_caching=false"],
        &["workload.prefix={ pool = 3, tokens = 500 }"],
        &["workload.session={ turns = 4, think = \"2s\" }"],
        &["batching.policy=\"sglang\"", "server.kv_blocks=9000"],
    ];
    let with = |rate, variant: &[&str]| {
        let rate = format!("workload.arrivals.rate={rate}");
        load(CHAT, &[variant, &[&rate]].concat())
    };
    rates
        .into_iter()
        .flat_map(|rate| variants.map(|variant| with(rate, variant)))
        .collect()
}

fn summaries(scenarios: &[Scenario], threads: usize) -> Vec<Summary> {
    let pool = ThreadPoolBuilder::new().num_threads(threads);
    let run = |scenario: &Scenario| Summary::of(&study::simulate(scenario, 42).unwrap());
    pool.build()
        .unwrap()
        .install(|| scenarios.par_iter().map(run).collect())
}

#[test]
fn a_sweep_gives_the_same_results_on_any_number_of_threads() {
    let scenarios = sweep();
    let alone = summaries(&scenarios, 1);
    for (number, summary) in alone.iter().enumerate() {
        assert!(!alone[..number].contains(summary), "{number} is a repeat");
    }
    for threads in [2, 8] {
        // A float is printed so that it can be read back, and -0 and NaN as what they are.
        let several = summaries(&scenarios, threads);
        for (one, other) in alone.iter().zip(&several) {
            assert_eq!(format!("{one:?}"), format!("{other:?}"), "{threads}");
        }
    }
}
