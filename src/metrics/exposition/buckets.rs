//! The boundaries of vLLM's histograms (`vllm/v1/metrics/loggers.py` and `buckets.py`, release 0.33).

/// Of times to the first token [s].
pub(super) const FIRST_TOKEN_S: [f64; 22] = [
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0,
    160.0, 640.0, 2560.0,
];

/// Of times between tokens and in the mean of a request [s].
pub(super) const BETWEEN_TOKENS_S: [f64; 19] = [
    0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0,
];

/// Of whole requests, their wait and their phases [s].
pub(super) const REQUEST_S: [f64; 21] = [
    0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 120.0, 240.0, 480.0, 960.0,
    1920.0, 7680.0,
];

/// Of the tokens of a step.
pub(super) const ITERATION_TOKENS: [f64; 14] = [
    1.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0, 8192.0, 16384.0, 32768.0,
];

/// Of how often a request was preempted.
pub(super) const PREEMPTIONS: [f64; 7] = [1.0, 2.0, 3.0, 4.0, 5.0, 10.0, 20.0];

/// Of the tokens of a request: 1, 2 and 5 times each power of ten up to the model's length.
pub(super) fn request_tokens(max_model_len: u32) -> Vec<f64> {
    let decades = (0..).map(|power| 10_u64.pow(power));
    let all = decades.flat_map(|decade| [1, 2, 5].map(|times| times * decade));
    let short_enough = all.take_while(|&tokens| tokens <= u64::from(max_model_len));
    short_enough.map(|tokens| tokens as f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boundaries_of_tokens_end_with_the_models_length() {
        assert_eq!(request_tokens(10), [1.0, 2.0, 5.0, 10.0]);
        assert_eq!(request_tokens(999).last(), Some(&500.0));
        assert!(request_tokens(0).is_empty());
    }
}
