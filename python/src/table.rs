//! A table of numbers that pandas, polars and pyarrow read where it lies: Arrow's `PyCapsule` interface.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::types::{Float64Type, Int8Type, Int32Type, Int64Type, UInt32Type, UInt64Type};
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchIterator, RecordBatchReader};
use arrow_schema::{DataType, Field, Schema};
use pyo3::exceptions::{PyIndexError, PyKeyError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict, PyList};

/// A table that is never changed.
#[pyclass(frozen, module = "tailcast._native")]
pub struct Table(RecordBatch);

impl Table {
    /// Columns of one length, each with its name and the unit that its numbers count; empty for what needs none.
    ///
    /// # Panics
    ///
    /// Panics if columns differ in length.
    pub fn new(columns: Vec<(String, &'static str, ArrayRef)>) -> Self {
        let fields = columns.iter().map(|(name, unit, column)| {
            let field = Field::new(name, column.data_type().clone(), true);
            let unit = (!unit.is_empty()).then(|| ("unit".to_owned(), (*unit).to_owned()));
            field.with_metadata(unit.into_iter().collect::<HashMap<String, String>>())
        });
        let schema = Schema::new(fields.collect::<Vec<_>>());
        let columns = columns.into_iter().map(|(_, _, column)| column);
        let batch = RecordBatch::try_new(Arc::new(schema), columns.collect());
        Self(batch.expect("columns have one length"))
    }
}

#[pymethods]
impl Table {
    /// The rows as a stream of Arrow's C data interface; whoever reads it shares the memory.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // A producer may ignore what is wished for.
        drop(requested_schema);
        let batches = RecordBatchIterator::new([Ok(self.0.clone())], self.0.schema());
        let reader: Box<dyn RecordBatchReader + Send> = Box::new(batches);
        PyCapsule::new_with_value(py, FFI_ArrowArrayStream::new(reader), c"arrow_array_stream")
    }

    fn __len__(&self) -> usize {
        self.0.num_rows()
    }

    /// The names of its columns.
    fn columns(&self) -> Vec<String> {
        self.0
            .schema_ref()
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .collect()
    }

    /// What the numbers of each column count, where that is said.
    fn units(&self) -> Vec<(String, Option<String>)> {
        let fields = self.0.schema_ref().fields().iter();
        fields
            .map(|field| (field.name().clone(), field.metadata().get("unit").cloned()))
            .collect()
    }

    /// A column as a list; `None` where nothing is known.
    fn column<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyList>> {
        let column = self
            .0
            .column_by_name(name)
            .ok_or_else(|| PyKeyError::new_err(name.to_owned()))?;
        let cells = (0..column.len()).map(|row| cell(py, column, row));
        PyList::new(py, cells.collect::<PyResult<Vec<_>>>()?)
    }

    /// A row as a dictionary.
    fn row<'py>(&self, py: Python<'py>, row: usize) -> PyResult<Bound<'py, PyDict>> {
        if row >= self.0.num_rows() {
            return Err(PyIndexError::new_err("the table has fewer rows"));
        }
        let dict = PyDict::new(py);
        for (field, column) in self.0.schema_ref().fields().iter().zip(self.0.columns()) {
            dict.set_item(field.name(), cell(py, column, row)?)?;
        }
        Ok(dict)
    }
}

fn cell<'py>(py: Python<'py>, column: &ArrayRef, row: usize) -> PyResult<Bound<'py, PyAny>> {
    if column.is_null(row) {
        return Ok(py.None().into_bound(py));
    }
    Ok(match column.data_type() {
        DataType::Float64 => column
            .as_primitive::<Float64Type>()
            .value(row)
            .into_pyobject(py)?
            .into_any(),
        DataType::Int64 => column
            .as_primitive::<Int64Type>()
            .value(row)
            .into_pyobject(py)?
            .into_any(),
        DataType::Int32 => column
            .as_primitive::<Int32Type>()
            .value(row)
            .into_pyobject(py)?
            .into_any(),
        DataType::UInt64 => column
            .as_primitive::<UInt64Type>()
            .value(row)
            .into_pyobject(py)?
            .into_any(),
        DataType::UInt32 => column
            .as_primitive::<UInt32Type>()
            .value(row)
            .into_pyobject(py)?
            .into_any(),
        DataType::Utf8 => column.as_string::<i32>().value(row).into_pyobject(py)?.into_any(),
        DataType::Dictionary(..) => {
            let words = column.as_dictionary::<Int8Type>();
            let word = words
                .values()
                .as_string::<i32>()
                .value(words.key(row).expect("it is known"));
            word.into_pyobject(py)?.into_any()
        }
        other => return Err(PyRuntimeError::new_err(format!("no table has a column of {other}"))),
    })
}
