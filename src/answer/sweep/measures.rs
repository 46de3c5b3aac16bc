//! The numbers that a sweep keeps.

use crate::config::{Diagnostic, StudyFile, did_you_mean};
use crate::report::results::GROWS;
use crate::study::{MEASURES, Measure, RequestGroup, RunMeasure, group_and_rest, usual_measures};

/// Those that a study names, or the usual ones. Where one of them depends on the length of a run whose queue grows to
/// its end, whether it does is kept too, so that nobody takes such a number for another.
/// With `ranges` both ends of the range of each latency that has one are kept beside it.
pub fn of(file: &StudyFile, ranges: bool) -> Result<Vec<RunMeasure>, Diagnostic> {
    let mut kept = named(file)?;
    if ranges {
        let ends = kept.iter().flat_map(|measure| {
            let (metric, statistic) = measure.name.rsplit_once('.').unwrap_or_default();
            ["low", "high"].map(|end| format!("{metric}.model_range.{statistic}_{end}"))
        });
        let ends: Vec<RunMeasure> = ends.filter_map(|name| RunMeasure::named(&name)).collect();
        kept.extend(ends);
    }
    let says_so = kept.iter().any(|measure| measure.name == GROWS);
    if !says_so && kept.iter().any(RunMeasure::grows_with_the_queue) {
        kept.extend(RunMeasure::named(GROWS));
    }
    Ok(kept)
}

fn named(file: &StudyFile) -> Result<Vec<RunMeasure>, Diagnostic> {
    if file.metrics.is_empty() {
        return Ok(usual_measures());
    }
    let names = file.metrics.iter();
    names
        .map(|(name, place)| RunMeasure::named(name).ok_or_else(|| unknown(name).at(place.clone())))
        .collect()
}

/// What to write instead of a name that nothing has.
fn unknown(name: &str) -> Diagnostic {
    if let Some((group, rest)) = group_and_rest(name) {
        return unknown_of_group(&group, rest);
    }
    let mut error = Diagnostic::new(format!("nothing that is measured is called `{name}`"));
    let names = MEASURES.iter().map(|measure| measure.name);
    let of_class = name.strip_prefix("class.").map(|rest| format!("classes.{rest}"));
    let of_class = of_class.filter(|name| RunMeasure::named(name).is_some());
    let alike = of_class.as_deref().or_else(|| Measure::ending_with(name));
    let alike = alike.map(|it| format!("did you mean `{it}`?"));
    if let Some(hint) = alike.or_else(|| did_you_mean(name, names)) {
        error = error.help(hint);
    }
    error.help(
        "write names such as ttft.p99, queue.depth.mean or throughput.output_tokens_per_s, as in the JSON of \
         `tailcast run`; of a class of traffic classes.chat.ttft.p99, of a priority priorities.0.ttft.p99, of a turn \
         of sessions turns.2.ttft.p99 (up to turns.16, and turns.later)",
    )
}

/// The same, where the name is about a group of requests.
fn unknown_of_group(group: &RequestGroup, rest: &str) -> Diagnostic {
    let (section, of) = group.place();
    let known = RunMeasure::all_of_group(group);
    let start = format!("{section}.{of}.");
    let names: Vec<&str> = known.iter().filter_map(|it| it.name.strip_prefix(&start)).collect();
    let message = match Measure::named(rest) {
        Some(_) => format!("`{rest}` is not known of {section} by themselves"),
        None => format!("nothing that is measured of {section} is called `{rest}`"),
    };
    let mut error = Diagnostic::new(message);
    if let Some(hint) = did_you_mean(rest, names.iter().copied()) {
        error = error.help(hint);
    }
    error.help(format!("write {start} and one of {}", names.join(", ")))
}
