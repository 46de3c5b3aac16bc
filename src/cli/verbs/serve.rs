//! `serve`: a server that answers as vLLM does, timed by the simulator.

use std::net::IpAddr;
use std::path::PathBuf;

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
    #[arg(long, value_name = "NUMBER", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_connections: u32,
    /// Print no warnings
    #[arg(short, long)]
    quiet: bool,
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
    use std::sync::atomic::Ordering;
    use std::time::Duration;

    use crate::answer::Problem;
    use crate::cli::terminal::{Terminal, interrupt, screen};
    use crate::web::{self, Served, WebSettings};

    let terminal = Terminal {
        is_quiet: args.quiet,
        shows_progress: false,
        color,
        threads: None,
    };
    let control = terminal.control();
    let input = args.changes.base(args.scenario.as_deref())?.load()?;
    let served = Served {
        scenario: input.scenario.name.as_str().into(),
        model: input.scenario.deployment.model.name().into(),
    };
    let settings = WebSettings {
        address: (args.host, args.port).into(),
        max_connections: args.max_connections,
        max_body_bytes: 16 << 20,
    };
    interrupt::listen();
    let ends = async move {
        while !control.stop.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let says = |address| screen::note(&format!("listening on http://{address}"));
    let failed = |error| Problem::of_machine(format!("cannot listen on {}: {error}", settings.address));
    Ok(web::serve(settings, served, says, ends).map_err(failed)?)
}
