//! How fast a scenario is simulated: requests per second from the generator to every number of the result, on one core.
//!
//! `cargo bench --bench engines`; divan prints the median time and the requests per second of each run. Start-up, the
//! reading of files and output are left out.

mod chat;

use std::path::Path;
use std::vec::IntoIter;

use chat::{CHAT, SEED, SHARED_PREFIXES, run, scenario};
use divan::Bencher;
use divan::counter::ItemsCount;
use tailcast::config::{Scenario, Workload};
use tailcast::engine::{self, Server, ServerSettings};
use tailcast::fleet;
use tailcast::hardware::{KvGroup, KvGroupKind};
use tailcast::kv::KvGroups;
use tailcast::metrics::{Recording, Summary};
use tailcast::step_time::StepTime;
use tailcast::study;
use tailcast::units::Time;
use tailcast::workload::trace::{TraceError, open_seeded};
use tailcast::workload::{Request, RequestId, Source};

fn main() {
    divan::main();
}

const NO_CACHE: &str = "batching.prefix_caching=false";

/// Measures the scenario; its result, if it was run.
fn measure(bencher: Bencher, scenario: &Scenario) -> Option<Summary> {
    let Workload::Synthetic(workload) = &scenario.traffic.classes[0].workload else {
        panic!("the number of requests is written");
    };
    let requests = workload.requests.unwrap();
    let mut summary = None;
    bencher
        .counter(ItemsCount::new(requests))
        .bench_local(|| summary = Some(run(scenario)));
    summary
}

/// The workload that the README speaks of.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn chat(bencher: Bencher) {
    measure(bencher, &scenario(CHAT, &[NO_CACHE]));
}

/// The same behind system prompts that the prefix cache finds.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn chat_with_shared_prefixes(bencher: Bencher) {
    measure(bencher, &scenario(CHAT, &[SHARED_PREFIXES]));
}

/// The same with the prefix cache on, where every prompt is a request's own, and with the same blocks divided as those
/// of models whose layers have windows: gpt-oss and Gemma 3.
#[divan::bench(args = ["dense", "gpt-oss", "gemma-3"], sample_count = 3, sample_size = 1)]
fn chat_over_groups(bencher: Bencher, layers: &str) {
    let changes = ["workload.requests=200000", "server.kv_blocks=200000"];
    let scenario = over_groups(layers, &changes);
    if let Some(summary) = measure(bencher, &scenario) {
        assert_eq!(summary.requests.preemptions, 0);
    }
}

/// The same where memory is short all the time: about 150 requests fit, and about one in ten is preempted.
#[divan::bench(args = ["dense", "gpt-oss", "gemma-3"], sample_count = 3, sample_size = 1)]
fn shortage_over_groups(bencher: Bencher, layers: &str) {
    let blocks = match layers {
        "dense" => "server.kv_blocks=7000",
        "gpt-oss" => "server.kv_blocks=8500",
        _ => "server.kv_blocks=40000",
    };
    let few = ["workload.requests=20000", "server.max_model_len=16384"];
    let changes = [few[0], few[1], "workload.arrivals.rate=60", blocks];
    let scenario = over_groups(layers, &changes);
    if let Some(summary) = measure(bencher, &scenario) {
        let preemptions = summary.requests.preemptions;
        assert!((500..20_000).contains(&preemptions), "{preemptions} preemptions");
    }
}

/// Chat with memory that is divided as that of models with such layers.
fn over_groups(layers: &str, changes: &[&str]) -> Scenario {
    let sliding = |window| KvGroupKind::Sliding(window);
    let kinds = match layers {
        "dense" => vec![],
        "gpt-oss" => vec![sliding(128), KvGroupKind::Full],
        _ => [vec![sliding(1024); 5], vec![KvGroupKind::Full]].concat(),
    };
    let mut scenario = scenario(CHAT, changes);
    let block_tokens = scenario.deployment.server.block_tokens;
    let groups: Vec<KvGroup> = kinds.into_iter().map(|kind| KvGroup { kind, block_tokens }).collect();
    scenario.deployment.server.kv_groups = (!groups.is_empty()).then(|| KvGroups::new(&groups));
    scenario
}

/// From an idle server to one that is overloaded.
#[divan::bench(args = [1, 5, 20, 45, 80], sample_count = 5, sample_size = 1)]
fn chat_by_rate(bencher: Bencher, rate_per_s: u32) {
    let rate = format!("workload.arrivals.rate={rate_per_s}");
    let changes = [NO_CACHE, "workload.requests=200000", &rate];
    measure(bencher, &scenario(CHAT, &changes));
}

/// From short outputs to a thousand times their tokens, at the same load: a request should cost little more. The
/// shortest cost less, as several of them come and go in the same step.
#[divan::bench(args = [20, 200, 2_000, 20_000], sample_count = 5, sample_size = 1)]
fn by_output_tokens(bencher: Bencher, median: u32) {
    measure_output_tokens(bencher, median, NO_CACHE);
}

/// The same where the prefix cache is on.
#[divan::bench(args = [20, 200, 2_000, 20_000], sample_count = 5, sample_size = 1)]
fn by_output_tokens_cached(bencher: Bencher, median: u32) {
    measure_output_tokens(bencher, median, "batching.prefix_caching=true");
}

/// About 48 requests run whatever the length of their outputs: steps take the same time, and blocks never run out.
fn measure_output_tokens(bencher: Bencher, median: u32, caching: &str) {
    let rate = 4000.0 / f64::from(median);
    let workload = format!(
        r#"
        [workload]
        requests = 50000
        arrivals = {{ process = "poisson", rate = {rate} }}
        prompt = {{ dist = "fixed", value = 100 }}
        output = {{ dist = "lognormal", median = {median}, sigma = 0.6, max = 1000000 }}
        "#
    );
    let changes = [
        caching,
        "server.step_time={ base_us = 10000 }",
        "server.max_model_len=1000100",
        "server.kv_blocks=1000000",
    ];
    if let Some(summary) = measure(bencher, &scenario(&workload, &changes)) {
        assert_eq!(summary.requests.preemptions, 0);
        assert!(!summary.saturation.unwrap().queue_grows);
        let running = summary.queue.running.mean.unwrap();
        assert!((45.0..51.0).contains(&running), "{running} run");
    }
}

/// So many clients, each with a request in the server at all times.
#[divan::bench(args = [16, 256, 4_096, 65_536], sample_count = 5, sample_size = 1)]
fn by_number_running(bencher: Bencher, clients: u32) {
    let requests = (8 * clients).max(200_000);
    let workload = format!(
        r#"
        [workload]
        requests = {requests}
        arrivals = {{ process = "closed", concurrency = {clients} }}
        prompt = {{ dist = "fixed", value = 100 }}
        output = {{ dist = "lognormal", median = 200, sigma = 0.6, max = 16000 }}
        "#
    );
    let changes = [
        NO_CACHE,
        "batching.max_num_seqs=65536",
        "batching.max_num_batched_tokens=131072",
        "server.step_time={ base_us = 10000 }",
        "server.kv_blocks=10000000",
    ];
    if let Some(summary) = measure(bencher, &scenario(&workload, &changes)) {
        assert_eq!(summary.requests.preemptions, 0);
        let most = summary.queue.running.max.unwrap();
        assert_eq!(most, u64::from(clients));
    }
}

type MakeEngine = fn(&ServerSettings, Box<dyn StepTime>) -> Server;

/// The fast engine, which leaps.
#[divan::bench(args = [1_000, 10_000])]
fn fast(bencher: Bencher, requests: u64) {
    measure_engine(bencher, requests, engine::fast);
}

/// The readable engine, which takes every step and says what the fast one must find.
#[divan::bench(args = [1_000, 10_000], sample_count = 1, sample_size = 1)]
fn readable(bencher: Bencher, requests: u64) {
    measure_engine(bencher, requests, engine::reference);
}

fn measure_engine(bencher: Bencher, requests: u64, make_engine: MakeEngine) {
    let number = format!("workload.requests={requests}");
    let scenario = scenario(CHAT, &[NO_CACHE, &number]);
    let Workload::Synthetic(workload) = &scenario.traffic.classes[0].workload else {
        panic!("chat is drawn at random");
    };
    bencher.counter(ItemsCount::new(requests)).bench(|| {
        let engine = make_engine(&scenario.deployment.server, scenario.step_time());
        let mut engine = scenario.deployment.front_end.before(engine);
        let mut recorder = study::recorder(&scenario, &[], &[]);
        fleet::replay(&mut engine, &mut workload.source(SEED), &mut recorder).unwrap();
        Summary::of(&recorder.finish())
    });
}

/// The conversations that Azure recorded in 2023.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn azure_conversation(bencher: Bencher) {
    measure_trace(bencher, "azure2023/AzureLLMInferenceTrace_conv.csv", &[NO_CACHE]);
}

/// The conversations of Mooncake, which share most of their prompts.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn mooncake_conversation(bencher: Bencher) {
    measure_trace(
        bencher,
        "mooncake/conversation_trace.jsonl",
        &["server.kv_blocks=27510"],
    );
}

/// Requests that were read from a file before the clock starts.
struct Parsed(IntoIter<Request>);

impl Source for Parsed {
    fn next_arrival(&mut self) -> Result<Option<Time>, TraceError> {
        Ok(self.0.as_slice().first().map(|request| request.arrival))
    }

    fn take(&mut self) -> Request {
        self.0.next().expect("a request is due")
    }

    fn finished(&mut self, _: RequestId, _: Time) {}

    fn is_closed_loop(&self) -> bool {
        false
    }
}

/// Measures the replay of a recorded trace, if it is there.
fn measure_trace(bencher: Bencher, name: &str, changes: &[&str]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/traces")
        .join(name);
    if !path.exists() {
        println!("SKIPPED: {} is not there", path.display());
        return;
    }
    let workload = format!("[workload]\ntrace = {{ path = '{}' }}\n", path.display());
    let scenario = scenario(&workload, changes);
    let requests = requests_of(&scenario);
    bencher
        .counter(ItemsCount::new(requests.len()))
        .with_inputs(|| Parsed(requests.clone().into_iter()))
        .bench_local_values(|source| Summary::of(&replay(&scenario, source)));
}

/// Every request of the scenario's trace.
fn requests_of(scenario: &Scenario) -> Vec<Request> {
    let Workload::Trace(trace) = &scenario.traffic.classes[0].workload else {
        panic!("requests are read from a trace");
    };
    let mut source = open_seeded(trace, SEED).unwrap();
    let mut requests = Vec::new();
    while source.next_arrival().unwrap().is_some() {
        requests.push(source.take());
    }
    requests
}

fn replay(scenario: &Scenario, mut source: Parsed) -> Recording {
    let mut recorder = study::recorder(scenario, &[], &[]);
    study::replay_source(scenario, SEED, &mut source, &mut recorder).unwrap();
    recorder.finish()
}
