//! Results as one Parquet file: a column a heading, numbers as doubles, snappy-compressed.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{Compression, ConvertedType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;

use super::heading::ResultRow;
use super::runs::Results;
use crate::study::RUN_COLUMNS;

/// Writes all results to `file`.
pub fn write_parquet(results: &Results, file: &mut (dyn Write + Send)) -> io::Result<()> {
    write(results, file).map_err(io::Error::other)
}

fn write(results: &Results, file: &mut (dyn Write + Send)) -> Result<(), ParquetError> {
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer = SerializedFileWriter::new(file, Arc::new(schema(results)?), Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    let rows = &results.rows;
    write_text(&mut group, rows.iter().map(|row| row.plan.as_str()))?;
    let whole: [fn(&ResultRow) -> u64; 4] = [|row| row.runs, |row| row.run, |row| row.point, |row| row.seed];
    for of in whole {
        let values: Vec<i64> = rows.iter().map(|row| of(row).cast_signed()).collect();
        let mut column = group.next_column()?.expect("the schema has this column");
        column.typed::<Int64Type>().write_batch(&values, None, None)?;
        column.close()?;
    }
    for key in 0..results.heading.keys.len() {
        match numbers_of(results, key) {
            Some(values) => write_numbers(&mut group, values.into_iter().map(Some))?,
            None => write_text(&mut group, rows.iter().map(|row| row.values[key].as_str()))?,
        }
    }
    for measure in 0..results.heading.measures.len() {
        write_numbers(&mut group, rows.iter().map(|row| row.numbers[measure]))?;
    }
    group.close()?;
    writer.close()?;
    Ok(())
}

/// The values of a key, if all are numbers.
fn numbers_of(results: &Results, key: usize) -> Option<Vec<f64>> {
    let values = results.rows.iter().map(|row| row.values[key].parse().ok());
    values.collect()
}

fn schema(results: &Results) -> Result<Type, ParquetError> {
    let column = |name: &str, physical, repetition, converted| {
        let built = Type::primitive_type_builder(name, physical)
            .with_repetition(repetition)
            .with_converted_type(converted)
            .build();
        built.map(Arc::new)
    };
    let (text, none) = (ConvertedType::UTF8, ConvertedType::NONE);
    let required = Repetition::REQUIRED;
    let (plan, numbers) = RUN_COLUMNS.split_first().expect("there are columns");
    let mut fields = vec![column(plan, Physical::BYTE_ARRAY, required, text)?];
    for name in numbers {
        fields.push(column(name, Physical::INT64, required, none)?);
    }
    for (number, key) in results.heading.keys.iter().enumerate() {
        fields.push(match numbers_of(results, number) {
            Some(_) => column(key, Physical::DOUBLE, Repetition::OPTIONAL, none)?,
            None => column(key, Physical::BYTE_ARRAY, required, text)?,
        });
    }
    for measure in &results.heading.measures {
        let optional = Repetition::OPTIONAL;
        fields.push(column(&measure.name, Physical::DOUBLE, optional, none)?);
    }
    Type::group_type_builder("results").with_fields(fields).build()
}

fn write_text<'a, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: impl Iterator<Item = &'a str>,
) -> Result<(), ParquetError> {
    let values: Vec<ByteArray> = values.map(ByteArray::from).collect();
    let mut column = group.next_column()?.expect("the schema has this column");
    column.typed::<ByteArrayType>().write_batch(&values, None, None)?;
    column.close()
}

fn write_numbers<W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: impl Iterator<Item = Option<f64>>,
) -> Result<(), ParquetError> {
    let values: Vec<Option<f64>> = values.collect();
    let present: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let known: Vec<f64> = values.into_iter().flatten().collect();
    let mut column = group.next_column()?.expect("the schema has this column");
    column.typed::<DoubleType>().write_batch(&known, Some(&present), None)?;
    column.close()
}
