//! The numbers that a sweep keeps.

use crate::config::{Diagnostic, StudyFile, did_you_mean};
use crate::report::results::GROWS;
use crate::study::{MEASURES, Measure, usual_measures};

/// Those that a study names, or the usual ones. Where one of them depends on the length of a run whose queue grows to
/// its end, whether it does is kept too, so that nobody takes such a number for another.
pub fn of(file: &StudyFile) -> Result<Vec<&'static Measure>, Diagnostic> {
    let mut kept = named(file)?;
    let says_so = kept.iter().any(|measure| measure.name == GROWS);
    if !says_so && kept.iter().any(|measure| measure.grows_with_the_queue()) {
        kept.extend(Measure::named(GROWS));
    }
    Ok(kept)
}

fn named(file: &StudyFile) -> Result<Vec<&'static Measure>, Diagnostic> {
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
