//! What a run was like, as far as money is concerned.

/// Rates and shares of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CostFacts {
    /// Requests that were answered [1/s].
    pub requests_per_s: f64,
    /// Tokens of their prompts [1/s].
    pub input_tokens_per_s: f64,
    /// Tokens of their answers [1/s].
    pub output_tokens_per_s: f64,
    /// Prompt tokens that were found in the prefix cache, of all prompt tokens.
    pub cached_share: f64,
    /// How many servers were there on the average.
    pub mean_servers: f64,
    /// How much of their time GPUs were at work.
    pub busy_fraction: f64,
    /// Attempts beyond the first that a server may have worked on, of first ones: retries and hedges.
    pub extra_attempts: f64,
    /// How often a server was started [1/s].
    pub starts_per_s: f64,
}

impl CostFacts {
    /// Prompt tokens of a request that nothing had to be found for.
    pub fn fresh_input_tokens(&self) -> f64 {
        self.input_tokens_per_s / self.requests_per_s * (1.0 - self.cached_share)
    }

    /// Prompt tokens of a request that were found in the cache.
    pub fn cached_input_tokens(&self) -> f64 {
        self.input_tokens_per_s / self.requests_per_s * self.cached_share
    }

    /// Tokens of an answer.
    pub fn output_tokens(&self) -> f64 {
        self.output_tokens_per_s / self.requests_per_s
    }

    /// Tokens of prompts and answers [1/s].
    pub fn tokens_per_s(&self) -> f64 {
        self.input_tokens_per_s + self.output_tokens_per_s
    }
}
