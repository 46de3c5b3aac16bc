//! Names of traces and spans: drawn from the seed and the request, so that the same run gives the same.

use crate::stats::streams::mix;
use crate::workload::RequestId;

/// A part of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SpanPart {
    Root,
    Attempt,
    Queue,
    Prefill,
    Decode,
}

/// The names of one run.
#[derive(Clone, Copy, Debug)]
pub(super) struct SpanIds {
    seed: u64,
}

impl SpanIds {
    pub(super) const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// Sixteen bytes in hex, never all of them nothing.
    pub(super) fn trace(self, attempt: RequestId) -> String {
        let request = request_of(attempt);
        let high = mix(mix(self.seed) ^ request.0) | 1;
        format!("{high:016x}{:016x}", mix(high.rotate_left(32) ^ request.0))
    }

    /// Eight bytes in hex, never all of them nothing.
    pub(super) fn span(self, attempt: RequestId, part: SpanPart) -> String {
        let id = if part == SpanPart::Root {
            request_of(attempt)
        } else {
            attempt
        };
        // One after the other: the sum of a request and a part would be that of another request and another part.
        let of_attempt = mix(mix(self.seed) ^ id.0);
        format!("{:016x}", mix(of_attempt ^ (part as u64 + 1)) | 1)
    }
}

/// The request that an attempt belongs to.
pub(super) const fn request_of(attempt: RequestId) -> RequestId {
    RequestId(attempt.number()).in_class(attempt.class())
}

/// The number of an attempt among those of its request, from 1.
pub(super) const fn number_of(attempt: RequestId) -> u64 {
    let bits = RequestId::CLASS_SHIFT - RequestId::NUMBER_BITS;
    (attempt.0 >> RequestId::NUMBER_BITS & ((1 << bits) - 1)) + 1
}
