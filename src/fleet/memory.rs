//! How much memory the requests in servers may take, and how much they take.

use std::sync::atomic::{AtomicU64, Ordering};

use super::replay_error::ReplayError;

/// What runs may take that nobody watches, or on a machine that does not tell how much memory it has: 4 GiB.
pub const USUAL_MEMORY_BYTES: u64 = 4 << 30;

/// Memory that runs share for the requests in their servers.
#[derive(Debug)]
pub struct MemoryLimit {
    bytes: u64,
    taken: AtomicU64,
}

impl Default for MemoryLimit {
    fn default() -> Self {
        Self::new(USUAL_MEMORY_BYTES)
    }
}

impl MemoryLimit {
    /// A limit of so many bytes.
    pub const fn new(bytes: u64) -> Self {
        Self {
            bytes,
            taken: AtomicU64::new(0),
        }
    }

    /// Takes what more is wanted, unless that is more than there is.
    fn take(&self, bytes: u64) -> bool {
        let more = |taken: u64| taken.checked_add(bytes).filter(|sum| *sum <= self.bytes);
        self.taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .is_ok()
    }

    fn give_back(&self, bytes: u64) {
        self.taken.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// What one run has taken of a limit; given back when the run ends.
#[derive(Debug)]
pub struct MemoryTaken<'a> {
    limit: &'a MemoryLimit,
    bytes: u64,
}

/// The limit is shared by threads, so each takes a good piece at once [bytes].
const PIECE_BYTES: u64 = 4 << 20;

impl<'a> MemoryTaken<'a> {
    /// Nothing yet of `limit`.
    pub const fn of(limit: &'a MemoryLimit) -> Self {
        Self { limit, bytes: 0 }
    }

    /// The requests in the server take so many bytes now; an error if that is more than there is. What a server once
    /// needed it keeps: queues do not shrink.
    #[inline]
    pub fn hold(&mut self, bytes: u64) -> Result<(), ReplayError> {
        if bytes <= self.bytes {
            return Ok(());
        }
        let more = (bytes - self.bytes).next_multiple_of(PIECE_BYTES);
        if !self.limit.take(more) {
            return Err(ReplayError::OutOfMemory {
                limit_bytes: self.limit.bytes,
            });
        }
        self.bytes += more;
        Ok(())
    }
}

impl Drop for MemoryTaken<'_> {
    fn drop(&mut self) {
        self.limit.give_back(self.bytes);
    }
}

/// What a request in a server takes beside its own fields, by what its prompt says of its content: names, the entries
/// of the cache that are kept for it, and the room by which lists grow. Measured as the peak of runs whose requests
/// all arrive at once, with 1 to 100 segments each: 41 to 110 bytes a segment.
const BYTES_A_SEGMENT: u64 = 110;
/// The first segment, measured in the same way.
const BYTES_OF_CONTENT: u64 = 750;

/// Estimates what the requests in a server take, as those that were sent: each has as many segments as the mean.
#[derive(Debug, Default)]
pub(super) struct RequestSizes {
    sent: u64,
    segments: u64,
}

impl RequestSizes {
    pub(super) fn add(&mut self, segments: Option<usize>) {
        self.sent += 1;
        self.segments += segments.unwrap_or(0) as u64;
    }

    /// What `requests` take that take `bytes_each` without any content.
    pub(super) fn bytes_of(&self, requests: u64, bytes_each: u64) -> u64 {
        let each = if self.segments == 0 {
            bytes_each
        } else {
            let content = BYTES_OF_CONTENT + (BYTES_A_SEGMENT * self.segments).div_ceil(self.sent);
            bytes_each.max(content)
        };
        requests.saturating_mul(each)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_share_the_limit_and_give_back_what_they_took() {
        let limit = MemoryLimit::new(3 * PIECE_BYTES);
        let (mut one, mut other) = (MemoryTaken::of(&limit), MemoryTaken::of(&limit));
        assert!(one.hold(PIECE_BYTES + 1).is_ok() && other.hold(PIECE_BYTES).is_ok());
        assert!(
            one.hold(5).is_ok() && one.hold(2 * PIECE_BYTES).is_ok(),
            "it has taken these"
        );
        let refused = other.hold(PIECE_BYTES + 1);
        assert!(matches!(refused, Err(ReplayError::OutOfMemory { limit_bytes }) if limit_bytes == limit.bytes));
        drop(one);
        assert!(other.hold(3 * PIECE_BYTES).is_ok());
        assert!(other.hold(u64::MAX - PIECE_BYTES).is_err());
    }

    #[test]
    fn content_takes_more_than_none() {
        let mut sizes = RequestSizes::default();
        sizes.add(None);
        assert_eq!(sizes.bytes_of(10, 256), 2_560);
        sizes.add(Some(20));
        assert_eq!(sizes.bytes_of(10, 256), 10 * (750 + 1_100));
        assert_eq!(sizes.bytes_of(u64::MAX, 256), u64::MAX);
    }
}
