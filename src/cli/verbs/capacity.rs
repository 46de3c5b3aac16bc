//! `capacity`: the highest load under the objectives, or the fewest servers for a load.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::answer::{CapacityQuestion, LoadKind, ServersFor};
use crate::cli::failure::Failure;
use crate::cli::flags::exit::ExitFlags;
use crate::cli::flags::scenario::ScenarioFlags;
use crate::cli::flags::study::StudyFlags;
use crate::cli::flags::table_format::TableFormat;
use crate::cli::output::{StudyFiles, Taken};
use crate::cli::terminal::color::ColorFlags;
use crate::cli::terminal::screen;
use crate::config;
use crate::units::Span;

/// Find the highest load that meets all SLOs, or the fewest servers for a load; what binds, and what would help
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Args {
    /// The scenario file (TOML); without it the embedded demo
    scenario: Option<PathBuf>,
    #[command(flatten)]
    changes: ScenarioFlags,
    /// What the capacity is in; by default what the scenario's own load is
    #[arg(long, value_enum, value_name = "LOAD")]
    of: Option<Of>,
    /// Find the fewest servers for so many requests per second; for the scenario's profile at that mean rate, if its
    /// arrivals come in stages
    #[arg(long, value_name = "REQUESTS/S", allow_hyphen_values = true)]
    #[arg(conflicts_with_all = ["of", "concurrency", "users"], value_parser = above_zero)]
    rate: Option<f64>,
    /// With --rate: find the fewest servers for each hour of the day too, where the rate of arrivals changes
    #[arg(long, requires = "rate")]
    by_hour: bool,
    /// Find the fewest servers for so many requests at once
    #[arg(long, value_name = "REQUESTS", conflicts_with_all = ["of", "users"])]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    concurrency: Option<u32>,
    /// Find the fewest servers for so many users, who think between an answer and their next request
    #[arg(long, value_name = "USERS", conflicts_with = "of", value_parser = clap::value_parser!(u32).range(1..))]
    users: Option<u32>,
    /// How long users think; by default as long as the scenario's clients do, or as it does within sessions
    #[arg(long, value_name = "DURATION", requires = "users", value_parser = duration)]
    think: Option<Span>,
    /// Search with this many seeds, for a 95 % interval; by default 4, or 1 for a trace
    #[arg(long, value_name = "RUNS", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    seeds: Option<u32>,
    /// Do not try what would help
    #[arg(long)]
    no_changes: bool,
    /// Do not search with all steps shorter and longer, by what step times may be off
    #[arg(long)]
    no_range: bool,
    /// Hold the formula (memory - weights) / KV per user against the simulation, and measure each thing that it leaves
    /// out
    #[arg(long)]
    explain: bool,
    /// How to print the results
    #[arg(long, value_enum, default_value = "text")]
    format: TableFormat,
    /// Write the whole report as one page (HTML)
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    exit: ExitFlags,
    #[command(flatten)]
    study_flags: StudyFlags,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Of {
    /// Requests per second that arrive whatever the server does
    Rate,
    /// Clients, each with one request at a time
    Concurrency,
}

/// No scenario has a higher rate.
const MOST_RATE_PER_S: f64 = 1e9;

fn above_zero(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok();
    number
        .filter(|it| *it > 0.0 && *it <= MOST_RATE_PER_S)
        .ok_or_else(|| "write a number above 0 and up to 1e9, such as 30".to_owned())
}

fn duration(text: &str) -> Result<Span, String> {
    config::duration(text).map_err(|problem| format!("{problem}; {}", config::DURATION_HELP))
}

/// Runs the verb.
pub fn run(args: &Args, color: ColorFlags) -> Result<(), Failure> {
    let question = CapacityQuestion {
        base: args.changes.base(args.scenario.as_deref())?,
        of: args.of.map(Of::kind),
        servers_for: args.servers_for(),
        seeds: args.seeds,
        tries_changes: !args.no_changes,
        finds_range: !args.no_range,
        explains: args.explain,
    };
    let ready = question.ready()?;
    let files = StudyFiles::new(&[], &[], args.html.as_ref())?;
    let mut taken = Taken::by(args.scenario.as_deref(), &ready.input);
    if let Some(flag) = args.format.claim() {
        taken.claim_stdout(flag)?;
    }
    taken.check_stdin()?;
    files.claim(&mut taken)?;
    let answer = ready.answer(&args.study_flags.control(color))?;
    match args
        .format
        .typed(|| answer.to_json(), |markup| answer.to_markup(markup))
    {
        Some(text) => screen::print(&text)?,
        None => screen::print_text(&answer.to_text(), taken.has_stdout())?,
    }
    files.write(&[], || answer.to_page())?;
    args.exit.judge(!answer.misses_an_objective())
}

impl Args {
    fn servers_for(&self) -> Option<ServersFor> {
        let by_rate = if self.by_hour {
            ServersFor::RateByHour
        } else {
            ServersFor::Rate
        };
        let of_rate = self.rate.map(by_rate);
        let of_requests = self.concurrency.map(ServersFor::Concurrency);
        let think = self.think;
        let of_users = self.users.map(|users| ServersFor::Users { users, think });
        of_rate.or(of_requests).or(of_users)
    }
}

impl Of {
    const fn kind(self) -> LoadKind {
        match self {
            Self::Rate => LoadKind::Rate,
            Self::Concurrency => LoadKind::Concurrency,
        }
    }
}
