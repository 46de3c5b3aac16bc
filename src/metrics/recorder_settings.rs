//! What meters need to know of a run before it starts.

use super::server::GpuWork;
use super::slo::Slo;
use super::windows::Trim;
use crate::engine::ServerSettings;

/// What a [`super::Recorder`] needs to know beforehand.
pub struct RecorderSettings<'a> {
    /// The server it listens to.
    pub server: &'a ServerSettings,
    /// Whether the server looks prompts up in a prefix cache.
    pub prefix_caching: bool,
    /// What a request has to keep to count for goodput.
    pub slos: &'a [Slo],
    /// What the GPUs do and could do; without it their utilisation stays unknown.
    pub gpu_work: Option<GpuWork>,
    /// What is left out of latencies, throughput and queue depths.
    pub trim: Trim,
}
