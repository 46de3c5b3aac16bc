//! The figures of runs: what is simulated once more for them, and what they show.

use super::problem::Problem;
use crate::metrics::Recording;
use crate::report::compare::CompareReport;
use crate::report::figure::{self, Drawn};
use crate::study::{Input, overview};

/// All figures of a contest.
pub fn of_contest(report: &CompareReport) -> Result<Vec<Drawn>, Problem> {
    let contenders = report.contest.contenders.iter();
    let runs: Vec<(&str, &Input, f64, &Recording)> = contenders
        .map(|it| {
            let duration = it.runs[0].summary.throughput.duration_s;
            (it.name.as_str(), &it.input, duration, &it.recording)
        })
        .collect();
    let mut drawn = figure::drawn_of_contest(report);
    drawn.extend(of_runs(&report.setting.line(), &runs)?);
    Ok(drawn)
}

/// The figures of runs, each with its name, its scenario, how long it lasted [s] and what was recorded of it.
pub fn of_runs(note: &str, runs: &[(&str, &Input, f64, &Recording)]) -> Result<Vec<Drawn>, Problem> {
    let mut timelines = Vec::new();
    for (name, input, duration, _) in runs {
        timelines.push((*name, overview(&input.scenario, input.scenario.seed, *duration)?));
    }
    let recordings: Vec<_> = runs.iter().map(|(name, _, _, it)| (*name, *it)).collect();
    // What happened comes before what it came to, as whoever watches servers looks.
    let mut drawn = figure::drawn_of_timelines(note, &timelines);
    drawn.extend(figure::drawn_of_recordings(note, &recordings));
    Ok(drawn)
}
