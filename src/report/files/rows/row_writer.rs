//! Rows on their way to a file of either form.

use std::io::{self, Write};

use super::cell::{ColumnKind, RowCell};
#[cfg(feature = "parquet")]
use super::parquet_rows::ParquetRows;
use super::row_form::RowForm;

/// Writes rows of the columns that it starts with.
pub struct RowWriter<Output: Write + Send>(Inner<Output>);

enum Inner<Output: Write + Send> {
    // Boxed, as it is large.
    Csv(Box<csv::Writer<Output>>),
    #[cfg(feature = "parquet")]
    Parquet(ParquetRows<Output>),
}

impl<Output: Write + Send> RowWriter<Output> {
    /// Starts with the names of the columns, each with what it holds.
    pub fn new(output: Output, form: RowForm, columns: &[(&str, ColumnKind)]) -> io::Result<Self> {
        match form {
            #[cfg(feature = "parquet")]
            RowForm::Parquet => Ok(Self(Inner::Parquet(ParquetRows::new(output, columns)?))),
            #[cfg(not(feature = "parquet"))]
            RowForm::Parquet => Err(io::ErrorKind::Unsupported.into()),
            RowForm::Csv => {
                let mut writer = csv::Writer::from_writer(output);
                writer.write_record(columns.iter().map(|(name, _)| name))?;
                Ok(Self(Inner::Csv(Box::new(writer))))
            }
        }
    }

    /// Adds a row, a cell a column.
    pub fn write(&mut self, cells: &[RowCell]) -> io::Result<()> {
        match &mut self.0 {
            Inner::Csv(writer) => Ok(writer.write_record(cells.iter().map(RowCell::to_string))?),
            #[cfg(feature = "parquet")]
            Inner::Parquet(rows) => rows.write(cells),
        }
    }

    /// Writes what is left, and gives the output back.
    pub fn finish(self) -> io::Result<Output> {
        match self.0 {
            Inner::Csv(writer) => writer.into_inner().map_err(csv::IntoInnerError::into_error),
            #[cfg(feature = "parquet")]
            Inner::Parquet(rows) => rows.finish(),
        }
    }
}
