//! The forms that tables of a run have.

use std::path::Path;

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowForm {
    /// A heading, then a line a row; what is unknown is empty.
    Csv,
    /// Columns in a binary file, thousands of rows at a time; what is unknown is null.
    Parquet,
}

impl RowForm {
    /// The form that the name of a file asks for: CSV, unless it ends in `.parquet`. An error says what to write
    /// instead.
    pub fn of(path: &Path) -> Result<Self, &'static str> {
        let asks_for_parquet = path.extension().is_some_and(|it| it.eq_ignore_ascii_case("parquet"));
        match (asks_for_parquet, cfg!(feature = "parquet")) {
            (false, _) => Ok(Self::Csv),
            (true, true) => Ok(Self::Parquet),
            (true, false) => {
                Err("this build writes no Parquet; install with --features parquet, or give a name that ends in .csv")
            }
        }
    }
}
