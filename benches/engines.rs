//! How fast the engines are: requests per second from the generator to the metrics, on one core.
//!
//! `cargo bench --bench engines`; divan prints the median time and the requests per second of each run.

use divan::Bencher;
use divan::counter::ItemsCount;
use tailcast::engine::{self, Engine, ServerSettings};
use tailcast::fleet::replay;
use tailcast::hardware::{KvPrecision, WeightPrecision};
use tailcast::metrics::{Recorder, RecorderSettings};
use tailcast::policy::{ContinuousSettings, PolicySettings};
use tailcast::step_time::{Roofline, StepTime};
use tailcast::workload::{Arrivals, LengthDistribution, Lengths, Synthetic};

fn main() {
    divan::main();
}

/// Chat traffic on an 8B model.
fn workload(requests: u64, rate_per_s: f64, median_output: f64) -> Synthetic {
    let lognormal = |median, sigma| Lengths::new(LengthDistribution::LogNormal { median, sigma });
    Synthetic {
        requests: Some(requests),
        ..Synthetic::new(
            Arrivals::Poisson { rate_per_s },
            Lengths {
                max: 8000,
                ..lognormal(400.0, 0.8)
            },
            Lengths {
                max: 16_000,
                ..lognormal(median_output, 0.6)
            },
        )
    }
}

fn settings() -> ServerSettings {
    ServerSettings {
        policy: PolicySettings::Continuous(ContinuousSettings::new(1024, 8192)),
        kv_blocks: 27_510,
        block_tokens: 16,
        max_model_len: 131_072,
    }
}

fn step_time() -> Box<dyn StepTime> {
    let model = tailcast::config::catalogue::model("llama-3.1-8b").unwrap();
    let gpu = tailcast::config::catalogue::gpu("h100-sxm").unwrap();
    Box::new(Roofline::new(
        &model,
        &gpu,
        WeightPrecision::Bf16,
        KvPrecision::Bf16,
        1,
    ))
}

type MakeEngine = fn(&ServerSettings, Box<dyn StepTime>) -> Box<dyn Engine>;

fn serve(bencher: Bencher, workload: &Synthetic, make_engine: MakeEngine) {
    let settings = settings();
    let requests = workload.requests.unwrap();
    bencher.counter(ItemsCount::new(requests)).bench(|| {
        let mut engine = make_engine(&settings, step_time());
        let mut recorder = Recorder::new(RecorderSettings {
            server: &settings,
            prefix_caching: false,
            slos: &[],
            gpu_work: None,
        });
        replay(engine.as_mut(), &mut workload.source(42), &mut recorder).unwrap();
        recorder.finish()
    });
}

#[divan::bench(args = [1_000, 10_000, 100_000, 1_000_000], sample_count = 5)]
fn fast(bencher: Bencher, requests: u64) {
    serve(bencher, &workload(requests, 20.0, 200.0), engine::fast);
}

#[divan::bench(args = [1_000, 10_000, 100_000, 1_000_000], sample_count = 1)]
fn reference(bencher: Bencher, requests: u64) {
    serve(bencher, &workload(requests, 20.0, 200.0), engine::reference);
}

/// From an idle server to one that is overloaded.
#[divan::bench(args = [1, 5, 20, 45, 80], sample_count = 5)]
fn fast_by_rate(bencher: Bencher, rate_per_s: u32) {
    serve(
        bencher,
        &workload(100_000, rate_per_s.into(), 200.0),
        engine::fast,
    );
}

/// Ten times the tokens at the same load should cost little more.
#[divan::bench(args = [20, 200, 2000], sample_count = 5)]
fn fast_by_output_tokens(bencher: Bencher, median_output: u32) {
    let rate_per_s = 4000.0 / f64::from(median_output);
    serve(
        bencher,
        &workload(100_000, rate_per_s, median_output.into()),
        engine::fast,
    );
}
