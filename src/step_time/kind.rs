//! What a model of step times says of itself.

/// A kind of model of step times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepTimeKind {
    /// What the kind is called, such as `roofline`.
    pub name: &'static str,
    /// What its times rest on.
    pub rests_on: &'static str,
    /// Whether it prices the model's kernels on the GPU, so that another GPU, another model or another precision takes
    /// other times. Otherwise times are given and stay as they are, whatever else changes.
    pub is_modelled: bool,
    /// Whether its times are all that passes, the work of the CPU and of an API server included.
    pub is_all_there_is: bool,
}
