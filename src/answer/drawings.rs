//! The figures of runs: what is simulated once more for them, and what they show.

use super::problem::Problem;
use crate::metrics::Recording;
use crate::report::chart::Drawing;
use crate::report::compare::CompareReport;
use crate::report::figure::{Figure, bars, cdf, heat_map, lines, over_time, pareto, prefix_hits};
use crate::study::{Input, overview};

/// Figures of a contest.
pub const OF_CONTEST: [&Figure; 4] = [&bars::FIGURE, &cdf::FIGURE, &over_time::QUEUE, &over_time::MEMORY];

/// Figures of a run.
pub const OF_RUN: [&Figure; 3] = [&over_time::QUEUE, &over_time::MEMORY, &cdf::FIGURE];

/// Figures of the results of a sweep.
pub const OF_RESULTS: [&Figure; 4] = [&lines::FIGURE, &heat_map::FIGURE, &pareto::FIGURE, &prefix_hits::FIGURE];

/// A drawing and the figure that it is.
pub type Drawn = (&'static Figure, Drawing);

/// All figures of a contest.
pub fn of_contest(report: &CompareReport) -> Result<Vec<Drawn>, Problem> {
    let contenders = report.contest.contenders.iter();
    let runs: Vec<(&str, &Input, f64, &Recording)> = contenders
        .map(|it| {
            let duration = it.runs[0].throughput.duration_s;
            (it.name.as_str(), &it.input, duration, &it.recording)
        })
        .collect();
    let mut drawn = vec![(&bars::FIGURE, bars::drawing(report))];
    drawn.extend(of_runs(&report.setting.line(), &runs)?);
    Ok(drawn)
}

/// The figures of runs, each with its name, its scenario, how long it lasted [s] and what was recorded of it.
pub fn of_runs(note: &str, runs: &[(&str, &Input, f64, &Recording)]) -> Result<Vec<Drawn>, Problem> {
    let mut timelines = Vec::new();
    for (name, input, duration, _) in runs {
        timelines.push((*name, overview(input, input.scenario.seed, *duration)?));
    }
    let recordings: Vec<_> = runs.iter().map(|(name, _, _, it)| (*name, *it)).collect();
    Ok(vec![
        (&cdf::FIGURE, cdf::drawing(note, &recordings)),
        (&over_time::QUEUE, over_time::queue(note, &timelines)),
        (&over_time::MEMORY, over_time::memory(note, &timelines)),
    ])
}
