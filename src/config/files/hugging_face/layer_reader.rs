//! What is needed to read a layer of a configuration, and the bounds of its figures.

use super::family::Family;
use super::fields::{HuggingFaceConfig, need};
use crate::hardware::BadFigure;

pub(super) const MOST_LAYERS: u64 = 10_000;
pub(super) const MOST_HEADS: u64 = 1 << 16;
pub(super) const WIDEST: u64 = 1 << 24;

/// What is needed to read any layer.
#[derive(Clone, Copy)]
pub(super) struct LayerReader<'a> {
    pub config: &'a HuggingFaceConfig,
    pub family: &'a Family,
    pub hidden: u64,
    pub layers: u64,
}

/// A count of heads or experts.
pub(super) fn count(field: &'static str, value: Option<u64>) -> Result<u64, BadFigure> {
    need(field, value, MOST_HEADS)
}
