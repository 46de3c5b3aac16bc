//! The numbers that a sweep keeps.

use crate::config::{Diagnostic, StudyFile, did_you_mean};
use crate::study::{MEASURES, Measure, usual_measures};

/// Those that a study names, or the usual ones.
pub fn of(file: &StudyFile) -> Result<Vec<&'static Measure>, Diagnostic> {
    if file.metrics.is_empty() {
        return Ok(usual_measures());
    }
    let names = file.metrics.iter();
    names
        .map(|(name, place)| {
            Measure::named(name).ok_or_else(|| {
                let message = format!("nothing that is measured is called `{name}`");
                let names = MEASURES.iter().map(|measure| measure.name);
                let mut error = Diagnostic::new(message).at(place.clone());
                let alike = Measure::ending_with(name).map(|it| format!("did you mean `{it}`?"));
                if let Some(hint) = alike.or_else(|| did_you_mean(name, names)) {
                    error = error.help(hint);
                }
                error.help(
                    "write names such as ttft.p99, queue.depth.mean or throughput.output_tokens_per_s, as in \
                            the JSON of `tailcast run`",
                )
            })
        })
        .collect()
}
