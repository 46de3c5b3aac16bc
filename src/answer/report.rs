//! `report`: tables, figures and a page from the results of a sweep.

use std::path::{Path, PathBuf};

use super::problem::Problem;
use super::{results_text, setting};
use crate::config::{Diagnostic, Layers, StudyFile};
use crate::report::StudySetting;
use crate::report::figure::Drawn;
use crate::report::page::Page;
use crate::report::results::{Form, Results, SweepPoints};
use crate::report::sweep::SweepReport;
use crate::study::{Base, Control};

/// What do the results of a sweep say?
#[derive(Clone, Debug)]
pub struct ReportQuestion {
    /// The results: CSV or JSON Lines, as a sweep or a merge wrote them.
    pub results: PathBuf,
    /// The study that they are of, for the setting of the page.
    pub study: Option<PathBuf>,
}

/// What they say.
pub struct ReportAnswer {
    /// The numbers of all points of the sweep.
    pub report: SweepReport,
}

impl ReportQuestion {
    /// The form of the results, unless they come from stdin; refuses those that cannot be read.
    pub fn form(&self) -> Result<Option<Form>, Problem> {
        let name = self.results.display().to_string();
        let form = results_text::form_of_name(&self.results, &name)?;
        if form == Some(Form::Parquet) {
            let message = format!("{name}: Parquet is written, but not read");
            return Err(Diagnostic::new(message)
                .help("sweep into CSV or JSON Lines to report on it")
                .into());
        }
        Ok(form)
    }

    /// Reads the results of the sweep and sums them up.
    pub fn answer(&self, control: &Control) -> Result<ReportAnswer, Problem> {
        let form = self.form()?;
        let name = self.results.display().to_string();
        let text = results_text::read(&self.results).map_err(|error| {
            Diagnostic::new(format!("cannot read {name}: {error}"))
                .help("give what `tailcast sweep STUDY --out FILE` wrote")
        })?;
        let form = form.unwrap_or_else(|| results_text::form_of_text(&text));
        let results = Results::of_text(form, &text).map_err(|problem| problem.about(&name))?;
        let sweep = SweepPoints::of(results);
        let sweep = sweep.ok_or_else(|| Diagnostic::new(format!("{name}: there is no run in it")))?;
        let study = self.study.as_deref();
        let report = SweepReport {
            setting: study.map(|study| setting_of(control, study)).transpose()?,
            name,
            sweep,
        };
        Ok(ReportAnswer { report })
    }
}

impl ReportAnswer {
    /// The points of the sweep as a table of text.
    pub fn to_text(&self) -> String {
        self.report.to_text()
    }

    /// The figures that the results have enough for.
    pub fn drawings(&self) -> Vec<Drawn> {
        self.report.drawings()
    }

    /// The whole report as one page.
    pub fn to_page(&self) -> Page {
        self.report.to_page()
    }
}

/// What a study simulates, apart from what varies.
fn setting_of(control: &Control, study: &Path) -> Result<StudySetting, Problem> {
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
    let setting = setting::of(control, &input, file.seeds, vec![varied]);
    Ok(match file.name {
        Some(name) => StudySetting { name, ..setting },
        None => setting,
    })
}
