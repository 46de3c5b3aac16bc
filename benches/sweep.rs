//! How fast many scenarios are simulated on one core and on two: scenarios per second, each from its generator to its
//! summary.
//!
//! `cargo bench --bench sweep`; divan prints the median time and the scenarios per second ("items") of each run.

mod chat;

use std::sync::OnceLock;

use chat::{CHAT, SEED, SHARED_PREFIXES, run, scenario};
use divan::Bencher;
use divan::counter::ItemsCount;
use rayon::ThreadPoolBuilder;
use rayon::prelude::*;
use tailcast::config::Scenario;
use tailcast::metrics::{Breakdown, Summary};
use tailcast::report::{Headline, MemoryReport, RunReport};

fn main() {
    divan::main();
}

/// 1,000 scenarios: 40 rates by 25 lengths of outputs, every other length behind shared system prompts with the prefix
/// cache on.
fn grid() -> Vec<Scenario> {
    let rates = 1..=40;
    rates
        .flat_map(|rate| (5..30).map(move |tens| (rate, 10 * tens)))
        .enumerate()
        .map(|(number, (rate, median))| {
            let sharing = match number % 2 {
                0 => SHARED_PREFIXES,
                _ => "batching.prefix_caching=false",
            };
            let rate = format!("workload.arrivals.rate={rate}");
            let median = format!("workload.output.median={median}");
            scenario(CHAT, &["workload.requests=10000", &rate, &median, sharing])
        })
        .collect()
}

/// The results must not depend on the number of threads.
#[divan::bench(args = [1, 2], sample_count = 3, sample_size = 1)]
fn scenarios(bencher: Bencher, threads: usize) {
    static FIRST: OnceLock<Vec<String>> = OnceLock::new();
    let scenarios = grid();
    let pool = ThreadPoolBuilder::new().num_threads(threads);
    let pool = pool.build().unwrap();
    let mut summaries = Vec::new();
    bencher.counter(ItemsCount::new(scenarios.len())).bench_local(|| {
        // One by one, so that no thread is left with many at the end.
        let each = scenarios.par_iter().with_max_len(1);
        summaries = pool.install(|| each.map(run).collect());
    });
    let results: Vec<String> = summaries.iter().map(json).collect();
    assert!(
        *FIRST.get_or_init(|| results.clone()) == results,
        "{threads} threads change the results"
    );
}

/// The result as it would be written.
fn json(summary: &Summary) -> String {
    let report = RunReport {
        fleet: None,
        path: None,
        cost: None,
        breakdown: Breakdown::default(),
        headline: Headline::default(),
        scenario_hash: String::new(),
        seed: SEED,
        fidelity: None,
        model_error: None,
        summary: *summary,
        pools: Vec::new(),
        memory: MemoryReport::default(),
        slos: Vec::new(),
        is_complete: true,
        of_workload: Vec::new(),
    };
    report.to_json()
}
