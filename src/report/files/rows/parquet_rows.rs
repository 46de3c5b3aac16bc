//! Rows as a Parquet file: numbers as doubles or 64-bit integers, texts as UTF-8, snappy-compressed.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{Compression, ConvertedType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;

use super::cell::{ColumnKind, RowCell};

/// Rows are kept until there are so many, some 15 MB of them, and then written as a group of their own.
const ROWS_IN_A_GROUP: usize = 1 << 17;

/// Writes rows of the columns that it starts with.
pub struct ParquetRows<Output: Write + Send> {
    writer: SerializedFileWriter<Output>,
    waiting: Vec<Column>,
}

/// The cells of one column that are not written yet, in the order of rows.
enum Column {
    Text(Vec<Option<ByteArray>>),
    Whole(Vec<Option<i64>>),
    Number(Vec<Option<f64>>),
}

impl<Output: Write + Send> ParquetRows<Output> {
    /// Starts with the names of the columns, each with what it holds.
    pub fn new(output: Output, columns: &[(&str, ColumnKind)]) -> io::Result<Self> {
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let schema = schema(columns).map_err(as_io)?;
        let writer = SerializedFileWriter::new(output, Arc::new(schema), Arc::new(properties)).map_err(as_io)?;
        let waiting = columns.iter().map(|(_, kind)| match kind {
            ColumnKind::Text => Column::Text(Vec::new()),
            ColumnKind::Whole => Column::Whole(Vec::new()),
            ColumnKind::Number => Column::Number(Vec::new()),
        });
        let waiting = waiting.collect();
        Ok(Self { writer, waiting })
    }

    /// Adds a row, a cell a column.
    pub fn write(&mut self, cells: &[RowCell]) -> io::Result<()> {
        let mut rows = 0;
        for (column, cell) in self.waiting.iter_mut().zip(cells) {
            rows = column.push(cell);
        }
        if rows == ROWS_IN_A_GROUP {
            self.write_group().map_err(as_io)?;
        }
        Ok(())
    }

    /// Writes what is left, and gives the output back.
    pub fn finish(mut self) -> io::Result<Output> {
        self.write_group().map_err(as_io)?;
        self.writer.into_inner().map_err(as_io)
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        let mut group = self.writer.next_row_group()?;
        for column in &mut self.waiting {
            match column {
                Column::Text(cells) => write_column::<ByteArrayType, _>(&mut group, cells)?,
                Column::Whole(cells) => write_column::<Int64Type, _>(&mut group, cells)?,
                Column::Number(cells) => write_column::<DoubleType, _>(&mut group, cells)?,
            }
        }
        group.close()?;
        Ok(())
    }
}

impl Column {
    /// Adds a cell, and says how many there are.
    fn push(&mut self, cell: &RowCell) -> usize {
        match self {
            Self::Text(cells) => {
                cells.push(cell.text().map(ByteArray::from));
                cells.len()
            }
            Self::Whole(cells) => {
                cells.push(cell.whole());
                cells.len()
            }
            Self::Number(cells) => {
                cells.push(cell.number());
                cells.len()
            }
        }
    }
}

fn write_column<Kept: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    cells: &mut Vec<Option<Kept::T>>,
) -> Result<(), ParquetError> {
    let present: Vec<i16> = cells.iter().map(|cell| i16::from(cell.is_some())).collect();
    let known: Vec<Kept::T> = cells.drain(..).flatten().collect();
    let mut column = group.next_column()?.expect("the schema has this column");
    column.typed::<Kept>().write_batch(&known, Some(&present), None)?;
    column.close()
}

fn schema(columns: &[(&str, ColumnKind)]) -> Result<Type, ParquetError> {
    let column = |&(name, kind): &(&str, ColumnKind)| {
        let (physical, converted) = match kind {
            ColumnKind::Text => (Physical::BYTE_ARRAY, ConvertedType::UTF8),
            ColumnKind::Whole => (Physical::INT64, ConvertedType::NONE),
            ColumnKind::Number => (Physical::DOUBLE, ConvertedType::NONE),
        };
        let built = Type::primitive_type_builder(name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_converted_type(converted)
            .build();
        built.map(Arc::new)
    };
    let fields = columns.iter().map(column).collect::<Result<_, _>>()?;
    Type::group_type_builder("rows").with_fields(fields).build()
}

/// What an error of the disk says, without what Parquet puts before it.
fn as_io(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(source) => io::Error::other(source.to_string()),
        error => io::Error::other(error),
    }
}
