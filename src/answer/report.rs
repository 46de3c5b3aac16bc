//! `report`: tables, figures and a page from the results of a sweep.

use std::path::{Path, PathBuf};

use super::problem::Problem;
use super::sweep::{StudySource, SweepQuestion};
use super::{results_text, setting};
use crate::config::{Diagnostic, Layers};
use crate::report::figure::Drawn;
use crate::report::page::Page;
use crate::report::results::{Form, Results, SweepPoints};
use crate::report::sweep::SweepReport;
use crate::report::{Markup, StudySetting, typeset};
use crate::study::Control;

/// What do the results of a sweep say?
#[derive(Clone, Debug)]
pub struct ReportQuestion {
    /// The results: CSV or JSON Lines, as a sweep or a merge wrote them.
    pub results: PathBuf,
    /// The study that they are of, for the setting of the page; refused if they are of another plan.
    pub study: Option<PathBuf>,
    /// What the sweep laid over the study's scenario; whatever file it names, the scenario is the study's.
    pub changes: Layers,
}

/// What they say.
pub struct ReportAnswer {
    /// The numbers of all points of the sweep.
    pub report: SweepReport,
}

impl ReportQuestion {
    /// The form of the results, unless they come from stdin; refuses those that cannot be read, and changes of no
    /// study.
    pub fn form(&self) -> Result<Option<Form>, Problem> {
        if let (None, Some(flag)) = (&self.study, self.changes.flags.first()) {
            let message = format!(
                "{}: it changes what a study simulates, and there is no --study",
                flag.name
            );
            return Err(Diagnostic::new(message)
                .help("write --study with the file of the study, or leave it out")
                .into());
        }
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
        let setting = study.map(|study| self.setting_of(control, study, (&name, &sweep)));
        let report = SweepReport {
            setting: setting.transpose()?,
            name,
            sweep,
        };
        Ok(ReportAnswer { report })
    }

    /// What a study simulates, apart from what varies; refused if it is not what the results are of.
    fn setting_of(
        &self,
        control: &Control,
        study: &Path,
        (name, results): (&str, &SweepPoints),
    ) -> Result<StudySetting, Problem> {
        let mut question = SweepQuestion {
            study: StudySource::File(study.to_owned()),
            changes: self.changes.clone(),
            ..SweepQuestion::default()
        };
        // Nothing but the rows says which --seeds the sweep was given.
        question.seeds = question.seeds_of(results.all_runs)?;
        let ready = question.ready().or_else(|_| {
            // What cannot have so many seeds is another study.
            question.seeds = None;
            question.ready()
        })?;
        let sweep = &ready.sweep;
        if sweep.fingerprint != results.plan {
            return Err(of_another_plan((name, &results.plan), (study, &sweep.fingerprint)));
        }
        let varied: Vec<&str> = sweep.plan.keys().collect();
        let varied = format!("but for what varies: {}", varied.join(", "));
        let input = sweep.base.load()?;
        let setting = setting::of(control, &input, sweep.seeds, vec![varied]);
        Ok(match ready.name() {
            Some(name) => StudySetting {
                name: name.to_owned(),
                ..setting
            },
            None => setting,
        })
    }
}

fn of_another_plan((name, theirs): (&str, &str), (study, own): (&Path, &str)) -> Problem {
    let message = format!(
        "{name} has the results of plan {theirs}, and {} is plan {own}: these are not the results of this study",
        study.display()
    );
    Diagnostic::new(message)
        .help("give the study that was swept, with the same --set and other flags, to the same release of tailcast")
        .help("or sweep the study again (`tailcast sweep` with --overwrite), or leave --study out")
        .into()
}

impl ReportAnswer {
    /// The points of the sweep as a table of text.
    pub fn to_text(&self) -> String {
        self.report.to_text()
    }

    /// Its table for a document.
    pub fn to_markup(&self, markup: Markup) -> String {
        typeset(&[self.report.whole_table()], markup)
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
