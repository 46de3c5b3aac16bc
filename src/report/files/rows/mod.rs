//! Tables that are written row by row, as CSV or as Parquet: the same columns, and the same cells unknown.

mod cell;
#[cfg(feature = "parquet")]
mod parquet_rows;
mod requests;
mod row_form;
mod row_writer;
mod timeline;

pub use requests::write_requests;
pub use row_form::RowForm;
pub use timeline::{TimelineColumns, TimelineRows};

#[cfg(feature = "parquet")]
pub(super) use cell::{ColumnKind, RowCell};
#[cfg(feature = "parquet")]
pub(super) use parquet_rows::ParquetRows;
