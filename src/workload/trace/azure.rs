//! The Azure LLM inference traces of 2023 and 2024 (github.com/Azure/AzurePublicDataset):
//! `TIMESTAMP,ContextTokens,GeneratedTokens`.

use super::cursor::Cursor;
use super::error::TraceError;
use super::fast_path::FastPath;
use super::first_line::Needs;
use super::format::TraceFormat;
use super::hints::TraceHints;
use super::lines::Lines;
use super::number;
use super::row::{Row, Rows};
use super::stamp::Stamps;
use super::table::CsvTable;

/// The format of Azure's LLM inference traces.
pub struct Azure;

const ARRIVAL: &str = "TIMESTAMP";
const INPUT: &str = "ContextTokens";
const OUTPUT: &str = "GeneratedTokens";

impl TraceFormat for Azure {
    fn name(&self) -> &'static str {
        "azure"
    }

    fn looks_like(&self) -> &'static str {
        "CSV with the columns TIMESTAMP, ContextTokens and GeneratedTokens"
    }

    fn needs(&self) -> Needs {
        Needs::Columns(&[&[ARRIVAL], &[INPUT], &[OUTPUT]])
    }

    fn rows(&self, lines: Lines, _: &TraceHints, _: u64) -> Result<Box<dyn Rows>, TraceError> {
        let table = CsvTable::new(lines)?;
        if let Some(column) = table.optional("NumImages", &[])? {
            let message = "the trace has images, which are not simulated; remove the column to replay its text alone";
            return Err(table.error(column, message).fatal());
        }
        let arrival = table.required(ARRIVAL, &[])?;
        let input = table.required(INPUT, &[])?;
        let output = table.required(OUTPUT, &[])?;
        Ok(Box::new(AzureRows {
            arrival,
            input,
            output,
            fast_path: FastPath::new(arrival, input, output, &[]),
            stamps: Stamps::default(),
            table,
        }))
    }
}

struct AzureRows {
    table: CsvTable,
    arrival: usize,
    input: usize,
    output: usize,
    fast_path: FastPath,
    stamps: Stamps,
}

impl Rows for AzureRows {
    fn next_row(&mut self, row: &mut Row) -> Result<bool, TraceError> {
        let stamps = &mut self.stamps;
        let stamp = |cursor: &mut Cursor<'_>| stamps.read_fast(cursor);
        if self.table.next_fast(&self.fast_path, row, stamp) {
            return Ok(true);
        }
        if !self.table.next()? {
            return Ok(false);
        }
        let table = &self.table;
        *row = Row {
            number: table.record_number(),
            line: table.line(),
            arrival_picos: table.parsed(self.arrival, |text| stamps.read(text))?,
            arrival_column: self.arrival as u32 + 1,
            input_tokens: table.parsed(self.input, number::tokens)?,
            output_tokens: table.parsed(self.output, number::output_tokens)?,
            ..Row::default()
        };
        Ok(true)
    }

    fn arrival_field(&self) -> &'static str {
        ARRIVAL
    }
}
