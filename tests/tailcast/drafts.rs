//! Speculative decoding in both engines' clothes: schedules worked out on paper, and what chance accepts.

use tailcast::engine::{self, Engine, Event, Finished, Observer, ServerSettings, StepRun};
use tailcast::policy::{Acceptance, ContinuousSettings, DraftRules, PolicySettings, Speculative};
use tailcast::step_time::{Affine, StepShape};
use tailcast::units::{Span, Time};
use tailcast::workload::{Request, RequestId};

use crate::known::request;

/// What was heard: the steps' batches with when they ended, gaps within requests, and histories.
#[derive(Default)]
struct Heard {
    steps: Vec<(u64, StepShape)>,
    gaps: u64,
    finished: Vec<(RequestId, Finished)>,
}

impl Observer for Heard {
    fn on(&mut self, _at: Time, id: RequestId, event: &Event) {
        match event {
            Event::Token { .. } => self.gaps += 1,
            Event::Finished(history) => self.finished.push((id, *history)),
            _ => {}
        }
    }

    fn ran(&mut self, run: &StepRun<'_>) {
        assert_eq!(run.steps, 1);
        self.gaps += u64::from(run.streaming);
        self.steps.push((run.end().picos() / 1_000_000, *run.shape));
    }
}

const STEP_TIME: Affine = Affine {
    base: Span::from_micros(8000),
    per_token: Span::from_micros(20),
    per_sequence: Span::from_micros(30),
};

fn serve(acceptance: Acceptance, tokens: u32, requests: &[Request]) -> Heard {
    let settings = ServerSettings {
        policy: PolicySettings::Continuous(ContinuousSettings {
            speculative: Some(Speculative {
                tokens,
                proposals: Vec::new(),
                lookahead_tokens: 0,
                recomputes_last_hit: false,
                key_lookahead: 0,
                draft_slots: 0,
                rules: DraftRules::NEWEST,
                looks_ahead: false,
                accepts_padding: false,
                acceptance,
            }),
            ..ContinuousSettings::new(8, 256)
        }),
        kv_blocks: 64,
        block_tokens: 16,
        max_model_len: 1000,
        kv_groups: None,
    };
    let mut engine = engine::fast(&settings, Box::new(STEP_TIME));
    let mut heard = Heard::default();
    for request in requests {
        engine.advance(request.arrival, &mut heard);
        engine.submit(request.clone(), &mut heard);
    }
    engine.advance(Time::LIMIT, &mut heard);
    heard
}

/// Steps after the one that computes the prompt.
fn decode_steps(acceptance: Acceptance, tokens: u32, output: u32) -> usize {
    let heard = serve(acceptance, tokens, &[request(0, 0, 40, output)]);
    assert_eq!(heard.finished[0].1.output_tokens, output);
    heard.steps.len() - 1
}

#[test]
fn drafts_that_are_never_accepted_save_no_step() {
    for tokens in [1, 3, 8] {
        for output in [1, 2, 7, 30] {
            let steps = decode_steps(Acceptance::independent(0.0, tokens), tokens, output);
            assert_eq!(steps, output as usize - 1);
        }
    }
}

#[test]
fn drafts_that_are_always_accepted_come_with_every_step() {
    for tokens in [1, 3, 8] {
        for output in [1, 2, 7, 30] {
            let steps = decode_steps(Acceptance::independent(1.0, tokens), tokens, output);
            // The first token is the prompt's own.
            assert_eq!(steps, (output - 1).div_ceil(tokens + 1) as usize);
        }
    }
}

/// A prompt of 40 tokens, 12 tokens of output, 3 drafts a step of which 3, 0, 1 and again 3 are accepted: 1, then 4, 1,
/// 2 and 4 tokens.
#[test]
fn a_schedule_with_drafts_is_as_worked_out() {
    let acceptance = Acceptance::Cyclic(vec![3, 0, 1]);
    let heard = serve(acceptance, 3, &[request(0, 0, 40, 12)]);
    // 8000 + 20 * 40 + 30, then four steps of four tokens: 8000 + 20 * 4 + 30.
    let ends: Vec<u64> = heard.steps.iter().map(|(end, _)| *end).collect();
    assert_eq!(ends, [8_830, 16_940, 25_050, 33_160, 41_270]);
    // 40, 44, 45 and 47 tokens have been computed before each.
    for ((_, shape), done) in heard.steps[1..].iter().zip([40, 44, 45, 47]) {
        let mut expected = StepShape::default();
        expected.add_verification(done, 3);
        assert_eq!(*shape, expected);
        assert_eq!((shape.tokens(), shape.sampling), (4, 4));
        assert_eq!(shape.prefill_context, u64::from(done) + 4);
        assert_eq!(shape.prefill_attention, u64::from(done) * 4 + 10);
    }
    let history = &heard.finished[0].1;
    assert_eq!(history.output_tokens, 12);
    assert_eq!(heard.gaps, 4, "tokens of a step arrive together");
    let counts = history.drafts;
    assert_eq!((counts.drafts, counts.draft_tokens, counts.accepted_tokens), (4, 12, 7));
}

/// Beside a prompt that takes the rest of the budget: drafts count against it, and old requests go first.
#[test]
fn drafts_are_paid_from_the_budget_of_the_step() {
    let requests = [request(0, 0, 100, 9), request(1, 9_000, 300, 2)];
    let heard = serve(Acceptance::Cyclic(vec![1]), 3, &requests);
    let (_, mixed) = heard.steps[1];
    assert_eq!(mixed.tokens(), 256);
    let mut expected = StepShape::default();
    expected.add_verification(100, 3);
    expected.add(0, 252, 300);
    assert_eq!(mixed, expected);
    assert!(!mixed.is_uniform() && mixed.has_prompts());
}

/// Room for one token more than what is computed: a request near the model's length drafts less.
#[test]
fn drafts_end_at_the_length_of_the_model() {
    let heard = serve(Acceptance::independent(0.0, 8), 8, &[request(0, 0, 990, 100)]);
    let chunks: Vec<u64> = heard.steps.iter().map(|(_, shape)| shape.tokens()).collect();
    // The prompt takes four steps; then 999 - 990 tokens may be computed, 999 - 991, and so on.
    assert_eq!(chunks[4..], [9, 8, 7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(heard.finished[0].1.output_tokens, 10);
}

#[test]
fn chance_accepts_as_many_as_the_formula_says() {
    let (rate, tokens) = (0.7, 3);
    let requests: Vec<Request> = (0..40).map(|id| request(id, id * 1_000_000, 20, 900)).collect();
    let heard = serve(Acceptance::independent(rate, tokens), tokens, &requests);
    assert_eq!(heard.finished.len(), 40);
    let (mut drafts, mut accepted) = (0, 0);
    for (_, history) in &heard.finished {
        drafts += history.drafts.drafts;
        accepted += history.drafts.accepted_tokens;
    }
    let mean = 1.0 + accepted as f64 / drafts as f64;
    let expected = (1.0 - f64::powi(rate, 4)) / (1.0 - rate);
    assert!((mean - expected).abs() < 0.03, "{mean}, not {expected}");
    let steps: f64 = 40.0 * 899.0 / expected;
    assert!((drafts as f64 / steps - 1.0).abs() < 0.02, "{drafts} {steps}");
}

/// What is accepted depends on the request alone, so one that shares its steps with others needs as many as one that is
/// alone.
#[test]
fn company_does_not_change_what_is_accepted() {
    let acceptance = Acceptance::independent(0.6, 4);
    let together: Vec<Request> = (0..4).map(|id| request(id, 0, 30, 50)).collect();
    let apart: Vec<Request> = (0..4).map(|id| request(id, id * 1_000_000, 30, 50)).collect();
    let counts = |requests: &[Request]| {
        let mut finished = serve(acceptance.clone(), 4, requests).finished;
        finished.sort_by_key(|(id, _)| *id);
        finished.iter().map(|(_, history)| history.drafts).collect::<Vec<_>>()
    };
    assert_eq!(counts(&together), counts(&apart));
}
