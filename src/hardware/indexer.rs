//! The indexer of sparse attention: a small attention of its own, whose scores choose the tokens that the layer attends
//! to (DeepSeek-V3.2, `model_executor/models/deepseek_v2.py` in vLLM).

/// What chooses the tokens that a layer attends to. Every GPU holds all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Indexer {
    /// Its query heads.
    pub heads: u64,
    /// The most tokens that it chooses.
    pub top_k: u64,
    /// Width of a head, and of its one key per token.
    pub head_dim: u64,
    /// What its queries are made of: the rank of the compressed query, or the width of the residual stream.
    pub query_inputs: u64,
    /// Whether a projection weighs its heads for each token.
    pub weighs_heads: bool,
}

impl Indexer {
    /// Its projections: the queries, the key, and the weights of the heads.
    pub const fn parameters(&self, hidden: u64) -> u64 {
        let weights = if self.weighs_heads { hidden * self.heads } else { 0 };
        self.query_inputs * self.heads * self.head_dim + hidden * self.head_dim + weights
    }

    /// Weight and bias of the norm of its key.
    pub const fn norm_parameters(&self) -> u64 {
        2 * self.head_dim
    }

    /// Arithmetic of one query-key pair: the scores of all heads, two operations a multiply-add.
    pub const fn flops_per_pair(&self) -> u64 {
        2 * self.heads * self.head_dim
    }

    /// Its key of one token: 8 bits a value, and a scale in fp32 for every 128 of them [bytes].
    pub const fn bytes_per_token(&self) -> u64 {
        self.head_dim + 4 * self.head_dim.div_ceil(128)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_takes_the_bytes_that_vllm_logs() {
        let indexer = Indexer {
            heads: 64,
            top_k: 2048,
            head_dim: 128,
            query_inputs: 1536,
            weighs_heads: true,
        };
        assert_eq!(indexer.bytes_per_token(), 132);
        assert_eq!(indexer.parameters(7168), 1536 * 64 * 128 + 7168 * 128 + 7168 * 64);
    }
}
