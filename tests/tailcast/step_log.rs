//! The engines serve requests at the times at which the step log, which is held to recordings of vLLM, has their tokens; with and without
//! look-ahead.

use std::collections::BTreeMap;

use tailcast::engine::{self, Clock, Engine, Event, Experiment, log_steps};
use tailcast::policy::vllm::VllmScheduler;
use tailcast::policy::{ContinuousSettings, PolicySettings, cut_to_model_length};
use tailcast::step_time::Affine;
use tailcast::units::{Span, Time};
use tailcast::workload::{Request, RequestId};

use crate::worlds::{Heard, Stream, World, world};

/// The first and the last token of each request [us].
type Tokens = BTreeMap<RequestId, (u64, u64)>;

#[test]
fn tokens_come_when_the_step_log_has_them() {
    let mut look_ahead = 0;
    for policy in ["continuous", "continuous with prefix cache"] {
        for seed in 0..300 {
            let mut world = world(policy, seed);
            let most = world.settings.max_model_len;
            if !all_prompts_fit_a_step(&world) {
                continue; // vLLM does not start with such settings.
            }
            world
                .requests
                .retain(|request| request.prompt.tokens() < most);
            for request in &mut world.requests {
                *request = cut_to_model_length(request.clone(), most);
            }
            let log = logged(&world);
            for engine in [engine::reference, engine::fast] {
                let server = engine(&world.settings, Box::new(step_time()));
                assert_eq!(
                    served(&world.requests, server),
                    log,
                    "{policy}, world {seed}"
                );
            }
            look_ahead += u32::from(rules(&world).async_scheduling);
        }
    }
    assert!(look_ahead > 100, "{look_ahead} worlds look ahead");
}

fn step_time() -> Affine {
    Affine {
        base: Span::from_micros(7),
        per_token: Span::from_micros(2),
        per_sequence: Span::from_micros(1),
    }
}

fn all_prompts_fit_a_step(world: &World) -> bool {
    let rules = rules(world);
    rules.chunked_prefill || rules.max_num_batched_tokens >= world.settings.max_model_len
}

fn rules(world: &World) -> &ContinuousSettings {
    match &world.settings.policy {
        PolicySettings::Continuous(rules) => rules,
        _ => panic!("the step log is one of continuous batching"),
    }
}

fn logged(world: &World) -> Tokens {
    let rules = rules(world);
    let scheduler = VllmScheduler::new(rules.clone(), world.settings.memory());
    let step_time = step_time();
    let log = log_steps(
        scheduler,
        &Experiment {
            requests: &world.requests,
            actions: &[],
            clock: Clock::Timed(&step_time),
            async_scheduling: rules.async_scheduling,
        },
    );
    let mut tokens = Tokens::new();
    for (id, micros) in log.tokens {
        tokens.entry(id).or_insert((micros, micros)).1 = micros;
    }
    tokens
}

fn served(requests: &[Request], mut server: Box<dyn Engine>) -> Tokens {
    let mut stream = Stream::default();
    for request in requests {
        server.advance(request.arrival, &mut stream);
        server.submit(request.clone(), &mut stream);
    }
    server.advance(Time::LIMIT, &mut stream);
    let micros = |time: Time| time.picos() / 1_000_000;
    let finishes = stream.heard.iter().filter_map(|heard| match heard {
        Heard::Event {
            id,
            event: Event::Finished(history),
            ..
        } => Some((*id, (micros(history.first_token), micros(history.finished)))),
        _ => None,
    });
    finishes.collect()
}
