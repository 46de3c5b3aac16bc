//! The latencies of one request that has finished.

use crate::engine::Finished;
use crate::units::Span;

/// What a client felt of one request.
#[derive(Clone, Copy, Debug)]
pub(super) struct LatenciesOf {
    /// `None` of a request that asks for no token.
    pub(super) ttft: Option<Span>,
    /// (E2E - TTFT) / (output tokens - 1), to the picosecond below; `None` of a single token, or a response sent as a
    /// whole.
    pub(super) tpot: Option<Span>,
    pub(super) e2e: Span,
    pub(super) queue_wait: Span,
}

impl LatenciesOf {
    #[inline]
    pub(super) fn request(request: &Finished) -> Self {
        let later_tokens = u64::from(request.output_tokens.saturating_sub(1));
        let decoding = request.finished - request.first_token;
        let has_gaps = later_tokens > 0 && request.streamed;
        Self {
            ttft: request.has_tokens().then(|| request.first_token - request.arrival),
            tpot: has_gaps.then(|| Span::from_picos(decoding.picos() / later_tokens)),
            e2e: request.finished - request.arrival,
            queue_wait: request.scheduled - request.arrival,
        }
    }
}
