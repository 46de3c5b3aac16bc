//! Every distribution draws what it has always drawn. `rand_distr`'s draws may change with its version, and those of
//! `f64` with features that any other dependency can switch on (`num-traits/std` replaces the mathematical functions);
//! then results change silently.

use std::fmt::Write;
use std::sync::Arc;

use rand::RngExt;
use tailcast::stats::streams::{hash_bytes, stream};
use tailcast::units::Span;
use tailcast::workload::{
    Arrivals, LengthDistribution, Lengths, MixturePart, PoolOrder, PromptPool, QuantileTable, Session, SharedPrefix,
    Source, Stage, Synthetic, Think,
};

fn arrivals(arrivals: Arrivals) -> Vec<u64> {
    let workload = Synthetic {
        requests: Some(1000),
        ..Synthetic::new(arrivals, Lengths::fixed(1), Lengths::fixed(1))
    };
    let mut source = workload.source(42);
    let mut picos = Vec::new();
    while let Ok(Some(arrival)) = source.next_arrival() {
        source.take();
        picos.push(arrival.picos());
    }
    picos
}

fn lengths(distribution: LengthDistribution) -> Vec<u64> {
    let sampler = Lengths::new(distribution).sampler();
    let mut random = stream(42, "prompt");
    (0..1000).map(|_| u64::from(sampler.draw(&mut random))).collect()
}

/// The first draws, and a hash of all of them: rare branches of the algorithms are pinned too.
fn pin(report: &mut String, name: &str, draws: &[u64]) {
    let bytes: Vec<u8> = draws.iter().flat_map(|draw| draw.to_le_bytes()).collect();
    writeln!(report, "{name}: {:?} {:016x}", &draws[..3], hash_bytes(&bytes)).unwrap();
}

fn measured_lengths() -> QuantileTable {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lengths.csv");
    std::fs::write(&path, "quantile,tokens\n0,1\n0.9,500\n1,9000\n").unwrap();
    QuantileTable::read(&path).unwrap()
}

fn parts() -> Vec<MixturePart> {
    let fixed = Lengths::fixed(10);
    let spread = Lengths::new(LengthDistribution::Exponential { mean: 900.0 });
    [(0.3, fixed), (0.7, spread)]
        .map(|(weight, lengths)| MixturePart { weight, lengths })
        .to_vec()
}

#[test]
fn draws_are_what_they_have_always_been() {
    let mut report = String::new();
    let mut random = stream(42, "arrivals");
    let raw: Vec<u64> = (0..1000).map(|_| random.random()).collect();
    pin(&mut report, "stream", &raw);
    for (name, process) in arrival_processes() {
        pin(&mut report, name, &arrivals(process));
    }
    for (name, distribution) in length_distributions() {
        pin(&mut report, name, &lengths(distribution));
    }
    for (name, workload) in sharing() {
        pin(&mut report, name, &prompts(&workload));
    }
    assert_eq!(report, GOLDEN, "measured:\n{report}");
}

/// All numbers of 1000 prompts, sent one after the other.
fn prompts(workload: &Synthetic) -> Vec<u64> {
    let mut source = workload.source(42);
    let mut numbers = Vec::new();
    while let Ok(Some(arrival)) = source.next_arrival() {
        let request = source.take();
        source.finished(request.id, arrival);
        numbers.push(arrival.picos());
        for segment in request.prompt.segments().unwrap() {
            numbers.extend([segment.content.0, u64::from(segment.tokens)]);
        }
    }
    numbers
}

fn sharing() -> Vec<(&'static str, Synthetic)> {
    let spread = Lengths::new(LengthDistribution::Uniform { min: 1, max: 1000 });
    let workload = Synthetic {
        requests: Some(1000),
        ..Synthetic::new(Arrivals::AtOnce, spread.clone(), spread.clone())
    };
    let prefix = |popularity| {
        Some(SharedPrefix {
            pool: 50,
            tokens: spread.clone(),
            popularity,
        })
    };
    let prefixes = Synthetic {
        prefix: prefix(1.0),
        ..workload.clone()
    };
    let pool = Synthetic {
        prefix: prefix(0.0),
        prompt_pool: Some(PromptPool {
            size: 100,
            order: PoolOrder::Draw { popularity: 0.8 },
        }),
        ..workload.clone()
    };
    let sessions = Synthetic {
        session: Some(Session {
            turns: spread.clone(),
            think: Think::Exponential {
                mean: Span::from_micros(10),
            },
        }),
        ..workload
    };
    vec![("prefixes", prefixes), ("prompt pool", pool), ("sessions", sessions)]
}

fn arrival_processes() -> Vec<(&'static str, Arrivals)> {
    let rate_per_s = 8.0;
    let stages = [(2.0, 10.0), (0.0, 5.0), (50.0, 10.0)].map(|(rate_per_s, seconds)| Stage {
        rate_per_s,
        duration: Span::from_seconds(seconds).unwrap(),
    });
    vec![
        ("poisson", Arrivals::Poisson { rate_per_s }),
        ("gamma arrivals, bursty", Arrivals::Gamma { rate_per_s, cv: 2.0 }),
        ("gamma arrivals, regular", Arrivals::Gamma { rate_per_s, cv: 0.5 }),
        ("weibull", Arrivals::Weibull { rate_per_s, shape: 0.7 }),
        ("constant", Arrivals::Constant { rate_per_s: 3.0 }),
        ("stages", Arrivals::Stages(stages.to_vec())),
    ]
}

fn length_distributions() -> Vec<(&'static str, LengthDistribution)> {
    use LengthDistribution as Draw;
    vec![
        ("uniform", Draw::Uniform { min: 1, max: 1000 }),
        (
            "lognormal",
            Draw::LogNormal {
                median: 512.0,
                sigma: 0.8,
            },
        ),
        ("gamma", Draw::Gamma { mean: 700.0, cv: 1.2 }),
        ("exponential", Draw::Exponential { mean: 700.0 }),
        (
            "zipf",
            Draw::Zipf {
                exponent: 1.1,
                max: 4096,
            },
        ),
        ("pareto", Draw::Pareto { min: 16.0, shape: 1.5 }),
        ("mixture", Draw::Mixture { parts: parts() }),
        ("quantiles", Draw::Quantiles(Arc::new(measured_lengths()))),
    ]
}

const GOLDEN: &str = "\
stream: [4984079520889210636, 350822812970492198, 14510866109216219432] b74512fcd6530ae4
poisson: [163224983584, 171274496780, 497634620746] 7e087ddfa45e2d52
gamma arrivals, bursty: [5774963023, 14924715167, 24957759675] 56d6f32e4000aff5
gamma arrivals, regular: [53159454909, 265349913011, 289802934503] 9dd9985098b8e024
weibull: [145018176065, 850940719167, 863796510664] 2f321c4690819735
constant: [0, 333333333333, 666666666666] 7ed0f2782c4b0b0e
stages: [652899934337, 685097987121, 1990538482987] 045959f9d4ee7c8d
uniform: [115, 462, 711] 11c647578a904b51
lognormal: [182, 431, 671] 88a1db21ac98019b
gamma: [50, 66, 925] 07fd166ede01c08a
exponential: [155, 1499, 284] b3c174c8b753e68c
zipf: [1, 105, 5] 1b036f570f831c65
pareto: [68, 27, 20] c4f5d4032862e1a6
mixture: [10, 365, 10] 791c9b49c639a4d4
quantiles: [64, 257, 395] 5a6539de0190923a
prefixes: [0, 3, 162] 134a29985c05b15f
prompt pool: [0, 11, 909] c0173a6fc9fcbceb
sessions: [0, 2305843009213693952, 514] 39c222937c7e7ea1
";
