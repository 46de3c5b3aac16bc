//! What is known on paper of the stages of a path.

use tailcast::path::{EndedPath, PathFallback, PathStage, StageOutages, StageWork};
use tailcast::stats::confidence_interval_95;
use tailcast::stats::streams::stream;
use tailcast::units::{Span, Time};
use tailcast::workload::{SpanDistribution, draw_exponential};

use crate::fleet_queueing::erlang_c_wait_s;
use crate::path_runs::{Asked, drive, path_of, seconds, stage, station};

fn poisson(seed: u64, rate_per_s: f64, requests: u64) -> Asked {
    let mut random = stream(seed, "arrivals");
    let mut now = Time::ZERO;
    Asked::at((0..requests).map(|_| {
        now += seconds(draw_exponential(&mut random) / rate_per_s);
        now
    }))
}

fn at_once(_call: u64) -> (Span, bool) {
    (Span::ZERO, true)
}

fn mean_wait_s(ended: &[EndedPath], stage: usize) -> f64 {
    // Those after the first tenth, which find the stations empty.
    let counted = &ended[ended.len() / 10..];
    let waits: f64 = counted.iter().map(|path| path.visits[stage].waited.seconds()).sum();
    waits / counted.len() as f64
}

#[test]
fn a_tandem_of_stations_waits_as_jackson_says() {
    // By Jackson's theorem (Operations Research 5, 1957) each station of the tandem is an M/M/c by itself.
    let stations = [(1, 0.1), (3, 0.4), (2, 0.22)];
    let rate_per_s = 6.0;
    let exponential = |mean_s| SpanDistribution::Exponential { mean: seconds(mean_s) };
    let mut stages = vec![stage("llm", StageWork::Model, &[])];
    for (number, (servers, service_s)) in stations.into_iter().enumerate() {
        let name = format!("station {number}");
        stages.push(stage(&name, station(servers, exponential(service_s)), &[number]));
    }
    let path = path_of(stages, 0);
    let mut waits_s: [Vec<f64>; 3] = Default::default();
    for seed in 0..20 {
        let (ended, _) = drive(&mut poisson(seed, rate_per_s, 20_000), &path, seed, &at_once);
        for (number, waits) in waits_s.iter_mut().enumerate() {
            waits.push(mean_wait_s(&ended, number + 1));
        }
    }
    for ((servers, service_s), waits) in stations.into_iter().zip(&waits_s) {
        let expected = erlang_c_wait_s(servers, rate_per_s * service_s / f64::from(servers), service_s);
        let interval = confidence_interval_95(waits).unwrap();
        let half = (interval.high - interval.low) / 2.0;
        let mean = f64::midpoint(interval.high, interval.low);
        assert!(
            half < 0.1 * expected,
            "{servers} servers: {interval:?} is too wide to tell"
        );
        // 1.5 times that interval has some 99.5 %.
        assert!(
            (mean - expected).abs() < 1.5 * half,
            "{servers} servers: {interval:?}, not {expected}"
        );
    }
}

/// The chances that a time is in each cell of a grid, by its distribution function.
fn cells(at_most: impl Fn(f64) -> f64, cell_s: f64, count: usize) -> Vec<f64> {
    let edges = |cell: usize| at_most((cell as f64 + 0.5) * cell_s);
    let before = |cell: usize| if cell == 0 { 0.0 } else { edges(cell - 1) };
    (0..count).map(|cell| edges(cell) - before(cell)).collect()
}

fn convolved(one: &[f64], other: &[f64]) -> Vec<f64> {
    let mut sum = vec![0.0; one.len()];
    for (place, chance) in one.iter().enumerate() {
        for (more, other) in other[..one.len() - place].iter().enumerate() {
            sum[place + more] += chance * other;
        }
    }
    sum
}

fn quantile(cells: &[f64], share: f64) -> usize {
    let mut sum = 0.0;
    let is_beyond = |chance: &f64| {
        sum += chance;
        sum >= share
    };
    cells.iter().position(is_beyond).expect("the grid is long enough")
}

#[test]
fn the_p99_of_independent_delays_is_that_of_their_convolution() {
    const CELL_S: f64 = 0.0005;
    let delays = [
        SpanDistribution::Uniform {
            min: seconds(0.02),
            max: seconds(0.1),
        },
        SpanDistribution::Exponential { mean: seconds(0.08) },
        SpanDistribution::Exponential { mean: seconds(0.03) },
    ];
    let exponential = |mean: f64| move |time: f64| 1.0 - (-time / mean).exp();
    let uniform = |time: f64| ((time - 0.02) / 0.08).clamp(0.0, 1.0);
    let all = convolved(
        &convolved(&cells(uniform, CELL_S, 3000), &cells(exponential(0.08), CELL_S, 3000)),
        &cells(exponential(0.03), CELL_S, 3000),
    );
    let mut stages: Vec<PathStage> = Vec::new();
    for (number, delay) in delays.into_iter().enumerate() {
        let before: Vec<usize> = number.checked_sub(1).into_iter().collect();
        stages.push(stage(&format!("delay {number}"), StageWork::Delay(delay), &before));
    }
    stages.push(stage("llm", StageWork::Model, &[2]));
    let (ended, _) = drive(&mut poisson(5, 50.0, 100_000), &path_of(stages, 3), 5, &at_once);
    let mut totals: Vec<f64> = ended.iter().map(|path| path.total().seconds()).collect();
    totals.sort_by(f64::total_cmp);
    for share in [0.5, 0.9, 0.99] {
        let expected = quantile(&all, share) as f64 * CELL_S;
        let found = totals[(share * totals.len() as f64) as usize];
        assert!(
            (found / expected - 1.0).abs() < 0.015,
            "{share}: {found}, not {expected}"
        );
    }
}

#[test]
fn parallel_branches_take_as_long_as_the_longest() {
    let exponential = |mean_s| StageWork::Delay(SpanDistribution::Exponential { mean: seconds(mean_s) });
    let stages = vec![
        stage("gateway", StageWork::Delay(SpanDistribution::Fixed(seconds(0.01))), &[]),
        stage("search", exponential(0.1), &[0]),
        stage("profile", exponential(0.2), &[0]),
        stage("llm", StageWork::Model, &[1, 2]),
    ];
    let (ended, calls) = drive(&mut poisson(1, 20.0, 20_000), &path_of(stages, 3), 1, &at_once);
    assert_eq!(calls.len(), 20_000);
    for path in &ended {
        let longest = path.visits[1].time.max(path.visits[2].time);
        assert_eq!(path.total(), seconds(0.01) + longest);
    }
    // E max(X, Y) = a + b - 1 / (1/a + 1/b) of exponential times.
    let mean_s = ended.iter().map(|path| path.total().seconds()).sum::<f64>() / 20_000.0;
    let expected_s = 0.01 + 0.1 + 0.2 - 1.0 / (10.0 + 5.0);
    assert!((mean_s / expected_s - 1.0).abs() < 0.02, "{mean_s}, not {expected_s}");
}

#[test]
fn as_many_answers_are_degraded_as_the_stage_is_down() {
    let mut shares = Vec::new();
    for seed in 0..16 {
        let mut stages = vec![
            stage(
                "retrieval",
                StageWork::Delay(SpanDistribution::Fixed(seconds(0.05))),
                &[],
            ),
            stage("llm", StageWork::Model, &[0]),
        ];
        stages[0].outages = StageOutages::Random {
            mtbf: seconds(90.0),
            repair: seconds(10.0),
        };
        stages[0].fallback = PathFallback::Skip;
        let (ended, _) = drive(&mut poisson(seed, 1.0, 20_000), &path_of(stages, 1), seed, &at_once);
        let degraded = ended.iter().filter(|path| path.is_degraded()).count();
        shares.push(degraded as f64 / 20_000.0);
    }
    let interval = confidence_interval_95(&shares).unwrap();
    assert!(interval.high - interval.low < 0.02, "{interval:?}");
    assert!(interval.low < 0.1 && 0.1 < interval.high, "{interval:?}");
}

#[test]
fn batches_share_a_service_and_queues_have_an_end() {
    let ten = |count: usize| Asked::at(vec![Time::ZERO; count]);
    let mut stages = vec![
        stage("rerank", station(1, SpanDistribution::Fixed(seconds(1.0))), &[]),
        stage("llm", StageWork::Model, &[0]),
    ];
    let StageWork::Station(rerank) = &mut stages[0].work else {
        unreachable!("it has servers");
    };
    (rerank.batch, rerank.queue) = (4, Some(6));
    let mut asked = ten(10);
    let (ended, _) = drive(&mut asked, &path_of(stages, 1), 1, &at_once);
    // The first is served at once by itself, six wait, three are refused.
    let mut seconds_of: Vec<f64> = ended.iter().map(|path| path.total().seconds()).collect();
    seconds_of.sort_by(f64::total_cmp);
    assert_eq!(seconds_of, [0.0, 0.0, 0.0, 1.0, 2.0, 2.0, 2.0, 2.0, 3.0, 3.0]);
    let failed = ended.iter().filter(|path| path.failed_at == Some(0)).count();
    assert_eq!(failed, 3);
    assert_eq!(asked.ended.iter().filter(|(_, _, is_answered)| *is_answered).count(), 7);
}
