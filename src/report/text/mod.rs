//! Numbers, tables and sentences, as all reports word them.

pub(in crate::report) mod document;
pub(in crate::report) mod line;
pub mod numbers;
pub(in crate::report) mod style;
pub mod table;
mod typeset;
pub(in crate::report) mod verdict;
pub(in crate::report) mod why;

pub use style::Style;
pub use typeset::{Markup, typeset};
