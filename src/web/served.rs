//! What all answers over HTTP are about.

use std::sync::Arc;

/// What is served: shared by all connections, cheap to clone.
#[derive(Clone, Debug)]
pub struct Served {
    /// The name of the scenario.
    pub scenario: Arc<str>,
    /// The model as clients name it.
    pub model: Arc<str>,
}
