//! What paths came to, as it is added up.

use std::sync::Arc;

use super::segment::PathsInSegment;
use crate::path::{RequestPath, StationSums};

/// Sums over the paths of a run, or of several pooled.
#[derive(Clone, Debug)]
pub(super) struct PathSums {
    pub(super) path: Arc<RequestPath>,
    /// Of the whole run.
    pub(super) stations: StationSums,
    /// Of requests that came in the part of the run that counts.
    pub(super) paths: PathsInSegment,
}
