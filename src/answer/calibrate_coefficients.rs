//! The coefficients of a calibration, as they are written.

use crate::config::Diagnostic;
use crate::study::calibrate::Fittable;

/// The coefficients of these names, each once.
pub fn coefficients(names: &[String]) -> Result<Vec<Fittable>, Diagnostic> {
    let mut found: Vec<Fittable> = Vec::new();
    for name in names {
        let Some(one) = Fittable::named(name.trim()) else {
            let known = Fittable::ALL.map(Fittable::name).join(", ");
            let message = format!("--coefficients: there is no coefficient {name:?}");
            return Err(Diagnostic::new(message).help(format!("allowed: {known}")));
        };
        if !found.contains(&one) {
            found.push(one);
        }
    }
    Ok(found)
}
