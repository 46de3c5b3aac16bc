//! `report`: tables, figures and a page from the results of a sweep.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::answer::{Markup, ReportQuestion};
use crate::cli::failure::Failure;
use crate::cli::flags::figures;
use crate::cli::flags::scenario::ScenarioFlags;
use crate::cli::output::{StudyFiles, Taken};
use crate::cli::terminal::color::ColorFlags;
use crate::cli::terminal::{Terminal, screen};
use crate::report::figure;

/// Turn the results of a sweep into a table, figures and one page for sharing
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The results: CSV or JSON Lines, as `tailcast sweep` or `tailcast merge` wrote them
    results: PathBuf,
    /// The study that the results are of: the page then says what was simulated, and shows every setting. Give the
    /// flags that the sweep was given, such as --set, here too; results of another plan are refused
    #[arg(long, value_name = "FILE")]
    study: Option<PathBuf>,
    #[command(flatten)]
    changes: ScenarioFlags,
    #[arg(long, value_name = "KIND=FILE", help = figures::help("Draw the results", &figure::of_sweep()))]
    figure: Vec<String>,
    /// How to print the results
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Write the whole report as one page (HTML)
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table
    Text,
    /// The table as Markdown
    Markdown,
    /// The table as LaTeX, for the package booktabs
    Latex,
}

/// Runs the verb.
pub fn run(args: &Args, color: ColorFlags) -> Result<(), Failure> {
    let question = ReportQuestion {
        results: args.results.clone(),
        study: args.study.clone(),
        changes: args.changes.layers(None)?,
    };
    question.form()?;
    let files = StudyFiles::new(&figure::of_sweep(), &args.figure, args.html.as_ref())?;
    let mut taken = Taken::default();
    taken.read("the results", &args.results);
    match args.format {
        Format::Text => {}
        Format::Markdown => taken.claim_stdout("--format markdown")?,
        Format::Latex => taken.claim_stdout("--format latex")?,
    }
    files.claim(&mut taken)?;
    let terminal = Terminal {
        is_quiet: false,
        shows_progress: false,
        color,
        threads: None,
    };
    let answer = question.answer(&terminal.control())?;
    match args.format {
        Format::Text => screen::print_text(&answer.to_text(), taken.has_stdout())?,
        Format::Markdown => screen::print(&answer.to_markup(Markup::Markdown))?,
        Format::Latex => screen::print(&answer.to_markup(Markup::Latex))?,
    }
    Ok(files.write(&answer.drawings(), || answer.to_page())?)
}
