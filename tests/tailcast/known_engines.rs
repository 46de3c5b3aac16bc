//! The schedules of the engines beside vLLM V1, worked out on paper from their rules. A step takes 8000 us, 20 more for
//! each token and 30 more for each request; memory is in blocks of 16 tokens. The three requests are A (100 prompt, 4
//! output tokens), B (50, 10), both at the start, and C (30, 2) a millisecond later.

use tailcast::policy::{
    CapacityScheduler, OrcaSettings, PolicySettings, SarathiSettings, TgiSettings, TrtllmSettings, VllmV0Settings,
};
use tailcast::workload::Request;

use crate::known::{first_and_last_with, request, three_requests};

/// Blocks that hold the three requests, whatever is reserved for them.
pub const ROOMY: u32 = 63;

fn orca() -> PolicySettings {
    PolicySettings::Orca(OrcaSettings { max_batch_size: 8 })
}

fn sarathi(chunk_size: u32) -> PolicySettings {
    PolicySettings::Sarathi(SarathiSettings {
        chunk_size,
        max_num_seqs: 8,
    })
}

fn vllm_v0(max_num_batched_tokens: u32, chunked_prefill: bool) -> PolicySettings {
    PolicySettings::VllmV0(VllmV0Settings {
        max_num_seqs: 8,
        max_num_batched_tokens,
        chunked_prefill,
        watermark: 0.01,
    })
}

fn tgi(waiting_served_ratio: f64, max_waiting_tokens: u32) -> PolicySettings {
    PolicySettings::Tgi(TgiSettings {
        waiting_served_ratio,
        max_waiting_tokens,
        max_batch_prefill_tokens: 1000,
        max_batch_total_tokens: None,
    })
}

fn trtllm(capacity: CapacityScheduler, max_num_tokens: u32, chunked_context: bool) -> PolicySettings {
    PolicySettings::Trtllm(TrtllmSettings {
        capacity,
        max_batch_size: 8,
        max_num_tokens,
        chunked_context,
    })
}

/// A request that allows more output than it produces.
fn request_allowing(id: u64, arrival_us: u64, prompt: u32, output: u32, max_tokens: u32) -> Request {
    Request {
        max_tokens,
        stops: true,
        ..request(id, arrival_us, prompt, output)
    }
}

#[test]
fn orca_runs_whole_prompts_beside_decodes() {
    // A + B: 150 tokens, 2 requests: 11 060. C joins their decodes: 32 tokens, 3: 8730 -> 19 790, then three decodes
    // 8150 -> 27 940, A's fourth 8100 -> 36 040, B's last six 8050 each -> 84 340.
    assert_eq!(
        first_and_last_with(orca(), ROOMY, &three_requests()),
        [(11_060, 36_040), (11_060, 84_340), (19_790, 27_940)]
    );
}

#[test]
fn orca_lets_nobody_pass_a_request_that_waits_for_its_reservation() {
    // 1008 slots. A reserves 500 + 100; B's 400 + 101 must wait for them, though its output is 1 token; C would fit and
    // waits behind. A: 18 030, one decode 8050 -> 26 080. Then B and C: 410 tokens, 2 requests: 16 260 -> 42 340.
    let requests = [
        request_allowing(0, 0, 500, 2, 100),
        request_allowing(1, 0, 400, 1, 101),
        request(2, 0, 10, 1),
    ];
    assert_eq!(
        first_and_last_with(orca(), ROOMY, &requests),
        [(18_030, 26_080), (42_340, 42_340), (42_340, 42_340)]
    );
}

/// With 64 tokens a step and decodes first: A's first 64: 9310. A's 36 and B's first 28: 64 tokens, 2 requests: 9340 ->
/// 18 650. A decodes, B's last 22, C's 30: 53 tokens, 3: 9150 -> 27 800. Three decodes 8150 -> 35 950. A's fourth 8100
/// -> 44 050. B's last seven 8050 each -> 100 400.
const DECODES_FIRST_64: [(u64, u64); 3] = [(18_650, 44_050), (27_800, 100_400), (27_800, 35_950)];

#[test]
fn sarathi_cuts_prompts_to_what_decodes_leave() {
    assert_eq!(
        first_and_last_with(sarathi(64), ROOMY, &three_requests()),
        DECODES_FIRST_64
    );
}

#[test]
fn sarathi_never_lets_a_prompt_stall_a_decode() {
    // A decodes while B's 500 tokens come in, 63 at a time: steps of 64 tokens and 2 requests 9340 each. A: 16 tokens
    // 8350, then 7 such steps (441 of B's tokens) and a last one with B's 59: 60 tokens, 2: 9260. A's tenth token needs
    // one decode more, beside B's second: 8100.
    let requests = [request(0, 0, 16, 10), request(1, 1000, 500, 2)];
    let b_first = 8350 + 7 * 9340 + 9260;
    assert_eq!(
        first_and_last_with(sarathi(64), ROOMY, &requests),
        [(8350, b_first + 8100), (b_first, b_first + 8100)]
    );
}

#[test]
fn vllm_v0_stalls_decodes_for_prompts() {
    // A + B: 11 060. C's prompt alone: 8630 -> 19 690, A and B wait. Three decodes 8150 -> 27 840; A and B: two of 8100
    // -> 44 040; B's last six 8050 each -> 92 340.
    assert_eq!(
        first_and_last_with(vllm_v0(1000, false), ROOMY, &three_requests()),
        [(11_060, 44_040), (11_060, 92_340), (19_690, 27_840)]
    );
}

#[test]
fn vllm_v0_with_chunked_prefill_decodes_first() {
    assert_eq!(
        first_and_last_with(vllm_v0(64, true), ROOMY, &three_requests()),
        DECODES_FIRST_64
    );
}

#[test]
fn vllm_v0_preempts_the_youngest_which_comes_back_with_a_whole_prefill() {
    // 7 blocks. A and B, 48 tokens each, fill 6: 96 tokens, 2 requests: 9980. A's decode takes the seventh and B, the
    // youngest, loses its three. A alone: 19 decodes of 8050 -> 162 930. All the while 49 tokens of B need 4 blocks and
    // find 3. Then B's prefill of 49: 9010 -> 171 940, and a decode 8050 -> 179 990.
    let requests = [request(0, 0, 48, 20), request(1, 0, 48, 3)];
    assert_eq!(
        first_and_last_with(vllm_v0(1000, false), 7, &requests),
        [(9980, 162_930), (9980, 179_990)]
    );
}

#[test]
fn vllm_v0_wants_a_free_block_even_for_a_decode_whose_block_has_room() {
    // 6 blocks, all taken by two prompts of 33: 66 tokens, 2 requests: 9380. Neither decode needs a block, and yet B is
    // preempted: A alone 8050 -> 17 430. B's 34 tokens: 8710 -> 26 140.
    let requests = [request(0, 0, 33, 2), request(1, 0, 33, 2)];
    assert_eq!(
        first_and_last_with(vllm_v0(1000, false), 6, &requests),
        [(9380, 17_430), (9380, 26_140)]
    );
}

#[test]
fn vllm_v0_keeps_its_watermark_free() {
    // 100 blocks, one of them kept free. A and B take 57 + 42, which leaves it for nobody: 1568 tokens, 2 requests: 39
    // 420. B is done, so C and D: 32 tokens, 2: 8700 -> 48 120, while A stalls; then A's decode 8050 -> 56 170.
    let requests = [
        request(0, 0, 900, 2),
        request(1, 0, 668, 1),
        request(2, 0, 16, 1),
        request(3, 0, 16, 1),
    ];
    assert_eq!(
        first_and_last_with(vllm_v0(2000, false), 100, &requests),
        [(39_420, 56_170), (39_420, 39_420), (48_120, 48_120), (48_120, 48_120)]
    );
}

#[test]
fn tgi_lets_prompts_pause_the_decodes() {
    // 30 % of a batch of two is nobody: C comes in at once and A and B pause. As vLLM V0.
    assert_eq!(
        first_and_last_with(tgi(0.3, 20), ROOMY, &three_requests()),
        [(11_060, 44_040), (11_060, 92_340), (19_690, 27_840)]
    );
}

#[test]
fn tgi_makes_few_wait_until_enough_steps_have_passed() {
    // 120 % of two is two: C, alone, waits. A and B decode, 8100 -> 19 160 and 27 260; the count stands at 3 and anyone
    // may come in: C alone 8630 -> 35 890. Three decodes 8150 -> 44 040; B's last six 8050 each -> 92 340.
    assert_eq!(
        first_and_last_with(tgi(1.2, 3), ROOMY, &three_requests()),
        [(11_060, 44_040), (11_060, 92_340), (35_890, 44_040)]
    );
}

#[test]
fn tgi_allocates_all_that_a_request_may_produce() {
    // 8 blocks. A: 48 + 50 - 1 tokens, 7 blocks; B: 16 + 16 - 1, 2 blocks. B waits until A, which stops after 2 tokens,
    // is done: 8990, 17 040, then B 8350 -> 25 390.
    let requests = [request_allowing(0, 0, 48, 2, 50), request_allowing(1, 0, 16, 1, 16)];
    assert_eq!(
        first_and_last_with(tgi(0.3, 20), 8, &requests),
        [(8990, 17_040), (25_390, 25_390)]
    );
}

#[test]
fn trtllm_fills_a_step_with_decodes_then_whole_prompts() {
    // 128 tokens a step. A alone, since B's 50 do not fit beside its 100: 10 030. A's decode, B's 50 and C's 30: 81
    // tokens, 3 requests: 9710 -> 19 740. Three decodes 8150 -> 27 890; A's fourth 8100 -> 35 990; B's last seven 8050
    // each -> 92 340.
    for capacity in [CapacityScheduler::GuaranteedNoEvict, CapacityScheduler::MaxUtilization] {
        assert_eq!(
            first_and_last_with(trtllm(capacity, 128, false), ROOMY, &three_requests()),
            [(10_030, 35_990), (19_740, 92_340), (19_740, 27_890)]
        );
    }
}

#[test]
fn trtllm_cuts_prompts_to_whole_blocks() {
    // 64 tokens a step. A's first 64: 9310. A's 36, and of the 28 left B gets 16: 52 tokens, 2 requests: 9100 -> 18
    // 410. A's decode, B's 34, and of the 29 left C gets 16: 51 tokens, 3: 9110 -> 27 520. Two decodes and C's 14: 16
    // tokens, 3: 8410 -> 35 930. Three decodes 8150 -> 44 080. B's last seven 8050 each -> 100 430.
    assert_eq!(
        first_and_last_with(
            trtllm(CapacityScheduler::MaxUtilization, 64, true),
            ROOMY,
            &three_requests()
        ),
        [(18_410, 44_080), (27_520, 100_430), (35_930, 44_080)]
    );
}

#[test]
fn trtllm_at_max_utilization_pauses_the_last_started() {
    // 6 blocks: A's 32 tokens fill 2, B's 33 take 3, C's 10 take 1: 75 tokens, 3 requests: 9590. A's decode lacks a
    // block, and C, not B, is paused: A and B decode 8100 -> 17 690 and are done. C's 11 tokens: 8250 -> 25 940.
    let requests = [request(0, 0, 32, 2), request(1, 0, 33, 2), request(2, 0, 10, 2)];
    assert_eq!(
        first_and_last_with(trtllm(CapacityScheduler::MaxUtilization, 1000, false), 6, &requests),
        [(9590, 17_690), (9590, 17_690), (9590, 25_940)]
    );
    // To completion A needs 3 blocks and B 3: C waits. 65 tokens, 2 requests: 9360; 8100 -> 17 460; C: 8230 -> 25 690,
    // 8050 -> 33 740.
    assert_eq!(
        first_and_last_with(trtllm(CapacityScheduler::GuaranteedNoEvict, 1000, false), 6, &requests),
        [(9360, 17_460), (9360, 17_460), (25_690, 33_740)]
    );
}
