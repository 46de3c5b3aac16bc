//! `report`: tables, figures and a page from the results of a sweep.

use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::files::StudyFiles;
use super::outputs::Taken;
use super::screen;
use super::setting;
use crate::config::{Diagnostic, Layers, StudyFile};
use crate::report::Setting;
use crate::report::figure::{Figure, heat_map, lines, pareto, prefix_hits};
use crate::report::results::{Form, Results, SweepPoints};
use crate::report::sweep::SweepReport;
use crate::study::Base;

/// Turn the results of a sweep into a table, figures and one page for sharing
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The results: CSV or JSON Lines, as `tailcast sweep` or `tailcast merge` wrote them
    results: PathBuf,
    /// The study that the results are of: the page then says what was simulated, and shows every setting
    #[arg(long, value_name = "FILE")]
    study: Option<PathBuf>,
    /// Draw the results (SVG or PNG, by the name's ending): KIND is lines (if left out), heat-map, pareto or
    /// prefix-hits
    #[arg(long, value_name = "KIND=FILE")]
    figure: Vec<String>,
    /// Write the whole report as one page (HTML)
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

const KINDS: [&Figure; 4] = [&lines::FIGURE, &heat_map::FIGURE, &pareto::FIGURE, &prefix_hits::FIGURE];

/// Runs the verb.
pub fn run(args: &Args) -> Result<(), Failure> {
    let path = &args.results;
    let name = path.display().to_string();
    let wrong = |problem: String| Failure::from(Diagnostic::new(format!("{name}: {problem}")));
    let form = Form::of(path).map_err(wrong)?;
    if form == Form::Parquet {
        let message = format!("{name}: Parquet is written, but not read");
        return Err(Diagnostic::new(message)
            .help("sweep into CSV or JSON Lines to report on it")
            .into());
    }
    let files = StudyFiles::new(&KINDS, &args.figure, args.html.as_ref())?;
    let mut taken = Taken::default();
    taken.read("the results", path);
    files.claim(&mut taken)?;
    let text = std::fs::read_to_string(path).map_err(|error| {
        Diagnostic::new(format!("cannot read {name}: {error}"))
            .help("give what `tailcast sweep STUDY --out FILE` wrote")
    })?;
    let results = Results::of_text(form, &text).map_err(wrong)?;
    let sweep = SweepPoints::of(results);
    let sweep = sweep.ok_or_else(|| wrong("there is no run in it".to_owned()))?;
    let report = SweepReport {
        name,
        setting: args.study.as_deref().map(setting_of).transpose()?,
        sweep,
    };
    screen::print(&report.to_text())?;
    files.write(&report.drawings(), || report.to_page())
}

/// What a study simulates, apart from what varies.
fn setting_of(study: &Path) -> Result<Setting, Failure> {
    let file = StudyFile::load(study)?;
    let layers = Layers {
        file: file.scenario.clone(),
        ..Layers::default()
    };
    let base = Base::new(layers, file.overrides);
    let axes = file.axes.iter().flat_map(|axis| &axis.keys);
    let varied: Vec<&str> = axes.map(String::as_str).collect();
    let varied = format!("but for what varies: {}", varied.join(", "));
    let input = base.load()?;
    let setting = setting::of(&input, file.seeds, vec![varied]);
    Ok(match file.name {
        Some(name) => Setting { name, ..setting },
        None => setting,
    })
}
