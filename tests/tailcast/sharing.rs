//! Prompts share what the workload says they share, and nothing else.

use std::collections::BTreeMap;

use tailcast::workload::{
    Arrivals, ContentId, LengthDistribution, Lengths, PoolOrder, Prompt, PromptPool, Request, SharedPrefix, Source,
    Synthetic,
};

const UNIFORM: LengthDistribution = LengthDistribution::Uniform { min: 5, max: 900 };

/// Requests with prompts of 5 to 900 tokens.
pub fn workload(requests: u64) -> Synthetic {
    Synthetic {
        requests: Some(requests),
        ..Synthetic::new(
            Arrivals::Poisson { rate_per_s: 10.0 },
            Lengths::new(UNIFORM),
            Lengths::new(LengthDistribution::Exponential { mean: 50.0 }),
        )
    }
}

fn prefix(pool: u32, tokens: Lengths, popularity: f64) -> SharedPrefix {
    SharedPrefix {
        pool,
        tokens,
        popularity,
    }
}

fn drawn(workload: &Synthetic, seed: u64) -> Vec<Request> {
    assert_eq!(workload.validate(), Ok(()));
    let mut source = workload.source(seed);
    let mut requests = Vec::new();
    while source.next_arrival().unwrap().is_some() {
        requests.push(source.take());
    }
    requests
}

/// The identity of every token of a prompt.
pub fn tokens_of(prompt: &Prompt) -> Vec<(ContentId, u32)> {
    let segments = prompt.segments().expect("a prompt with content").iter();
    let tokens = segments
        .flat_map(|segment| (segment.offset..segment.offset + segment.tokens).map(|place| (segment.content, place)));
    tokens.collect()
}

/// How many leading tokens two prompts share.
pub fn shared(one: &Prompt, other: &Prompt) -> usize {
    let (one, other) = (tokens_of(one), tokens_of(other));
    let pairs = one.iter().zip(&other);
    pairs.take_while(|(one, other)| one == other).count()
}

fn first_content(request: &Request) -> ContentId {
    request.prompt.segments().unwrap()[0].content
}

/// How often each first content occurs, the most popular first.
fn counts(requests: &[Request]) -> Vec<f64> {
    let mut counts = BTreeMap::new();
    for request in requests {
        *counts.entry(first_content(request)).or_insert(0.0) += 1.0;
    }
    counts.into_values().collect()
}

#[test]
fn prefixes_are_as_popular_as_the_exponent_says() {
    const REQUESTS: u32 = 200_000;
    for exponent in [0.0, 0.7, 1.0, 2.0] {
        let mut workload = workload(REQUESTS.into());
        workload.prefix = Some(prefix(10, Lengths::fixed(100), exponent));
        let counts = counts(&drawn(&workload, 5));
        let weights: Vec<f64> = (1..=10).map(|k| f64::from(k).powf(-exponent)).collect();
        let sum: f64 = weights.iter().sum();
        assert_eq!(counts.len(), 10);
        for (count, weight) in counts.iter().zip(&weights) {
            let expected = f64::from(REQUESTS) * weight / sum;
            let error = (count - expected) / expected.sqrt();
            assert!(error.abs() < 4.5, "{exponent}: {count}, not {expected}");
        }
    }
}

#[test]
fn a_prefix_comes_before_the_prompt_and_changes_nothing_else() {
    let plain = drawn(&workload(1000), 7);
    let mut with_prefix = workload(1000);
    with_prefix.prefix = Some(prefix(20, Lengths::new(UNIFORM), 1.0));
    let mut lengths = BTreeMap::new();
    for (plain, shared) in plain.iter().zip(&drawn(&with_prefix, 7)) {
        let segments = shared.prompt.segments().unwrap();
        let [prefix, rest] = segments else {
            panic!("{segments:?}");
        };
        assert_eq!(rest.tokens, plain.prompt.tokens());
        assert_eq!(shared.prompt.tokens(), prefix.tokens + rest.tokens);
        assert_eq!(rest.content, ContentId::unique_prompt_of(shared.id));
        let length = lengths.entry(prefix.content).or_insert(prefix.tokens);
        assert_eq!(*length, prefix.tokens, "one length for each, for good");
        assert_eq!(shared.arrival, plain.arrival);
        assert_eq!(shared.output_tokens, plain.output_tokens);
        assert!(!shared.output_is_shared);
    }
    let different: std::collections::BTreeSet<u32> = lengths.values().copied().collect();
    assert!(different.len() > 10, "{lengths:?}");
}

#[test]
fn prompts_share_their_prefix_and_not_a_token_more() {
    let mut workload = workload(300);
    workload.prefix = Some(prefix(3, Lengths::new(UNIFORM), 0.5));
    let requests = drawn(&workload, 1);
    for one in &requests {
        for other in requests.iter().filter(|other| other.id > one.id) {
            let expected = if first_content(one) == first_content(other) {
                one.prompt.segments().unwrap()[0].tokens as usize
            } else {
                0
            };
            assert_eq!(shared(&one.prompt, &other.prompt), expected);
        }
    }
}

#[test]
fn a_cycled_pool_sends_every_prompt_before_any_twice() {
    let mut workload = workload(250);
    workload.prompt_pool = Some(PromptPool {
        size: 100,
        order: PoolOrder::Cycle,
    });
    let requests = drawn(&workload, 1);
    for (one, again) in requests.iter().zip(&requests[100..]) {
        assert_eq!(one.prompt, again.prompt);
    }
    for (number, one) in requests[..100].iter().enumerate() {
        for other in &requests[number + 1..100] {
            assert_eq!(shared(&one.prompt, &other.prompt), 0);
        }
    }
    let plain = drawn(&self::workload(100), 1);
    for (plain, pooled) in plain.iter().zip(&requests) {
        assert_eq!(plain.prompt.tokens(), pooled.prompt.tokens());
    }
}

#[test]
fn a_pool_with_prefixes_falls_into_groups_of_equal_size() {
    let mut workload = workload(100);
    workload.prompt_pool = Some(PromptPool {
        size: 100,
        order: PoolOrder::Cycle,
    });
    workload.prefix = Some(prefix(10, Lengths::fixed(500), 0.0));
    let requests = drawn(&workload, 1);
    assert_eq!(counts(&requests), [10.0; 10]);
    for (number, one) in requests.iter().enumerate() {
        for (later, other) in requests.iter().enumerate().skip(number + 1) {
            let expected = if (later - number) % 10 == 0 { 500 } else { 0 };
            assert_eq!(shared(&one.prompt, &other.prompt), expected);
        }
    }
}

#[test]
fn a_drawn_pool_prefers_its_first_prompts() {
    let mut workload = workload(100_000);
    workload.prompt_pool = Some(PromptPool {
        size: 4,
        order: PoolOrder::Draw { popularity: 1.0 },
    });
    let counts = counts(&drawn(&workload, 1));
    // 1/k of 25/12.
    for (count, share) in counts.iter().zip([0.48, 0.24, 0.16, 0.12]) {
        assert!((count / 100_000.0 - share).abs() < 0.006, "{count}: {share}");
    }
}

#[test]
fn the_same_seed_shares_the_same() {
    let mut workload = workload(1000);
    workload.prefix = Some(prefix(20, Lengths::new(UNIFORM), 1.0));
    assert_eq!(drawn(&workload, 3), drawn(&workload, 3));
    assert_ne!(drawn(&workload, 3), drawn(&workload, 4));
}

#[test]
fn no_prompt_is_longer_than_any_may_be() {
    let longest = Lengths::fixed(tailcast::workload::MOST_TOKENS);
    let mut workload = workload(3);
    workload.prompt = longest.clone();
    workload.prefix = Some(prefix(1, longest, 0.0));
    for request in drawn(&workload, 1) {
        assert_eq!(request.prompt.tokens(), tailcast::workload::MOST_TOKENS);
    }
}
