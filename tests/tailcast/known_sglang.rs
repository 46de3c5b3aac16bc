//! SGLang's schedules, worked out on paper from its rules. A step takes 8000 us, 20 more for each token and 30 more for
//! each request; memory is in blocks of 16 tokens. The three requests are A (100 prompt, 4 output tokens), B (50, 10),
//! both at the start, and C (30, 2) a millisecond later.

use tailcast::engine::Finished;
use tailcast::policy::{PolicySettings, SchedulePolicy, SglangPriorities, SglangSettings};
use tailcast::workload::{ContentId, OutputName, Prompt, Request, Segment};

use crate::known::{first_and_last_with, histories_with, request, three_requests};
use crate::known_engines::ROOMY;

/// SGLang's defaults, but for eight requests at once and without the overlap schedule.
fn settings() -> SglangSettings {
    SglangSettings {
        max_running_requests: 8,
        max_prefill_tokens: 16384,
        chunked_prefill_size: Some(8192),
        enable_mixed_chunk: false,
        schedule_conservativeness: 1.0,
        schedule_policy: SchedulePolicy::Fcfs,
        prefix_caching: true,
        page_size: 1,
        overlap_schedule: false,
        priorities: None,
        special_tokens: None,
    }
}

/// The same with pages of a block.
fn paged(chunked_prefill_size: Option<u32>, enable_mixed_chunk: bool) -> PolicySettings {
    PolicySettings::Sglang(SglangSettings {
        chunked_prefill_size,
        enable_mixed_chunk,
        page_size: 16,
        ..settings()
    })
}

/// One request that `order` serves at a time.
fn one_at_a_time(order: SchedulePolicy) -> SglangSettings {
    SglangSettings {
        max_running_requests: 1,
        schedule_policy: order,
        ..settings()
    }
}

/// A request with a prompt of these stretches: the number of a content, of which it takes the first so many tokens.
fn saying(id: u64, arrival_us: u64, stretches: &[(u64, u32)], output: u32) -> Request {
    let segment = |&(content, tokens)| Segment {
        content: ContentId::numbered(content),
        offset: 0,
        tokens,
    };
    Request {
        prompt: Prompt::of_segments(stretches.iter().map(segment).collect::<Vec<_>>()),
        ..request(id, arrival_us, 1, output)
    }
}

fn serve(settings: SglangSettings, usable_blocks: u32, requests: &[Request]) -> Vec<Finished> {
    histories_with(PolicySettings::Sglang(settings), usable_blocks, requests)
}

/// When each request finished [us], and how many tokens of its prompt it found in the cache.
fn ends_and_hits(settings: SglangSettings, usable_blocks: u32, requests: &[Request]) -> Vec<(u64, u32)> {
    let histories = serve(settings, usable_blocks, requests);
    let both = |history: &Finished| (history.finished.picos() / 1_000_000, history.cached_tokens);
    histories.iter().map(both).collect()
}

fn hits(usable_blocks: u32, requests: &[Request]) -> Vec<u32> {
    let histories = serve(settings(), usable_blocks, requests);
    histories.iter().map(|it| it.cached_tokens).collect()
}

#[test]
fn prompts_stall_decodes() {
    // As vLLM V0.
    assert_eq!(
        first_and_last_with(paged(Some(8192), false), ROOMY, &three_requests()),
        [(11_060, 44_040), (11_060, 92_340), (19_690, 27_840)]
    );
}

#[test]
fn decodes_are_mixed_into_prompts_if_told_to() {
    // 64 tokens a chunk, in pages of 16. A's first 64: 9310. A's 36 take three pages, B gets the fourth: 52 tokens, 2
    // requests: 9100 -> 18 410. A's decode leaves 63: B's 34, three pages, and no whole page is left for C: 35 tokens,
    // 2: 8760 -> 27 170. Two decodes and C's 30: 32 tokens, 3: 8730 -> 35 900. Three decodes 8150 -> 44 050. B's last
    // seven 8050 each -> 100 400.
    assert_eq!(
        first_and_last_with(paged(Some(64), true), ROOMY, &three_requests()),
        [(18_410, 44_050), (27_170, 100_400), (35_900, 44_050)]
    );
}

#[test]
fn a_fraction_of_what_may_still_be_produced_is_counted_on() {
    // 112 tokens of memory. A (48, at most 20) comes in: 8990. Of its 19 tokens to come 0.7 are expected: 64 - 13.3 =
    // 50.7 are left, and B wants its prompt, its output and a page. With 30 + 3 + 16 = 49 it comes in: 8630 -> 17 620;
    // with 32 + 3 + 16 = 51 the batch counts as full until A has finished.
    let late = |prompt| [request(0, 0, 48, 20), request(1, 1000, prompt, 3)];
    let fits = first_and_last_with(paged(None, false), 7, &late(30));
    assert_eq!(fits[1].0, 17_620);
    let waits = first_and_last_with(paged(None, false), 7, &late(32));
    // A alone: 19 decodes of 8050 after 8990 -> 161 940; B's 32: 8670.
    assert_eq!(waits[1].0, 161_940 + 8670);
}

#[test]
fn a_retracted_request_goes_to_the_end_of_the_queue() {
    // 7 pages and no cache. The estimate is bold: conservativeness 0.1 expects 0.07 of what is allowed. A (17 prompt,
    // 40 output): 8370. C (16, 40): 16 + 40 + 16 = 72 < 80 - 0.07 * 39: 8350 -> 16 720. D (40, 1), at 20 000, does not
    // fit and waits. Both decode, 8100 a step: after 32 of them A has filled 3 pages and taken a fourth, C has filled
    // its 3 and lacks one: at 275 920 both have 33 outputs, and A, with the longer prompt, is retracted behind D. C's
    // last seven 8050 each -> 332 270. Then D, 8830 -> 341 100, since A's 50 tokens, 7 to come and a page do not fit
    // beside it; then A's 50: 9030 -> 350 130 and six decodes of 8050 -> 398 430.
    let settings = PolicySettings::Sglang(SglangSettings {
        chunked_prefill_size: None,
        schedule_conservativeness: 0.1,
        page_size: 16,
        prefix_caching: false,
        ..settings()
    });
    let requests = [
        request(0, 0, 17, 40),
        request(1, 1000, 16, 40),
        request(2, 20_000, 40, 1),
    ];
    assert_eq!(
        first_and_last_with(settings, 7, &requests),
        [(8370, 398_430), (16_720, 332_270), (341_100, 341_100)]
    );
}

#[test]
fn a_prompt_is_found_once_its_step_has_run_up_to_its_last_token() {
    // A and B share 100 of their 120 tokens and neither finds them: 240 tokens, 2 requests: 12 860. C finds the 100,
    // and D, which says the same as A, 119: 21 tokens, 2: 8480 -> 21 340.
    let requests = [
        saying(0, 0, &[(1, 100), (2, 20)], 1),
        saying(1, 0, &[(1, 100), (3, 20)], 1),
        saying(2, 1000, &[(1, 100), (4, 20)], 1),
        saying(3, 1000, &[(1, 100), (2, 20)], 1),
    ];
    assert_eq!(
        ends_and_hits(settings(), ROOMY, &requests),
        [(12_860, 0), (12_860, 0), (21_340, 100), (21_340, 119)]
    );
    // In pages of 16: 6 of them, and 7.
    let paged = SglangSettings {
        page_size: 16,
        ..settings()
    };
    let ends = ends_and_hits(paged, ROOMY, &requests);
    assert_eq!((ends[2].1, ends[3].1), (96, 112));
}

#[test]
fn outputs_are_found_when_their_request_has_finished() {
    // A: 50 tokens 9030, then 9 decodes. C repeats A's prompt and its first 5 output tokens while it decodes, and finds
    // the prompt: at 17 080, 10 tokens 8230 -> 25 310. A's last 8 decodes of 8050 -> 89 710. B repeats all that A said:
    // 50 + 9 tokens were computed: at 100 000, 21 tokens 8450 -> 108 450.
    let answer = OutputName {
        content: ContentId::numbered(9),
        offset: 0,
    };
    let requests = [
        Request {
            output_name: answer,
            output_is_shared: true,
            ..saying(0, 0, &[(1, 50)], 10)
        },
        saying(1, 10_000, &[(1, 50), (9, 5), (2, 5)], 1),
        saying(2, 100_000, &[(1, 50), (9, 10), (3, 20)], 1),
    ];
    assert_eq!(
        ends_and_hits(settings(), ROOMY, &requests),
        [(89_710, 0), (25_310, 50), (108_450, 59)]
    );
}

#[test]
fn a_chunk_is_found_while_the_rest_of_its_prompt_waits() {
    // 64 tokens a chunk. A's first 64: 9310. A's 36, and 28 of the 46 tokens of B that are not among A's first 64: 9340
    // -> 18 650. B's last 18: 8390 -> 27 040.
    let requests = [saying(0, 0, &[(1, 100)], 1), saying(1, 1000, &[(1, 100), (2, 10)], 1)];
    let chunks = SglangSettings {
        chunked_prefill_size: Some(64),
        ..settings()
    };
    assert_eq!(ends_and_hits(chunks, ROOMY, &requests), [(18_650, 0), (27_040, 64)]);
}

#[test]
fn the_least_recently_used_leaf_is_evicted_as_a_whole() {
    // 112 slots. X and Y, 30 tokens each, lie in the tree, X was used again; Z's 60 tokens find 52 free, and Y goes. X
    // is used once more, so Y's 30 tokens, which find 22 free, drive Z out.
    let (x, y, z) = ([(1, 30)], [(2, 30)], [(3, 60)]);
    let requests = [
        saying(0, 0, &x, 1),
        saying(1, 100_000, &y, 1),
        saying(2, 200_000, &x, 1),
        saying(3, 300_000, &z, 1),
        saying(4, 400_000, &x, 1),
        saying(5, 500_000, &y, 1),
        saying(6, 600_000, &x, 1),
        saying(7, 700_000, &z, 1),
    ];
    assert_eq!(hits(7, &requests), [0, 0, 29, 0, 29, 0, 29, 0]);
}

#[test]
fn what_running_requests_use_is_not_evicted() {
    // 112 slots. While L (30 tokens) decodes, X is used after it. B's 60 tokens find less than 52 free; X goes, though
    // L's prompt was used less recently.
    let (x, l, b) = ([(1, 30)], [(2, 30)], [(3, 60)]);
    let requests = [
        saying(0, 0, &x, 1),
        saying(1, 20_000, &l, 20),
        saying(2, 30_000, &x, 1),
        saying(3, 60_000, &b, 1),
        saying(4, 400_000, &l, 1),
        saying(5, 500_000, &x, 1),
    ];
    assert_eq!(hits(7, &requests), [0, 0, 29, 0, 29, 0]);
}

#[test]
fn lpm_goes_by_the_length_of_the_cached_prefix() {
    // W's 40 tokens: 8830. P has nothing in the cache, Q all 40, R the first 20; 20, 10 and 30 tokens are left of them.
    let requests = [
        saying(0, 0, &[(1, 40)], 1),
        saying(1, 1000, &[(2, 20)], 1),
        saying(2, 2000, &[(1, 40), (3, 10)], 1),
        saying(3, 3000, &[(1, 20), (4, 30)], 1),
    ];
    // Q 8230 -> 17 060, R 8630 -> 25 690, P 8430 -> 34 120.
    assert_eq!(
        ends_and_hits(one_at_a_time(SchedulePolicy::Lpm), ROOMY, &requests),
        [(8830, 0), (34_120, 0), (17_060, 40), (25_690, 20)]
    );
    // P 8430 -> 17 260, Q 8230 -> 25 490, R 8630 -> 34 120.
    assert_eq!(
        ends_and_hits(one_at_a_time(SchedulePolicy::Fcfs), ROOMY, &requests),
        [(8830, 0), (17_260, 0), (25_490, 40), (34_120, 20)]
    );
}

#[test]
fn lpm_looks_nobody_up_while_more_than_128_wait() {
    // W's 40 tokens: 8830. Q could find them, but 128 came before it: the first of these, 10 tokens, goes first, 8230
    // -> 17 060, and Q, 10 tokens as well, next.
    let mut requests = vec![saying(0, 0, &[(1, 40)], 1)];
    requests.extend((1..=128).map(|id| saying(id, 1000, &[(id + 1, 10)], 1)));
    requests.push(saying(129, 2000, &[(1, 40), (999, 10)], 1));
    let ends = ends_and_hits(one_at_a_time(SchedulePolicy::Lpm), ROOMY, &requests);
    assert_eq!((ends[1], ends[129]), ((17_060, 0), (25_290, 40)));
}

#[test]
fn lpm_puts_those_last_that_will_find_what_others_bring() {
    let step_of_100 = |schedule_policy| SglangSettings {
        max_prefill_tokens: 100,
        chunked_prefill_size: None,
        schedule_policy,
        ..settings()
    };
    let three = |shared| {
        [
            saying(0, 0, &[(1, shared), (2, 10)], 1),
            saying(1, 0, &[(1, shared), (3, 10)], 1),
            saying(2, 0, &[(4, 30)], 1),
        ]
    };
    // B shares 50 tokens with A and lets C pass: 60 + 30 tokens, 2 requests: 9860. Then it finds them: 10 tokens, 8230
    // -> 18 090.
    assert_eq!(
        ends_and_hits(step_of_100(SchedulePolicy::Lpm), ROOMY, &three(50)),
        [(9860, 0), (18_090, 50), (9860, 0)]
    );
    // In the order of arrival B's 60 do not fit beside A's: 9230. Then 10 and 30 tokens: 8860 -> 18 090.
    assert_eq!(
        ends_and_hits(step_of_100(SchedulePolicy::Fcfs), ROOMY, &three(50)),
        [(9230, 0), (18_090, 50), (18_090, 0)]
    );
    // 32 tokens are enough to wait for: 72 tokens, 2 requests: 9500. B's 10: 8230 -> 17 730.
    assert_eq!(
        ends_and_hits(step_of_100(SchedulePolicy::Lpm), ROOMY, &three(32)),
        [(9500, 0), (17_730, 32), (9500, 0)]
    );
    // 31 are not: 82 tokens, 2 requests: 9700. C's 30: 8630 -> 18 330.
    assert_eq!(
        ends_and_hits(step_of_100(SchedulePolicy::Lpm), ROOMY, &three(31)),
        [(9700, 0), (9700, 0), (18_330, 0)]
    );
}

#[test]
fn a_retracted_request_finds_its_prompt_but_not_its_output() {
    // 80 slots; conservativeness 0.1 expects 0.07 of what is allowed. A (17 prompt, 40 output): 8370. C (16, 25): 8350
    // -> 16 720. Both decode, 8100 a step: 23 steps take them to 40 + 39 slots and 203 020; at the next A, with the
    // longer prompt, is retracted. C's last decode: 8050 -> 211 070. There would be room for all that A had computed,
    // 40 tokens, and it finds 17: 24 tokens, 8510 -> 219 580, and 15 decodes of 8050 -> 340 330.
    let bold = SglangSettings {
        schedule_conservativeness: 0.1,
        ..settings()
    };
    let histories = serve(bold, 5, &[request(0, 0, 17, 40), request(1, 1000, 16, 25)]);
    let ends = histories.iter().map(|it| it.finished.picos() / 1_000_000);
    assert!(ends.eq([340_330, 211_070]));
    let a = histories[0];
    assert_eq!((a.preemptions, a.recomputed_tokens), (1, 40 - 17));
}

#[test]
fn looking_a_retracted_request_up_saves_its_prompt_from_eviction() {
    // 80 slots; conservativeness 0.1 expects 0.07 of what is allowed. A (17 prompt, 40 output): 8370. C (16, 40): 16 +
    // 40 + 1 = 57 < 80 - 17 - 0.07 * 39: 8350 -> 16 720. D (60, 1), at 20 000, does not fit and waits. Both decode,
    // 8100 a step: 23 steps take them to 40 + 39 slots and 203 020; at the next A, with the longer prompt, is retracted
    // behind D. C's last 16 decodes of 8050 -> 331 820. Now D comes in, and A, looked up behind it, does not. D's 60
    // find 8 slots free beside A's 17 and C's 16 + 39: C's output and then its prompt go, for A's was used last. D:
    // 9230 -> 341 050. A finds its 17 tokens and computes 24: 8510 -> 349 560, and 15 decodes of 8050 -> 470 310.
    let bold = SglangSettings {
        schedule_conservativeness: 0.1,
        ..settings()
    };
    let requests = [
        request(0, 0, 17, 40),
        request(1, 1000, 16, 40),
        request(2, 20_000, 60, 1),
    ];
    let histories = serve(bold, 5, &requests);
    let ends: Vec<u64> = histories
        .iter()
        .map(|history| history.finished.picos() / 1_000_000)
        .collect();
    assert_eq!(ends, [470_310, 331_820, 341_050]);
    // Of 17 + 23 tokens that A had computed.
    let a = histories[0];
    assert_eq!((a.preemptions, a.recomputed_tokens, a.cached_tokens), (1, 23, 0));
}

#[test]
fn lof_goes_by_what_may_be_produced() {
    // Q 8230 and 4 decodes of 8050 -> 40 430, R 8230 and 2 -> 64 760, P 8230 and 1 -> 81 040.
    let requests = [request(0, 0, 10, 2), request(1, 0, 10, 5), request(2, 0, 10, 3)];
    let ends = ends_and_hits(one_at_a_time(SchedulePolicy::Lof), ROOMY, &requests);
    assert_eq!(ends, [(81_040, 0), (40_430, 0), (64_760, 0)]);
}

#[test]
fn where_prompts_are_cut_the_limit_of_prompt_tokens_refuses_nobody() {
    // 64 tokens a step are allowed, and A leaves 4: with chunks B's 50 come in all the same, and nobody after it: 110
    // tokens, 2 requests: 10 260. C's 10: 8230 -> 18 490. Without, B waits for a step with C: 9230, 60 tokens, 2: 9260
    // -> 18 490.
    let requests = [request(0, 0, 60, 1), request(1, 0, 50, 1), request(2, 0, 10, 1)];
    let ends = |chunked_prefill_size| {
        let settings = SglangSettings {
            max_prefill_tokens: 64,
            chunked_prefill_size,
            ..settings()
        };
        ends_and_hits(settings, ROOMY, &requests)
    };
    assert_eq!(ends(Some(8192)), [(10_260, 0), (10_260, 0), (18_490, 0)]);
    assert_eq!(ends(None), [(9230, 0), (18_490, 0), (18_490, 0)]);
}

#[test]
fn of_who_ignores_stop_tokens_all_output_is_counted_on() {
    // 112 tokens of memory, and A (48, 40) comes in: 8990. Of its 39 tokens to come 0.7 are expected, or all: 64 - 27.3
    // = 36.7 are left, or 25. B's 22, its 3 and a token to spare come in beside it, 8470 -> 17 460, or wait until it
    // has finished: 39 decodes of 8050 -> 322 940, 8470 -> 331 410.
    let late = |ignore_eos| {
        let a = Request {
            ignore_eos,
            ..request(0, 0, 48, 40)
        };
        let firsts = first_and_last_with(PolicySettings::Sglang(settings()), 7, &[a, request(1, 1000, 22, 3)]);
        firsts[1].0
    };
    assert_eq!((late(false), late(true)), (17_460, 331_410));
}

#[test]
fn a_page_more_is_charged_than_a_request_needs() {
    // 7 pages of 16. A (16, 16) is charged 16 + 16 and a page: 112 - 48 = 64 are left. B's 16, its 31 and a page are 63
    // and come in beside it: 32 tokens, 2 requests: 8700. With 32 they are 64: A alone, 8350, and B at the next step,
    // as of A's 15 tokens to come 0.7 are expected: 96 - 10.5 = 85.5 are left: 8350 -> 16 700.
    let first = |output| {
        let both = [request(0, 0, 16, 16), request(1, 0, 16, output)];
        first_and_last_with(paged(Some(8192), false), 7, &both)[1].0
    };
    assert_eq!(first(31), 8700);
    assert_eq!(first(32), 16_700);
}

#[test]
fn outputs_are_cut_to_what_the_memory_holds() {
    // 64 slots: beside 20 prompt tokens a page and a token stay free, and 42 are left for output.
    let histories = serve(settings(), 4, &[request(0, 0, 20, 100)]);
    assert_eq!(histories[0].output_tokens, 42);
    // A prompt that comes within six tokens of the memory is refused.
    let prompts = [request(0, 0, 57, 1), request(1, 1000, 58, 1)];
    assert_eq!(serve(settings(), 4, &prompts).len(), 1);
}

#[test]
fn a_better_priority_drives_out_by_more_than_the_threshold() {
    // A's 10 tokens: 8230, and a decode -> 16 280. B is better by 20, drives A out: 8230 -> 24 510. A finds its prompt
    // and computes its 2 outputs: 8070 -> 32 580, and 2 decodes of 8050 -> 48 680. By 10 it waits: 4 decodes -> 40 430.
    let rules = SglangPriorities {
        low_first: false,
        preemption_threshold: Some(10),
    };
    let ends = |priority, rules| {
        let b = Request {
            priority,
            ..request(1, 10_000, 10, 1)
        };
        let settings = SglangSettings {
            priorities: Some(rules),
            ..one_at_a_time(SchedulePolicy::Fcfs)
        };
        let ends = ends_and_hits(settings, ROOMY, &[request(0, 0, 10, 5), b]);
        (ends[0].0, ends[1].0)
    };
    assert_eq!(ends(20, rules), (48_680, 24_510));
    assert_eq!(ends(10, rules), (40_430, 48_660));
    let low_first = SglangPriorities {
        low_first: true,
        ..rules
    };
    assert_eq!(ends(20, low_first), (40_430, 48_660));
    assert_eq!(ends(-20, low_first), (48_680, 24_510));
}

/// SGLang's defaults, with steps that are decided while the one before runs.
fn overlapping() -> SglangSettings {
    SglangSettings {
        overlap_schedule: true,
        ..settings()
    }
}

#[test]
fn an_arrival_comes_a_step_later_under_the_overlap_schedule() {
    // A and B: 11 060. Their decode is decided before C comes: 8100 -> 19 160. C: 8630 -> 27 790. All three decode:
    // 8150 -> 35 940. C's second token is under way when the next step is decided, so that A and B decode: 8100 ->
    // 44 040. Then A's fourth is, and B's last six take 8050 each -> 92 340.
    assert_eq!(
        first_and_last_with(PolicySettings::Sglang(overlapping()), ROOMY, &three_requests()),
        [(11_060, 44_040), (11_060, 92_340), (27_790, 35_940)]
    );
}

#[test]
fn a_stop_token_costs_a_row_under_the_overlap_schedule() {
    // 20 tokens 8430 -> 16 480 -> 24 530, where A stops. Its next decode is under way, up to 32 580, and B's 10 come
    // after that: 8230 -> 40 810. If steps wait for each other B comes at 24 530: -> 32 760.
    let a = Request {
        max_tokens: 10,
        stops: true,
        ..request(0, 0, 20, 3)
    };
    let requests = [a, request(1, 20_000, 10, 1)];
    let ends = |settings| {
        let ends = ends_and_hits(settings, ROOMY, &requests);
        (ends[0].0, ends[1].0)
    };
    assert_eq!(ends(overlapping()), (24_530, 40_810));
    assert_eq!(ends(settings()), (24_530, 32_760));
}
