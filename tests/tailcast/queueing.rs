//! Queueing theory: a server without batching is an M/G/1 queue, and its mean wait is known.

use tailcast::engine::{self, Event, Observer, ServerSettings, StepRun};
use tailcast::fleet::replay;
use tailcast::policy::{NoBatching, PolicySettings};
use tailcast::stats::t_quantile_975;
use tailcast::step_time::Affine;
use tailcast::units::{Span, Time};
use tailcast::workload::{
    Arrivals, ClosedStart, LengthDistribution, Lengths, MixturePart, RequestId, Synthetic, Think,
};

const REQUESTS: u64 = 1_200_000;

/// Waits are correlated from one request to the next, but hardly over so many: their means are as good as independent.
const BATCH: usize = 12_000;

/// Mean waits of batches of requests [s].
#[derive(Default)]
struct Waits {
    sum: f64,
    count: usize,
    means: Vec<f64>,
}

impl Observer for Waits {
    fn on(&mut self, _at: Time, _id: RequestId, event: &Event) {
        let Event::Finished(history) = event else {
            return;
        };
        self.sum += (history.scheduled - history.arrival).seconds();
        self.count += 1;
        if self.count == BATCH {
            self.means.push(self.sum / BATCH as f64);
            (self.sum, self.count) = (0.0, 0);
        }
    }

    fn ran(&mut self, _run: &StepRun<'_>) {}
}

/// The mean wait [s] and the half-width of its 99 % interval, from batch means.
fn simulated_wait(workload: &Synthetic, step_time: Affine) -> (f64, f64) {
    let settings = ServerSettings {
        policy: PolicySettings::None(NoBatching),
        kv_blocks: 1000,
        block_tokens: 16,
        max_model_len: 4096,
        kv_groups: None,
    };
    let mut waits = Waits::default();
    let mut server = engine::fast(&settings, Box::new(step_time));
    replay(&mut server, &mut workload.source(7), &mut waits).unwrap();
    let count = waits.means.len() as f64;
    let mean = waits.means.iter().sum::<f64>() / count;
    let squares: f64 = waits.means.iter().map(|batch| (batch - mean).powi(2)).sum();
    let error = (squares / (count - 1.0) / count).sqrt();
    // The 99.5 % quantile of Student's t for 99 degrees of freedom.
    assert_eq!(waits.means.len(), 100);
    assert!(t_quantile_975(99) < 2.626);
    (mean, 2.626 * error)
}

fn workload(rate_per_s: f64, output: LengthDistribution) -> Synthetic {
    Synthetic {
        requests: Some(REQUESTS),
        ..Synthetic::new(
            Arrivals::Poisson { rate_per_s },
            Lengths::fixed(100),
            Lengths::new(output),
        )
    }
}

#[test]
fn fixed_service_times_wait_as_pollaczek_and_khinchine_say() {
    // Service: one prompt step of 20 ms and nine decode steps of 10.1 ms.
    let step_time = Affine {
        base: Span::from_micros(10_000),
        per_token: Span::from_micros(100),
        per_sequence: Span::ZERO,
    };
    let service_s = 0.020 + 9.0 * 0.0101;
    for utilisation in [0.5, 0.7, 0.9] {
        let rate = utilisation / service_s;
        let workload = workload(rate, LengthDistribution::Fixed { value: 10 });
        let (wait, half_width) = simulated_wait(&workload, step_time);
        let expected = utilisation * service_s / (2.0 * (1.0 - utilisation));
        assert!(
            (wait - expected).abs() <= half_width,
            "at utilisation {utilisation}: {wait} +- {half_width} s, theory {expected} s"
        );
        assert!(
            half_width < 0.04 * expected,
            "the interval says something: {half_width}"
        );
    }
}

#[test]
fn prompts_without_an_output_wait_as_pollaczek_and_khinchine_say() {
    // Service: one prompt step of 20 ms, and nothing else.
    let step_time = Affine {
        base: Span::from_micros(10_000),
        per_token: Span::from_micros(100),
        per_sequence: Span::ZERO,
    };
    for utilisation in [0.5, 0.9] {
        let workload = workload(utilisation / 0.020, LengthDistribution::Fixed { value: 0 });
        let (wait, half_width) = simulated_wait(&workload, step_time);
        let expected = utilisation * 0.020 / (2.0 * (1.0 - utilisation));
        assert!(
            (wait - expected).abs() <= half_width,
            "at utilisation {utilisation}: {wait} +- {half_width} s, theory {expected} s"
        );
        assert!(half_width < 0.04 * expected, "{half_width}");
    }
}

#[test]
fn two_kinds_of_requests_wait_as_pollaczek_and_khinchine_say() {
    let part = |value| MixturePart {
        weight: 1.0,
        lengths: Lengths::fixed(value),
    };
    // Outputs of 1 or 3 tokens, with equal chances: services of 10 or 30 ms.
    let step_time = Affine {
        base: Span::from_micros(10_000),
        per_token: Span::ZERO,
        per_sequence: Span::ZERO,
    };
    let outputs = LengthDistribution::Mixture {
        parts: vec![part(1), part(3)],
    };
    let (mean, mean_square) = (0.02, f64::midpoint(0.01_f64.powi(2), 0.03_f64.powi(2)));
    let rate = 0.7 / mean;
    let (wait, half_width) = simulated_wait(&workload(rate, outputs), step_time);
    let expected = rate * mean_square / (2.0 * (1.0 - 0.7));
    assert!(
        (wait - expected).abs() <= half_width,
        "{wait} +- {half_width} s, theory {expected} s"
    );
}

/// Users of the machine repairman's problem: each thinks for ten times as long as a service takes, in the mean.
const USERS: u32 = 10;
/// The mean of the exponential service times [s]: 2,000 steps in the mean, which rounding changes little.
const SERVICE_S: f64 = 0.2;
const THINK_S: f64 = 2.0;

/// Response times of requests in the order in which they end [s].
#[derive(Default)]
struct Responses(Vec<f64>);

impl Observer for Responses {
    fn on(&mut self, _at: Time, _id: RequestId, event: &Event) {
        if let Event::Finished(history) = event {
            self.0.push((history.finished - history.arrival).seconds());
        }
    }

    fn ran(&mut self, _run: &StepRun<'_>) {}
}

/// The response times of 2,000 requests of a closed loop whose users think, and are served one after the other, for
/// exponentially distributed times.
fn responses(seed: u64) -> Vec<f64> {
    let settings = ServerSettings {
        policy: PolicySettings::None(NoBatching),
        kv_blocks: 100_000,
        block_tokens: 16,
        max_model_len: 200_000,
        kv_groups: None,
    };
    let step_time = Affine {
        base: Span::from_micros(100),
        per_token: Span::ZERO,
        per_sequence: Span::ZERO,
    };
    let arrivals = Arrivals::Closed {
        concurrency: USERS,
        think: Think::Exponential {
            mean: Span::from_seconds(THINK_S).unwrap(),
        },
        start: ClosedStart::Spread,
    };
    let output = LengthDistribution::Exponential { mean: 2_000.0 };
    let workload = Synthetic {
        requests: Some(2_000),
        ..Synthetic::new(arrivals, Lengths::fixed(1), Lengths::new(output))
    };
    let mut responses = Responses::default();
    let mut server = engine::fast(&settings, Box::new(step_time));
    replay(&mut server, &mut workload.source(seed), &mut responses).unwrap();
    responses.0
}

/// The mean response time of an M/M/1//N queue [s]: each of the users who think comes at the rate 1 / think, so that
/// with `n` at the server the chances go as N! / (N - n)! (service / think)^n, and by Little's law the response time is
/// N / throughput - think.
fn repairman_response_s() -> f64 {
    let mut chances = vec![1.0];
    for n in 0..USERS {
        chances.push(chances[n as usize] * f64::from(USERS - n) * SERVICE_S / THINK_S);
    }
    let idle = 1.0 / chances.iter().sum::<f64>();
    let throughput = (1.0 - idle) / SERVICE_S;
    f64::from(USERS) / throughput - THINK_S
}

#[test]
fn users_who_think_wait_as_the_machine_repairman_says() {
    let expected = repairman_response_s();
    let (mut inside, mut sum) = (0, 0.0);
    for seed in 0..200 {
        let responses = responses(seed);
        let mean = responses.iter().sum::<f64>() / 2_000.0;
        sum += mean;
        // Batch means: responses are correlated over about a round of all users, and hardly from batch to batch.
        let batches: Vec<f64> = responses
            .chunks(100)
            .map(|batch| batch.iter().sum::<f64>() / 100.0)
            .collect();
        let squares: f64 = batches.iter().map(|batch| (batch - mean).powi(2)).sum();
        let half_width = t_quantile_975(19) * (squares / 19.0 / 20.0).sqrt();
        inside += u32::from(seed < 100 && (mean - expected).abs() <= half_width);
    }
    let mean = sum / 200.0;
    assert!((mean / expected - 1.0).abs() < 0.01, "{mean} s, theory {expected} s");
    assert!(
        (90..=99).contains(&inside),
        "theory lies in the interval of {inside} of 100 runs"
    );
}
