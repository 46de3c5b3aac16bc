//! `plan`: what production asks, answered from one scenario.

use std::path::{Path, PathBuf};

use crate::answer::{PlanAnswer, PlanQuestion, Problem};
use crate::cli::failure::Failure;
use crate::cli::flags::exit::ExitFlags;
use crate::cli::flags::scenario::ScenarioFlags;
use crate::cli::flags::study::StudyFlags;
use crate::cli::flags::table_format::TableFormat;
use crate::cli::output::{StudyFiles, Taken};
use crate::cli::terminal::color::ColorFlags;
use crate::cli::terminal::screen;
use crate::config::Diagnostic;
use crate::report::write_atomically;

/// Plan production: how many at once, how long, at what price, with which storage, watched how, and what fails; then
/// what to decide
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The scenario file (TOML); without it the embedded demo
    scenario: Option<PathBuf>,
    #[command(flatten)]
    changes: ScenarioFlags,
    /// Simulate with this many seeds, for 95 % intervals; by default 4, or 1 for a trace
    #[arg(long, value_name = "RUNS", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    seeds: Option<u32>,
    /// Find the cheapest fleet that meets the SLOs at the busiest hour with one server down: what to try, such as
    /// gpu=h100-sxm,l40s or weights=bf16,fp8 or a key of [server] or [batching]; several, or `all`
    #[arg(long, value_name = "KEY=VALUES")]
    over: Vec<String>,
    /// Write the cheapest fleet as objects of Kubernetes (YAML)
    #[arg(long, value_name = "FILE", requires = "over")]
    kubernetes: Option<PathBuf>,
    /// How to print the plan
    #[arg(long, value_enum, default_value = "text")]
    format: TableFormat,
    /// Write the whole plan as one page (HTML)
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write alert rules (Prometheus YAML), with thresholds from simulated healthy hours
    #[arg(long, value_name = "FILE")]
    alerts: Option<PathBuf>,
    /// Write a dashboard (JSON that Grafana imports) of the metrics that vLLM has
    #[arg(long, value_name = "FILE")]
    dashboard: Option<PathBuf>,
    #[command(flatten)]
    exit: ExitFlags,
    #[command(flatten)]
    study_flags: StudyFlags,
}

/// Runs the verb.
pub fn run(args: &Args, color: ColorFlags) -> Result<(), Failure> {
    let question = PlanQuestion {
        base: args.changes.base(args.scenario.as_deref())?,
        seeds: args.seeds,
        over: args.over.clone(),
        today: None,
    };
    let ready = question.ready()?;
    let files = StudyFiles::new(&[], &[], args.html.as_ref())?;
    let mut taken = Taken::by(args.scenario.as_deref(), &ready.input);
    if let Some(flag) = args.format.claim() {
        taken.claim_stdout(flag)?;
    }
    taken.check_stdin()?;
    files.claim(&mut taken)?;
    args.claim(&mut taken)?;
    let answer = ready.answer(&args.study_flags.control(color))?;
    let texts = args.texts(&answer)?;
    match args
        .format
        .typed(|| answer.to_json(), |markup| answer.to_markup(markup))
    {
        Some(text) => screen::print(&text)?,
        None => screen::print_text(&answer.to_text(), taken.has_stdout())?,
    }
    files.write(&[], || answer.to_page())?;
    for (path, text) in texts {
        write_text(path, &text)?;
    }
    if let Some(path) = &args.kubernetes {
        write_kubernetes(path, &answer, color)?;
    }
    args.exit.judge(answer.is_shown_met())
}

impl Args {
    /// Takes the files beside the plan.
    fn claim(&self, taken: &mut Taken) -> Result<(), Problem> {
        for (flag, path) in [
            ("--alerts", &self.alerts),
            ("--dashboard", &self.dashboard),
            ("--kubernetes", &self.kubernetes),
        ] {
            if let Some(path) = path {
                taken.claim(flag, path)?;
            }
        }
        Ok(())
    }

    /// What stands in them.
    fn texts(&self, answer: &PlanAnswer) -> Result<Vec<(&Path, String)>, Problem> {
        let mut texts = Vec::new();
        if let Some(path) = &self.alerts {
            texts.push((path.as_path(), answer.to_alert_rules()?));
        }
        if let Some(path) = &self.dashboard {
            texts.push((path.as_path(), answer.to_dashboard()));
        }
        Ok(texts)
    }
}

fn write_kubernetes(path: &Path, answer: &PlanAnswer, color: ColorFlags) -> Result<(), Problem> {
    let why = match answer.to_kubernetes() {
        Ok(text) => return write_text(path, &text),
        Err(why) => format!("--kubernetes: nothing is written, as {why}"),
    };
    if answer.is_shown_met() {
        return Err(Diagnostic::new(why).into());
    }
    // That no fleet is good enough is an answer, and no mistake of whoever asks.
    screen::error(&why, color.on_stderr());
    Ok(())
}

fn write_text(path: &Path, text: &str) -> Result<(), Problem> {
    write_atomically(path, |file| file.write_all(text.as_bytes())).map_err(|error| Problem::cannot_write(path, &error))
}
