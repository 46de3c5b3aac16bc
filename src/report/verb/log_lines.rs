//! What logs of schedulers share as JSON.

use std::io::{self, Write};

use crate::units::Time;

/// Writes lines with commas between them.
pub(super) fn write_joined(out: &mut dyn Write, lines: impl ExactSizeIterator<Item = String>) -> io::Result<()> {
    let last = lines.len().saturating_sub(1);
    for (number, line) in lines.enumerate() {
        writeln!(out, "{line}{}", if number < last { "," } else { "" })?;
    }
    Ok(())
}

/// Times in a log are whole microseconds.
pub(super) const fn micros(time: Time) -> u64 {
    time.picos() / 1_000_000
}
