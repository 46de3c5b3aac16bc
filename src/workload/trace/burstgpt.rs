//! `BurstGPT` (github.com/HPMLL/BurstGPT, arXiv:2401.17644): CSV with `Timestamp` in seconds, `Request tokens` and
//! `Response tokens`.
//!
//! Older files have neither session nor elapsed time; these and all other columns are read past. A response of 0 tokens
//! records a failed request, which is left out and counted.

use super::error::TraceError;
use super::fast_path::{self, FastPath};
use super::first_line::Needs;
use super::format::TraceFormat;
use super::hints::TraceHints;
use super::lines::Lines;
use super::number::{self, Whole};
use super::row::{Row, Rows};
use super::table::CsvTable;

/// The format of `BurstGPT`.
pub struct BurstGpt;

const ARRIVAL: &str = "Timestamp";
const ARRIVAL_WITH_UNIT: &str = "Timestamp(s)";
const INPUT: &str = "Request tokens";
const OUTPUT: &str = "Response tokens";

impl TraceFormat for BurstGpt {
    fn name(&self) -> &'static str {
        "burstgpt"
    }

    fn looks_like(&self) -> &'static str {
        "CSV with the columns Timestamp (in seconds), Request tokens and Response tokens"
    }

    fn needs(&self) -> Needs {
        Needs::Columns(&[&[ARRIVAL, ARRIVAL_WITH_UNIT], &[INPUT], &[OUTPUT]])
    }

    fn rows(&self, lines: Lines, _: &TraceHints, _: u64) -> Result<Box<dyn Rows>, TraceError> {
        let table = CsvTable::new(lines)?;
        let arrival = table.required(ARRIVAL, &[ARRIVAL_WITH_UNIT])?;
        let input = table.required(INPUT, &[])?;
        let output = table.required(OUTPUT, &[])?;
        Ok(Box::new(BurstGptRows {
            arrival,
            input,
            output,
            fast_path: FastPath::new(arrival, input, output, &[]),
            table,
            failed: 0,
        }))
    }
}

struct BurstGptRows {
    table: CsvTable,
    arrival: usize,
    input: usize,
    output: usize,
    fast_path: FastPath,
    failed: u64,
}

impl Rows for BurstGptRows {
    fn next_row(&mut self, row: &mut Row) -> Result<bool, TraceError> {
        loop {
            if self.table.next_fast(&self.fast_path, row, fast_path::seconds) {
                return Ok(true);
            }
            if !self.table.next()? {
                return Ok(false);
            }
            if !is_zero(self.table.field(self.output)) {
                *row = self.row()?;
                return Ok(true);
            }
            self.failed += 1;
        }
    }

    fn arrival_field(&self) -> &'static str {
        ARRIVAL
    }

    fn failed(&self) -> u64 {
        self.failed
    }
}

impl BurstGptRows {
    fn row(&self) -> Result<Row, TraceError> {
        let table = &self.table;
        Ok(Row {
            number: table.record_number(),
            line: table.line(),
            arrival_picos: table.parsed(self.arrival, number::seconds)?,
            arrival_column: self.arrival as u32 + 1,
            input_tokens: table.parsed(self.input, number::tokens)?,
            output_tokens: table.parsed(self.output, number::output_tokens)?,
            ..Row::default()
        })
    }
}

fn is_zero(text: &[u8]) -> bool {
    matches!(number::whole(text), Result::<u64, Whole>::Ok(0))
}
