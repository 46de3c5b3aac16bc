//! The loads of a curve, as they are written.

use crate::config::{Diagnostic, axis};
use crate::study::LoadKind;

/// The loads to begin with: a range that doubles (`1..512`), one that adds (`8..64+8`), or a list (`1,10,100`).
pub fn loads(kind: LoadKind, text: &str) -> Result<Vec<f64>, Diagnostic> {
    let flag = kind.flag();
    let wrong = |problem: String| Diagnostic::new(format!("{flag} {text}: {problem}"));
    let values = axis::values(text).map_err(wrong)?;
    let mut loads: Vec<f64> = Vec::new();
    for value in &values {
        let load = value.parse::<f64>().ok().filter(|it| it.is_finite() && *it > 0.0);
        let Some(load) = load else {
            return Err(wrong(format!("{value:?} is not a number above 0")));
        };
        if kind == LoadKind::Concurrency && load.fract() > 0.0 {
            return Err(wrong(format!("{value} is not a whole number of requests")));
        }
        loads.push(load);
    }
    Ok(loads)
}
