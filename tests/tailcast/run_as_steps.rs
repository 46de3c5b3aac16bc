//! What runs go through is the scheduler that recordings are compared with: with priorities, with drafts, and with
//! clients that give up, requests get their tokens when the step log has them.

use std::collections::BTreeMap;

use tailcast::engine::{
    self, Action, Clock, Engine, Event, LoggedExperiment, Observer, Server, StepLog, StepRun, TransferSteps, log_steps,
};
use tailcast::policy::vllm::{CopyTime, OffloadRules, VllmScheduler};
use tailcast::policy::{ContinuousSettings, PolicySettings, cut_to_model_length};
use tailcast::step_time::Affine;
use tailcast::units::{Span, Time};
use tailcast::workload::RequestId;

use crate::worlds::{World, world};

const STEP_TIME: Affine = Affine {
    base: Span::from_micros(7),
    per_token: Span::from_micros(2),
    per_sequence: Span::from_micros(1),
};

/// The first and the last token of each request that finished.
#[derive(Default, Debug, PartialEq, Eq)]
struct Served {
    tokens: BTreeMap<RequestId, (Time, Time)>,
    preemptions: u32,
}

impl Observer for Served {
    fn on(&mut self, _at: Time, id: RequestId, event: &Event) {
        match event {
            Event::Finished(history) => {
                self.tokens.insert(id, (history.first_token, history.finished));
            }
            Event::Preempted => self.preemptions += 1,
            _ => {}
        }
    }

    fn ran(&mut self, _run: &StepRun<'_>) {}
}

#[test]
fn runs_with_priorities_drafts_and_aborts_go_step_by_step_as_the_log_has_it() {
    let (mut preemptions, mut aborts, mut ahead, mut loads, mut compared) = (0, 0, 0, 0, 0);
    for policy in ["continuous with priorities", "continuous with drafts", OFFLOADING] {
        for seed in 0..300 {
            let mut world = match policy {
                OFFLOADING => offloading(seed),
                _ => world(policy, seed),
            };
            let most = world.settings.max_model_len;
            let rules = rules(&world).clone();
            if !rules.chunked_prefill && rules.max_num_batched_tokens < most {
                continue; // vLLM does not start with such settings.
            }
            world.requests.retain(|request| request.prompt.tokens() < most);
            for request in &mut world.requests {
                *request = cut_to_model_length(request.clone(), most);
            }
            // Some give up before some steps, and some of these are there then.
            let requests = world.requests.len() as u64;
            let actions: Vec<(u64, Action)> = (0..requests / 3)
                .map(|number| {
                    (
                        1 + (seed + 5 * number) % 23,
                        Action::Abort(RequestId((seed + 3 * number) % requests)),
                    )
                })
                .collect();
            // Transfers that take no time end with the step with which they begin.
            let at_once = TransferSteps { load: 0, store: 0 };
            let log = log_steps(
                VllmScheduler::new(rules.clone(), world.settings.memory()),
                &LoggedExperiment {
                    transfer_steps: rules.offload.map(|_| at_once),
                    requests: &world.requests,
                    actions: &actions,
                    clock: Clock::Timed(&STEP_TIME),
                    async_scheduling: rules.async_scheduling,
                },
            );
            let Some(given_up) = given_up(&log) else { continue };
            let expected = of_log(&log);
            for engine in [engine::reference, engine::fast] {
                let server = engine(&world.settings, Box::new(STEP_TIME));
                assert_eq!(served(&world, server, &given_up), expected, "{policy}, world {seed}");
            }
            preemptions += expected.preemptions;
            aborts += given_up.len();
            ahead += u32::from(rules.async_scheduling);
            let decided = log.steps.iter().filter_map(|line| line.decided.as_ref());
            loads += decided.map(|it| it.plan.transfers.loads.len()).sum::<usize>();
            compared += 1;
        }
    }
    assert!(
        preemptions > 500 && aborts > 200,
        "{preemptions} preemptions, {aborts} aborts"
    );
    assert!(ahead > 100 && compared > 600, "{ahead} of {compared} decide ahead");
    assert!(loads > 100, "{loads} loads");
}

const OFFLOADING: &str = "continuous with KV cache in the memory of the CPU";

/// A world in which the CPU keeps KV cache too.
fn offloading(seed: u64) -> World {
    let mut world = world("continuous with priorities", seed);
    let PolicySettings::Continuous(rules) = &mut world.settings.policy else {
        panic!("it is one of continuous batching");
    };
    rules.priority = seed.is_multiple_of(4);
    rules.async_scheduling = false;
    rules.offload = Some(OffloadRules {
        cpu_blocks: 1 + (7 * seed % 97) as u32,
        prompt_only: seed.is_multiple_of(2),
        load: CopyTime::default(),
        store: CopyTime::default(),
    });
    world
}

fn rules(world: &World) -> &ContinuousSettings {
    match &world.settings.policy {
        PolicySettings::Continuous(rules) => rules,
        _ => panic!("the step log is one of continuous batching"),
    }
}

/// Who gave up when, of those that were there; `None` if somebody did between two decisions of one instant, which no
/// time tells apart.
fn given_up(log: &StepLog) -> Option<Vec<(Time, RequestId)>> {
    let (mut aborts, mut before) = (Vec::new(), None);
    for line in &log.steps {
        let Some(decided) = &line.decided else { continue };
        for action in &line.actions {
            if let (Action::Abort(id), true) = action {
                if before == Some(decided.at) {
                    return None;
                }
                aborts.push((decided.at, *id));
            }
        }
        before = Some(decided.at);
    }
    Some(aborts)
}

fn of_log(log: &StepLog) -> Served {
    let mut served = Served::default();
    let mut first: BTreeMap<RequestId, Time> = BTreeMap::new();
    for line in &log.steps {
        let preempted = line.decided.as_ref().map_or(0, |decided| decided.plan.preempted.len());
        served.preemptions += preempted as u32;
        let Some(updated) = &line.updated else { continue };
        for output in &updated.outputs {
            first.entry(output.id).or_insert(updated.at);
            if output.finished.is_some() {
                served.tokens.insert(output.id, (first[&output.id], updated.at));
            }
        }
    }
    served
}

fn served(world: &World, mut engine: Server, given_up: &[(Time, RequestId)]) -> Served {
    let mut served = Served::default();
    let mut leaving = given_up.iter().peekable();
    let mut requests = world.requests.iter().peekable();
    loop {
        // Who arrives at an instant is there before others leave at it.
        let arrives = requests.peek().map(|request| request.arrival);
        let leaves = leaving.peek().map(|(at, _)| *at);
        if arrives.is_some_and(|arrival| leaves.is_none_or(|leave| arrival <= leave)) {
            let request = requests.next().expect("one is to come");
            engine.advance(request.arrival, &mut served);
            engine.submit(request.clone(), &mut served);
        } else if let Some(&(at, id)) = leaving.next() {
            engine.advance(at, &mut served);
            engine.abort(id, at);
        } else {
            break;
        }
    }
    engine.advance(Time::LIMIT, &mut served);
    served
}
