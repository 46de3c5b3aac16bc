//! How much memory the keys and values of a request take on one GPU.

/// Bytes of keys and values on one GPU, by how long a layer must keep them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KvFootprint {
    /// Layers that keep the whole context [bytes/token].
    pub unbounded_bytes_per_token: u64,
    /// Layers that need only a window of it, one entry per width of window.
    pub windowed: Vec<WindowedKv>,
    /// What each request keeps in layers that have a state, however long its context [bytes].
    pub state_bytes_per_request: u64,
}

/// Layers with a sliding window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowedKv {
    /// Width of the window [tokens].
    pub window: u64,
    /// Keys and values of one token in all these layers [bytes/token].
    pub bytes_per_token: u64,
}

/// What the engine's allocator does with keys and values that have left a sliding window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowedLayers {
    /// It frees them (vLLM's hybrid KV cache manager).
    Bounded,
    /// It keeps them, as for any other layer.
    FullLength,
}

impl KvFootprint {
    /// Both on one GPU.
    #[must_use]
    pub fn plus(mut self, other: Self) -> Self {
        self.unbounded_bytes_per_token += other.unbounded_bytes_per_token;
        self.state_bytes_per_request += other.state_bytes_per_request;
        for kind in other.windowed {
            match self.windowed.iter_mut().find(|mine| mine.window == kind.window) {
                Some(mine) => mine.bytes_per_token += kind.bytes_per_token,
                None => self.windowed.push(kind),
            }
        }
        self
    }

    /// Keys and values of one token in every layer: what each token of a context inside all windows costs [bytes].
    pub fn bytes_per_token(&self) -> u64 {
        let windowed = self.windowed.iter().map(|kind| kind.bytes_per_token);
        self.unbounded_bytes_per_token + windowed.sum::<u64>()
    }

    /// Keys and values of a context of `tokens` (a mean may be fractional), with its state [bytes].
    pub fn bytes_for_context(&self, tokens: f64, layers: WindowedLayers) -> f64 {
        let windowed = self.windowed.iter().map(|kind| {
            let kept = match layers {
                WindowedLayers::Bounded => tokens.min(kind.window as f64),
                WindowedLayers::FullLength => tokens,
            };
            kind.bytes_per_token as f64 * kept
        });
        let per_token = self.unbounded_bytes_per_token as f64 * tokens + windowed.sum::<f64>();
        per_token + self.state_bytes_per_request as f64
    }

    /// The most that one request of `max_model_len` can hold at once beside its state [bytes]. A windowed layer holds
    /// its window, the chunk being computed, and one block for the part before the window's first whole block
    /// (vLLM, `v1/kv_cache_interface.py`, `SlidingWindowSpec.max_memory_usage_bytes`).
    pub fn most_bytes(&self, max_model_len: u64, max_num_batched_tokens: u64, block_tokens: u64) -> u64 {
        let length = max_model_len.next_multiple_of(block_tokens);
        let windowed = self.windowed.iter().map(|kind| {
            let in_flight = (kind.window - 1 + max_num_batched_tokens).min(max_model_len);
            let held = in_flight.next_multiple_of(block_tokens) + block_tokens;
            kind.bytes_per_token * held.min(length)
        });
        self.unbounded_bytes_per_token * length + windowed.sum::<u64>()
    }
}
