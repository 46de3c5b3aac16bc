//! The results of a sweep: a line a run, as CSV or as JSON Lines; the columns say which plan a run belongs to, so that
//! files can be put together and gone on with.

mod cells;
mod form;
mod heading;
mod merge;
#[cfg(feature = "parquet")]
mod parquet;
mod points;
mod runs;

pub use form::Form;
pub use heading::{Heading, ResultRow};
pub use merge::{Merged, merge};
#[cfg(feature = "parquet")]
pub use parquet::write_parquet;
pub use points::{GROWS, PointNumbers, SweepPoints};
pub use runs::Results;
