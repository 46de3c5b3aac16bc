//! Answers that can be worked out on paper.

use tailcast::engine::{self, Engine, Event, Finished, Observer, ServerSettings, StepRun};
use tailcast::policy::{ContinuousSettings, NoBatching, PolicySettings, Reserve, Response, StaticSettings};
use tailcast::step_time::Affine;
use tailcast::units::{Span, Time};
use tailcast::workload::{Prompt, Request, RequestId};

const STEP_TIME: Affine = Affine {
    base: Span::from_micros(8000),
    per_token: Span::from_micros(20),
    per_sequence: Span::from_micros(30),
};

/// Finished requests by number.
#[derive(Default)]
struct Histories(Vec<(RequestId, Finished)>);

impl Observer for Histories {
    fn on(&mut self, _at: Time, id: RequestId, event: &Event) {
        if let Event::Finished(history) = event {
            self.0.push((id, *history));
        }
    }

    fn ran(&mut self, _run: &StepRun<'_>) {}
}

pub fn request(id: u64, arrival_us: u64, prompt: u32, output_tokens: u32) -> Request {
    let arrival = Time::ZERO + Span::from_micros(arrival_us);
    Request::new(
        RequestId(id),
        arrival,
        Prompt::unique(prompt),
        output_tokens,
        output_tokens,
    )
}

/// Serves the requests with both engines and returns each one's first and last token [us].
fn first_and_last(policy: PolicySettings, requests: &[Request]) -> Vec<(u64, u64)> {
    first_and_last_with(policy, 63, requests)
}

/// The same with this many blocks of 16 tokens.
pub fn first_and_last_with(policy: PolicySettings, usable_blocks: u32, requests: &[Request]) -> Vec<(u64, u64)> {
    let micros = |time: Time| time.picos() / 1_000_000;
    let histories = histories_with(policy, usable_blocks, requests);
    let times = histories.iter();
    times
        .map(|history| (micros(history.first_token), micros(history.finished)))
        .collect()
}

/// Serves the requests with both engines and returns what became of each.
pub fn histories_with(policy: PolicySettings, usable_blocks: u32, requests: &[Request]) -> Vec<Finished> {
    let settings = ServerSettings {
        policy,
        kv_blocks: 1 + usable_blocks,
        block_tokens: 16,
        max_model_len: 1000,
        kv_groups: None,
    };
    let [slow, fast] = [engine::reference, engine::fast].map(|make| {
        let mut engine = make(&settings, Box::new(STEP_TIME));
        let mut histories = Histories::default();
        for request in requests {
            engine.advance(request.arrival, &mut histories);
            engine.submit(request.clone(), &mut histories);
        }
        engine.advance(Time::LIMIT, &mut histories);
        histories.0.sort_by_key(|&(id, _)| id);
        let histories = histories.0.into_iter();
        histories.map(|(_, history)| history).collect::<Vec<_>>()
    });
    assert_eq!(slow, fast);
    fast
}

/// Three requests: A with 100 prompt and 4 output tokens and B with 50 and 10 at the start, C with 30 and 2 a
/// millisecond later.
pub fn three_requests() -> [Request; 3] {
    [request(0, 0, 100, 4), request(1, 0, 50, 10), request(2, 1000, 30, 2)]
}

fn static_batching(response: Response) -> PolicySettings {
    PolicySettings::Static(StaticSettings {
        max_batch_size: 3,
        max_wait: Span::ZERO,
        response,
        reserve: Reserve::Batch,
    })
}

fn continuous() -> PolicySettings {
    PolicySettings::Continuous(ContinuousSettings::new(8, 256))
}

#[test]
fn no_batching_serves_one_request_after_the_other() {
    assert_eq!(
        first_and_last(PolicySettings::None(NoBatching), &three_requests()),
        [(10_030, 34_180), (43_210, 115_660), (124_290, 132_340)]
    );
}

#[test]
fn static_batching_pads_prompts_and_keeps_finished_rows() {
    assert_eq!(
        first_and_last(static_batching(Response::RowEnd), &three_requests()),
        [(12_060, 36_360), (12_060, 84_960), (93_590, 101_640)]
    );
}

#[test]
fn static_batching_can_answer_the_whole_batch_at_its_end() {
    assert_eq!(
        first_and_last(static_batching(Response::BatchEnd), &three_requests()),
        [(84_960, 84_960), (84_960, 84_960), (101_640, 101_640)]
    );
}

#[test]
fn continuous_batching_lets_requests_in_at_the_next_step() {
    assert_eq!(
        first_and_last(continuous(), &three_requests()),
        [(11_060, 36_040), (11_060, 84_340), (19_790, 27_940)]
    );
}

#[test]
fn a_step_decided_ahead_admits_a_step_later_and_frees_a_step_later() {
    let ahead = PolicySettings::Continuous(ContinuousSettings {
        async_scheduling: true,
        ..ContinuousSettings::new(8, 256)
    });
    // Two steps are decided at the start, so C comes in with the third, decided at 11,060 and run from 19,160 to
    // 27,890. B is alone from 36,040 on, six steps of 8,050.
    assert_eq!(
        first_and_last(ahead, &three_requests()),
        [(11_060, 36_040), (11_060, 84_340), (27_890, 36_040)]
    );
    // That D stops after two tokens nobody knows before 18,080 us: it is part of the step that then runs, whose end
    // nobody waits for. E comes in with the step after that.
    let one_at_a_time = PolicySettings::Continuous(ContinuousSettings {
        async_scheduling: true,
        ..ContinuousSettings::new(1, 256)
    });
    let stops = Request::new(RequestId(0), Time::ZERO, Prompt::unique(100), 2, 9);
    let requests = [stops, request(1, 0, 100, 1)];
    let prefill = 8000 + 20 * 100 + 30;
    let decode = 8000 + 20 + 30;
    let stopped = prefill + decode;
    assert_eq!(
        first_and_last(one_at_a_time.clone(), &requests),
        [
            (prefill, stopped),
            (stopped + decode + prefill, stopped + decode + prefill)
        ]
    );
    // An end by length is foreseen: nothing runs in between.
    let requests = [request(0, 0, 100, 2), request(1, 0, 100, 1)];
    assert_eq!(
        first_and_last(one_at_a_time, &requests),
        [(prefill, stopped), (stopped + prefill, stopped + prefill)]
    );
}

#[test]
fn a_static_batch_waits_to_fill_up_but_no_longer_than_the_oldest_may() {
    let waits = |micros| {
        PolicySettings::Static(StaticSettings {
            max_batch_size: 2,
            max_wait: Span::from_micros(micros),
            response: Response::RowEnd,
            reserve: Reserve::Batch,
        })
    };
    let requests = [request(0, 0, 100, 1), request(1, 1000, 100, 1)];
    // Alone: 8000 + 20 * 100 + 30. Together from 1000 us on: 8000 + 20 * 200 + 2 * 30.
    assert_eq!(
        first_and_last(waits(999), &requests),
        [(11_029, 11_029), (21_059, 21_059)]
    );
    assert_eq!(
        first_and_last(waits(5000), &requests),
        [(13_060, 13_060), (13_060, 13_060)]
    );
}

#[test]
fn a_static_batch_that_does_not_fit_shrinks() {
    // 63 usable blocks of 16 tokens; a row of 400 + 100 tokens reserves 32, so two rows do not fit.
    let requests = [request(0, 0, 400, 100), request(1, 0, 100, 1)];
    let times = first_and_last(static_batching(Response::RowEnd), &requests);
    assert_eq!(times[0].0, 8000 + 20 * 400 + 30);
    assert_eq!(times[1].0, times[0].1 + 8000 + 20 * 100 + 30);
}

#[test]
fn arrivals_during_a_step_wait_for_its_end_and_queue_one_behind_the_other() {
    let prompts: Vec<Request> = (0..10).map(|id| request(id, id * 1000, 512, 1)).collect();
    let step = 8000 + 20 * 512 + 30;
    let expected: Vec<_> = (1..=10).map(|place| (place * step, place * step)).collect();
    assert_eq!(first_and_last(PolicySettings::None(NoBatching), &prompts), expected);
}
