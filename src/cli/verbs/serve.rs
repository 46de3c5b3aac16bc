//! `serve`: a server that answers as vLLM does, timed by the simulator.

use std::net::IpAddr;
use std::path::PathBuf;
#[cfg(feature = "serve")]
use std::time::Duration;

use clap::ValueEnum;

use crate::cli::failure::Failure;
use crate::cli::flags::scenario::ScenarioFlags;
use crate::cli::terminal::color::ColorFlags;

/// Answer as vLLM's API server does, without a GPU: what clients get is timed by a simulation of the scenario
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The scenario file (TOML); without it an embedded demo runs
    scenario: Option<PathBuf>,
    #[command(flatten)]
    changes: ScenarioFlags,
    /// Where to listen; other than on loopback, whoever reaches this machine may ask
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    host: IpAddr,
    /// The port; 0 for any that is free
    #[arg(long, default_value_t = 8000)]
    port: u16,
    /// The most connections at the same time
    #[arg(long, value_name = "NUMBER", default_value_t = 4096)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_connections: u32,
    /// Seconds of the simulation in one of real time: 0.1 for ten times slower, 10 for ten times faster
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    time_scale: f64,
    /// What clients call the model; by default as the scenario does
    #[arg(long, value_name = "NAME")]
    served_model_name: Option<String>,
    /// When it is stopped, requests inside have so long to get their answers
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    grace: u64,
    /// How to print what was served when it is stopped
    #[arg(long, value_enum, default_value = "text")]
    format: ServeFormat,
    /// Print no warnings
    #[arg(short, long)]
    quiet: bool,
}

/// How the report in the end is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ServeFormat {
    /// One screen
    Text,
    /// One JSON object, as `run` prints it
    Json,
}

/// Runs the verb.
#[cfg(not(feature = "serve"))]
pub fn run(_args: &Args, _color: ColorFlags) -> Result<(), Failure> {
    use crate::config::Diagnostic;
    let message = "this tailcast was built without its server";
    Err(Diagnostic::new(message)
        .help("install it with the server: cargo install tailcast --features serve")
        .help("or in a checkout: cargo run --release --features serve -- serve SCENARIO")
        .into())
}

/// Runs the verb.
#[cfg(feature = "serve")]
pub fn run(args: &Args, color: ColorFlags) -> Result<(), Failure> {
    use crate::answer::serve::ServeQuestion;
    use crate::answer::{Problem, Style};
    use crate::cli::terminal::{Terminal, interrupt, screen};
    use crate::web::{self, WebSettings};

    let question = ServeQuestion {
        base: args.changes.base(args.scenario.as_deref())?,
        speed: args.time_scale,
        grace: Duration::from_secs(args.grace),
        model: args.served_model_name.clone(),
    };
    let ready = question.ready()?;
    let terminal = Terminal {
        is_quiet: args.quiet,
        shows_progress: false,
        color,
        threads: None,
    };
    let control = terminal.control();
    interrupt::listen();
    let (live, run) = ready.start(&control)?;
    let settings = WebSettings {
        address: (args.host, args.port).into(),
        max_connections: args.max_connections,
    };
    let about = format!("{} on {}", live.model(), live.engine());
    let says = |address| {
        if !args.quiet {
            screen::note(&format!("{about}: listening on http://{address}"));
        }
    };
    let lateness = live.lateness();
    let ends = async {
        let mut has_warned = false;
        while !run.is_over() {
            tokio::time::sleep(Duration::from_millis(20)).await;
            if !has_warned && let Some(warning) = lateness.warning() {
                control.audience.warn(&warning);
                has_warned = true;
            }
        }
    };
    let failed = |error| Problem::of_machine(format!("cannot listen on {}: {error}", settings.address));
    web::serve(settings, live, &question.base, says, ends).map_err(failed)?;
    let answer = run.report(&control)?;
    match args.format {
        ServeFormat::Json => screen::print(&answer.to_json())?,
        ServeFormat::Text => {
            let style = Style {
                colour: color.on_stdout(),
            };
            screen::print_styled(&answer.to_text(style), style, false)?;
        }
    }
    Ok(())
}
