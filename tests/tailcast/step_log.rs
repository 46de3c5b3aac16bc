//! The engines serve requests at the times at which the step log, which is held to recordings of vLLM or SGLang, has
//! their tokens; with and without look-ahead.

use std::collections::BTreeMap;

use tailcast::engine::{self, Clock, Engine, Event, LoggedExperiment, Server, SglangLogged, log_sglang, log_steps};
use tailcast::policy::sglang::SglangScheduler;
use tailcast::policy::vllm::VllmScheduler;
use tailcast::policy::{ContinuousSettings, Memory, PolicySettings, cut_to_model_length};
use tailcast::step_time::Affine;
use tailcast::units::{Span, Time};
use tailcast::workload::{Request, RequestId};

use crate::known::request;
use crate::worlds::{Heard, Stream, World, policy_names, world};

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
            world.requests.retain(|request| request.prompt.tokens() < most);
            for request in &mut world.requests {
                *request = cut_to_model_length(request.clone(), most);
            }
            let log = logged(&world);
            for engine in [engine::reference, engine::fast] {
                let server = engine(&world.settings, Box::new(step_time()));
                assert_eq!(served(&world.requests, server), log, "{policy}, world {seed}");
            }
            look_ahead += u32::from(rules(&world).async_scheduling);
        }
    }
    assert!(look_ahead > 100, "{look_ahead} worlds look ahead");
}

#[test]
fn tokens_come_when_the_log_of_sglangs_scheduler_has_them() {
    let mut overlapping = 0;
    for policy in policy_names().filter(|name| name.starts_with("sglang")) {
        for seed in 0..300 {
            let mut world = world(policy, seed);
            let most = world.settings.max_model_len;
            let PolicySettings::Sglang(rules) = world.settings.policy.clone() else {
                panic!("a world of SGLang's");
            };
            let scheduler = SglangScheduler::new(rules.clone(), &world.settings.memory());
            world.requests.retain(|request| request.prompt.tokens() < most);
            for request in &mut world.requests {
                *request = cut_to_model_length(request.clone(), most);
            }
            world.requests.retain(|request| scheduler.can_ever_serve(request));
            for (number, request) in world.requests.iter_mut().enumerate() {
                request.id = RequestId(number as u64);
            }
            let log = log_sglang(
                scheduler,
                &SglangLogged {
                    requests: &world.requests,
                    aborts: Vec::new(),
                    step_time: &step_time(),
                    overlap: rules.overlap_schedule,
                },
            );
            let mut tokens = Tokens::new();
            for update in log.turns.iter().filter_map(|turn| turn.update.as_ref()) {
                let micros = update.at.picos() / 1_000_000;
                for output in &update.outputs {
                    tokens.entry(output.id).or_insert((micros, micros)).1 = micros;
                }
            }
            let server = engine::reference(&world.settings, Box::new(step_time()));
            assert_eq!(served(&world.requests, server), tokens, "{policy}, world {seed}");
            overlapping += u32::from(rules.overlap_schedule);
        }
    }
    assert!(overlapping > 100, "{overlapping} worlds decide ahead");
}

#[test]
fn a_log_in_which_the_head_can_never_be_scheduled_ends() {
    let large = request(0, 0, 40, 1);
    let mut late = request(1, 500, 8, 2);
    late.priority = -1;
    let requests = [large, late];
    let step_time = step_time();
    let counted = || Clock::Counted;
    let timed = || Clock::Timed(&step_time);
    for async_scheduling in [false, true] {
        for (clock, tokens) in [(counted(), [500, 501]), (timed(), [524, 534])] {
            // vLLM does not start with such settings: a prompt that no step holds stays at the head of the queue.
            let rules = ContinuousSettings {
                chunked_prefill: false,
                priority: true,
                async_scheduling,
                ..ContinuousSettings::new(4, 32)
            };
            let memory = Memory {
                usable_blocks: 63,
                block_tokens: 16,
                max_model_len: 64,
                kv_groups: None,
            };
            let log = log_steps(
                VllmScheduler::new(rules, memory),
                &LoggedExperiment {
                    transfer_steps: None,
                    requests: &requests,
                    actions: &[],
                    clock,
                    async_scheduling,
                },
            );
            assert_eq!(log.tokens, tokens.map(|at| (RequestId(1), at)));
            assert!(log.steps.len() < 510, "{} lines", log.steps.len());
        }
    }
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
        &LoggedExperiment {
            transfer_steps: None,
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

fn served(requests: &[Request], mut server: Server) -> Tokens {
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
