//! The CSV of tailcast's own, with those of its columns that anything stands in.

use std::io::{self, Write};

use super::columns::RecordedColumns;
use super::decimal::decimal;
use crate::workload::Segment;
use crate::workload::trace::Row;

/// Digits of a second in picoseconds.
const SECOND_DIGITS: usize = 12;

/// Writes the names of the columns.
pub fn write_header(out: &mut impl Write, columns: RecordedColumns) -> io::Result<()> {
    out.write_all(b"arrival_s,input_tokens,output_tokens")?;
    for (is_there, name) in [
        (columns.segments, ",segments"),
        (columns.session || columns.after, ",session"),
        (columns.after, ",after_s"),
        (columns.priority, ",priority"),
        (columns.max_tokens, ",max_tokens"),
    ] {
        if is_there {
            out.write_all(name.as_bytes())?;
        }
    }
    out.write_all(b"\n")
}

/// Writes a row that arrives `arrival` [ps] after the first.
pub fn write_row(out: &mut impl Write, row: &Row, arrival: i128, columns: RecordedColumns) -> io::Result<()> {
    let arrival = if row.after.is_some() {
        String::new()
    } else {
        decimal(arrival, SECOND_DIGITS)
    };
    write!(out, "{arrival},{},{}", row.input_tokens, row.output_tokens)?;
    if columns.segments {
        let segments: Vec<String> = row.segments.iter().flatten().map(segment).collect();
        write!(out, ",{}", segments.join(";"))?;
    }
    if columns.session || columns.after {
        let session = row.session.map_or(String::new(), |session| format!("s{:x}", session.0));
        write!(out, ",{session}")?;
    }
    if columns.after {
        let after = row.after.map(|after| decimal(after.picos().into(), SECOND_DIGITS));
        write!(out, ",{}", after.unwrap_or_default())?;
    }
    if columns.priority {
        write!(out, ",{}", row.priority)?;
    }
    if columns.max_tokens {
        write!(
            out,
            ",{}",
            row.max_tokens.map_or(String::new(), |most| most.to_string())
        )?;
    }
    out.write_all(b"\n")
}

fn segment(segment: &Segment) -> String {
    let name = match segment.content.producer() {
        Some(row) => format!("out.{}", row.0),
        None => format!("c{:x}", segment.content.0),
    };
    match segment.offset {
        0 => format!("{name}:{}", segment.tokens),
        offset => format!("{name}@{offset}:{}", segment.tokens),
    }
}
