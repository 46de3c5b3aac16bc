//! Arrivals and lengths have the distributions they claim, and requests are made as documented.

use std::sync::Arc;

use tailcast::stats::streams::stream;
use tailcast::units::{Span, Time};
use tailcast::workload::{
    Arrivals, ClosedStart, LengthDistribution, Lengths, MixturePart, QuantileTable, Request, RequestId, Source,
    Synthetic, SyntheticSource, Think,
};

fn seconds(seconds: f64) -> Span {
    Span::from_seconds(seconds).unwrap()
}

fn workload(arrivals: Arrivals, requests: u64) -> Synthetic {
    Synthetic {
        requests: Some(requests),
        ..Synthetic::new(arrivals, Lengths::fixed(100), Lengths::fixed(10))
    }
}

fn all(mut source: SyntheticSource) -> Vec<Request> {
    let mut requests = Vec::new();
    while source.next_arrival().unwrap().is_some() {
        requests.push(source.take());
    }
    requests
}

fn mean_and_cv(numbers: impl Iterator<Item = f64>) -> (f64, f64) {
    let numbers: Vec<f64> = numbers.collect();
    let mean = numbers.iter().sum::<f64>() / numbers.len() as f64;
    let squares: f64 = numbers.iter().map(|number| (number - mean).powi(2)).sum();
    (mean, (squares / numbers.len() as f64).sqrt() / mean)
}

#[track_caller]
fn assert_near(what: &str, measured: f64, expected: f64, tolerance: f64) {
    let close = (measured - expected).abs() <= tolerance * expected.abs().max(1e-9);
    assert!(close, "{what}: {measured}, expected {expected}");
}

/// Mean and coefficient of variation of 200,000 gaps, the first counted from time 0.
fn gaps_of(arrivals: Arrivals) -> (f64, f64) {
    let requests = all(workload(arrivals, 200_000).source(11));
    let mut last = Time::ZERO;
    mean_and_cv(requests.iter().map(|request| {
        let gap = request.arrival - last;
        last = request.arrival;
        gap.seconds()
    }))
}

#[test]
fn arrivals_have_their_mean_rate_and_burstiness() {
    let rate_per_s = 8.0;
    let weibull_cv = |shape: f64| {
        let moment = |order: f64| libm::tgamma(1.0 + order / shape);
        (moment(2.0) / moment(1.0).powi(2) - 1.0).sqrt()
    };
    for (name, arrivals, cv) in [
        ("poisson", Arrivals::Poisson { rate_per_s }, 1.0),
        ("gamma 2", Arrivals::Gamma { rate_per_s, cv: 2.0 }, 2.0),
        ("gamma 0.5", Arrivals::Gamma { rate_per_s, cv: 0.5 }, 0.5),
        (
            "weibull 0.7",
            Arrivals::Weibull { rate_per_s, shape: 0.7 },
            weibull_cv(0.7),
        ),
        (
            "weibull 3",
            Arrivals::Weibull { rate_per_s, shape: 3.0 },
            weibull_cv(3.0),
        ),
        ("constant", Arrivals::Constant { rate_per_s }, 0.0),
    ] {
        assert_eq!(arrivals.validate(), Ok(()));
        assert_eq!(arrivals.mean_rate_per_s(), Some(rate_per_s));
        let (gap_s, measured_cv) = gaps_of(arrivals);
        assert_near(name, 1.0 / gap_s, rate_per_s, 0.015);
        assert!(
            (measured_cv - cv).abs() < 0.02 * cv.max(0.2),
            "{name}: CV {measured_cv}"
        );
    }
}

#[test]
fn poisson_counts_vary_as_much_as_their_mean() {
    let requests = all(workload(Arrivals::Poisson { rate_per_s: 10.0 }, 200_000).source(3));
    let mut counts = vec![0.0; 19_000];
    for request in &requests {
        if let Some(count) = counts.get_mut(request.arrival.seconds() as usize) {
            *count += 1.0;
        }
    }
    let (mean, cv) = mean_and_cv(counts.into_iter());
    assert_near("index of dispersion", (cv * mean).powi(2) / mean, 1.0, 0.05);
}

/// Mean and coefficient of variation of 200,000 draws.
fn lengths_of(lengths: &Lengths) -> (f64, f64) {
    assert_eq!(lengths.validate(), Ok(()));
    let sampler = lengths.sampler();
    let mut random = stream(5, "lengths");
    let draws: Vec<u32> = (0..200_000).map(|_| sampler.draw(&mut random)).collect();
    assert!(draws.iter().all(|draw| (lengths.min..=lengths.max).contains(draw)));
    mean_and_cv(draws.into_iter().map(f64::from))
}

fn quantile_table(text: &str) -> QuantileTable {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lengths.csv");
    std::fs::write(&path, text).unwrap();
    QuantileTable::read(&path).unwrap()
}

#[test]
fn lengths_have_their_mean_and_spread() {
    use LengthDistribution::{Exponential, Fixed, Gamma, LogNormal, Mixture, Pareto, Quantiles, Uniform, Zipf};
    let part = |weight, distribution| MixturePart {
        weight,
        lengths: Lengths::new(distribution),
    };
    let parts = vec![
        part(3.0, Fixed { value: 100 }),
        part(1.0, Fixed { value: 500 }),
        part(0.0, Fixed { value: 9 }),
    ];
    let table = quantile_table("tokens,note,quantile\n100,x,0\n200,x,0.5\n1200,x,1\n");
    let harmonic: f64 = (1..=1000).map(|k| 1.0 / f64::from(k)).sum();
    let zipf_cv = (500_500.0 * harmonic / 1e6 - 1.0).sqrt();
    // Of a lognormal distribution: mean = median * exp(sigma^2 / 2), CV = sqrt(exp(sigma^2) - 1).
    let sigma: f64 = 0.6;
    let lognormal = (
        300.0 * (sigma * sigma / 2.0).exp(),
        ((sigma * sigma).exp() - 1.0).sqrt(),
    );
    // Of a Pareto distribution: mean = a m / (a - 1), CV = 1 / sqrt(a (a - 2)).
    let pareto = (1250.0, 1.0 / 15_f64.sqrt());
    for (distribution, (mean, cv)) in [
        (Fixed { value: 77 }, (77.0, 0.0)),
        (Uniform { min: 1, max: 999 }, (500.0, 1.0 / 3_f64.sqrt())),
        (LogNormal { median: 300.0, sigma }, lognormal),
        (Gamma { mean: 700.0, cv: 1.2 }, (700.0, 1.2)),
        (Exponential { mean: 700.0 }, (700.0, 1.0)),
        (
            Zipf {
                exponent: 1.0,
                max: 1000,
            },
            (1000.0 / harmonic, zipf_cv),
        ),
        (
            Pareto {
                min: 1000.0,
                shape: 5.0,
            },
            pareto,
        ),
        (Mixture { parts }, (200.0, 3_f64.sqrt() / 2.0)),
        (Quantiles(Arc::new(table)), (425.0, 0.807)),
    ] {
        let lengths = Lengths::new(distribution);
        let name = format!("{:?}", lengths.distribution);
        let (measured_mean, measured_cv) = lengths_of(&lengths);
        assert_near(&name, measured_mean, mean, 0.015);
        assert!((measured_cv - cv).abs() < 0.02, "{name}: CV {measured_cv}");
        assert_near(&name, lengths.estimated_mean(), mean, 0.02);
    }
}

#[test]
fn extreme_lengths_stay_within_their_bounds() {
    use LengthDistribution::{Exponential, Gamma, LogNormal, Pareto, Zipf};
    for distribution in [
        LogNormal {
            median: 1e9,
            sigma: 20.0,
        },
        LogNormal {
            median: 1e-300,
            sigma: 0.0,
        },
        Gamma { mean: 1e9, cv: 1000.0 },
        Gamma { mean: 1e-9, cv: 0.001 },
        Gamma {
            mean: 1e-320,
            cv: 0.001,
        },
        Exponential { mean: 1e-320 },
        Zipf {
            exponent: 0.0,
            max: 1_000_000_000,
        },
        Zipf {
            exponent: 100.0,
            max: 1_000_000_000,
        },
        Zipf { exponent: 1.0, max: 1 },
        Pareto {
            min: 1e-300,
            shape: 0.01,
        },
        Pareto {
            min: 1e9,
            shape: 1000.0,
        },
    ] {
        let mut lengths = Lengths::new(distribution);
        lengths_of(&lengths);
        (lengths.min, lengths.max) = (16, 4096);
        lengths_of(&lengths);
    }
}

#[test]
fn another_output_distribution_leaves_arrivals_and_prompts_alone() {
    let mut base = workload(
        Arrivals::Gamma {
            rate_per_s: 3.0,
            cv: 1.5,
        },
        1000,
    );
    base.prompt = Lengths::new(LengthDistribution::Exponential { mean: 500.0 });
    let mut other = base.clone();
    other.output = Lengths::new(LengthDistribution::Zipf {
        exponent: 1.2,
        max: 900,
    });
    let (base, other) = (all(base.source(9)), all(other.source(9)));
    for (request, twin) in base.iter().zip(&other) {
        assert_eq!((request.arrival, &request.prompt), (twin.arrival, &twin.prompt));
    }
    assert_ne!(base, other);
}

#[test]
fn requests_are_numbered_and_the_same_for_the_same_seed() {
    let workload = workload(Arrivals::Poisson { rate_per_s: 3.0 }, 100);
    let requests = all(workload.source(1));
    assert!(
        requests
            .iter()
            .zip(0..)
            .all(|(request, id)| request.id == RequestId(id))
    );
    assert!(requests.is_sorted_by_key(|request| request.arrival));
    assert_eq!(requests, all(workload.source(1)));
    assert_ne!(requests, all(workload.source(2)));
}

#[test]
fn arrivals_end_before_the_duration() {
    let mut workload = workload(Arrivals::Constant { rate_per_s: 1.0 }, 1);
    workload.requests = None;
    workload.duration = Some(seconds(600.0));
    let mut source = workload.source(1);
    let mut count = 0;
    while source.next_arrival().unwrap().is_some() {
        source.take();
        count += 1;
    }
    assert_eq!(count, 600);
    assert_eq!(source.next_arrival().unwrap(), None, "an end is final");
}

#[test]
fn max_tokens_cuts_longer_outputs_and_leaves_a_stop_to_shorter_ones() {
    let mut workload = workload(Arrivals::AtOnce, 1000);
    workload.output = Lengths::new(LengthDistribution::Uniform { min: 1, max: 100 });
    assert!(
        all(workload.source(1))
            .iter()
            .all(|request| { request.max_tokens == request.output_tokens && !request.stops })
    );
    workload.max_tokens = Some(60);
    let requests = all(workload.source(1));
    assert!(requests.iter().all(|request| {
        request.max_tokens == 60 && request.output_tokens <= 60 && request.stops == (request.output_tokens < 60)
    }));
    let cut = requests.iter().filter(|request| !request.stops).count();
    assert!((350..450).contains(&cut), "{cut} of 1000 outputs are 60 or longer");
}

#[test]
fn a_closed_loop_keeps_its_concurrency_and_its_number_of_requests() {
    let think = Think::Fixed(seconds(1.0));
    let arrivals = Arrivals::Closed {
        concurrency: 3,
        think,
        start: ClosedStart::Together,
    };
    let mut source = workload(arrivals, 10).source(1);
    assert!(source.is_closed_loop());
    let mut running: Vec<Request> = Vec::new();
    let mut last = Time::ZERO;
    let mut sent = 0;
    loop {
        while let Some(arrival) = source.next_arrival().unwrap() {
            let request = source.take();
            assert_eq!((request.arrival, request.id), (arrival, RequestId(sent)));
            assert!(arrival >= last);
            last = arrival;
            sent += 1;
            running.push(request);
        }
        assert!(running.len() <= 3);
        if running.is_empty() {
            break;
        }
        // Every request takes 5 s.
        let done = running.remove(0);
        source.finished(done.id, done.arrival + seconds(5.0));
    }
    assert_eq!(sent, 10);
    assert_eq!(
        last,
        Time::ZERO + seconds(18.0),
        "ten requests of three clients need four rounds of 6 s"
    );
}

#[test]
fn a_closed_loop_ends_at_its_duration() {
    let arrivals = Arrivals::Closed {
        concurrency: 1,
        think: Think::NONE,
        start: ClosedStart::Spread,
    };
    let mut workload = workload(arrivals, 1);
    workload.requests = None;
    workload.duration = Some(seconds(10.0));
    let mut source = workload.source(1);
    let mut count = 0;
    while source.next_arrival().unwrap().is_some() {
        let request = source.take();
        count += 1;
        source.finished(request.id, request.arrival + seconds(3.0));
    }
    assert_eq!(count, 4, "at 0, 3, 6 and 9 s");
}

#[test]
fn settings_that_make_no_sense_are_named_by_their_key() {
    let good = workload(Arrivals::Poisson { rate_per_s: 1.0 }, 10);
    let key = |change: fn(&mut Synthetic)| {
        let mut bad = good.clone();
        change(&mut bad);
        bad.validate().expect_err("must be refused").key
    };
    assert_eq!(good.validate(), Ok(()));
    assert_eq!(
        key(|bad| bad.arrivals = Arrivals::Poisson { rate_per_s: 0.0 }),
        "arrivals.rate"
    );
    assert_eq!(key(|bad| bad.prompt = Lengths::fixed(0)), "prompt.value");
    assert_eq!(key(|bad| bad.output.max = 0), "output.max");
    assert_eq!(key(|bad| bad.max_tokens = Some(0)), "max_tokens");
    assert_eq!(key(|bad| bad.requests = Some(0)), "requests");
    assert_eq!(key(|bad| bad.requests = None), "requests");
    assert_eq!(key(|bad| bad.duration = Some(Span::ZERO)), "duration");
    assert_eq!(key(|bad| bad.duration = Some(Span::MAX)), "duration");
    let closed = |bad: &mut Synthetic| {
        bad.arrivals = Arrivals::Closed {
            concurrency: 0,
            think: Think::NONE,
            start: ClosedStart::Spread,
        };
    };
    assert_eq!(key(closed), "arrivals.concurrency");
}

#[test]
fn quantile_tables_are_straight_between_their_rows() {
    let table = quantile_table("quantile,tokens\n0,10\n0.5,20\n0.5000001,100\n1,200\n");
    for (quantile, tokens) in [(0.0, 10.0), (0.25, 15.0), (0.5, 20.0), (1.0, 200.0)] {
        assert_near("tokens", table.at(quantile), tokens, 1e-6);
    }
}

#[test]
fn bad_quantile_tables_are_refused_with_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lengths.csv");
    for (text, expected) in [
        ("", "lengths.csv: is empty"),
        ("quantile\n0\n", "lengths.csv:1: the header has no column \"tokens\""),
        ("quantile,tokens\n", "lengths.csv: the table must go on to quantile 1"),
        (
            "quantile,tokens\n0,5\n",
            "lengths.csv: the table must go on to quantile 1",
        ),
        (
            "quantile,tokens\n0.1,5\n",
            "lengths.csv:2:1: quantile: \"0.1\" the table must start at quantile 0",
        ),
        (
            "quantile,tokens\n0,5\n0,6\n",
            "lengths.csv:3:1: quantile: \"0\" quantiles must rise",
        ),
        (
            "quantile,tokens\n0,5\n1,4\n",
            "lengths.csv:3:1: quantile: \"1\" has fewer tokens",
        ),
        (
            "quantile,tokens\n0,NaN\n",
            "lengths.csv:2:2: tokens: \"NaN\" must be a number",
        ),
        (
            "quantile,tokens\n0,5\n1.5,6\n",
            "lengths.csv:3:1: quantile: \"1.5\" must be a number",
        ),
        ("quantile,tokens\n0,5\n1\n", "lengths.csv:3:2: tokens: \"\" is missing"),
    ] {
        std::fs::write(&path, text).unwrap();
        let error = QuantileTable::read(&path).unwrap_err().to_string();
        assert!(error.contains(expected), "{text:?}: {error}");
    }
}
