//! Files that a run writes: checked before it starts, complete or absent afterwards.

use std::io;
use std::path::{Path, PathBuf};

use super::bounds::MOST_REQUESTS;
use super::failure::Failure;
use crate::config::{self, DURATION_HELP, Diagnostic};
use crate::report::{FigureFormat, MOST_TRACE_EVENTS};
use crate::study::Input;
use crate::units::Span;

/// Flags that name files.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Files")]
pub struct OutputFlags {
    /// Write one CSV row a request
    #[arg(long, value_name = "FILE")]
    pub requests_out: Option<PathBuf>,
    /// Write queue depth and KV usage over time as CSV
    #[arg(long, value_name = "FILE")]
    pub timeline_out: Option<PathBuf>,
    /// Write steps, requests and queue depth as a trace for ui.perfetto.dev; compressed if FILE ends in .gz
    #[arg(long, value_name = "FILE")]
    pub perfetto: Option<PathBuf>,
    /// How much simulated time lies between two rows of the timeline
    #[arg(long, value_name = "DURATION", default_value = "1s")]
    timeline_interval: String,
}

/// Rows closer than this say nothing more: steps take milliseconds.
const SHORTEST_INTERVAL: Span = Span::from_micros(100);

/// A request that is served is at least its start, a phase, its end and a change of a counter.
const MOST_TRACED_REQUESTS: u64 = MOST_TRACE_EVENTS / 4;

/// With steps and the other phases it is some eleven events in a server that batches a hundred.
const USUALLY_TRACED_REQUESTS: u64 = 400_000;

impl OutputFlags {
    /// All flags, with the files that are asked for.
    fn all(&self) -> [(&'static str, Option<&Path>); 3] {
        [
            ("--requests-out", self.requests_out.as_deref()),
            ("--timeline-out", self.timeline_out.as_deref()),
            ("--perfetto", self.perfetto.as_deref()),
        ]
    }

    /// Refuses files that are asked for of several runs.
    pub fn check_runs(&self, runs: u32) -> Result<(), Failure> {
        if runs == 1 || self.all().iter().all(|(_, path)| path.is_none()) {
            return Ok(());
        }
        let flags = self.all().map(|(flag, _)| flag);
        let message = format!("{} describe one run, not several", flags.join(", "));
        let help = "leave --seeds out, or name one run with --seed";
        Err(Diagnostic::new(message).help(help).into())
    }

    /// Refuses files that so many requests would make too large.
    pub fn check_requests(&self, requests: u64) -> Result<(), Failure> {
        let refuse = |flag: &str, why: &str, most: u64| -> Result<(), Failure> {
            let message = format!("{flag}: {requests} requests are too many {why}");
            let help = format!("ask for {most} at most, or leave {flag} out");
            Err(Diagnostic::new(message).help(help).into())
        };
        if self.requests_out.is_some() && requests > MOST_REQUESTS {
            return refuse("--requests-out", "to keep in memory", MOST_REQUESTS);
        }
        if self.perfetto.is_some() && requests > MOST_TRACED_REQUESTS {
            return refuse("--perfetto", "for a viewer", USUALLY_TRACED_REQUESTS);
        }
        Ok(())
    }

    /// The time between two rows of the timeline.
    pub fn interval(&self) -> Result<Span, Failure> {
        let flag = "--timeline-interval";
        let interval = config::duration(&self.timeline_interval)
            .map_err(|problem| Diagnostic::new(format!("{flag}: {problem}")).help(DURATION_HELP))?;
        if interval < SHORTEST_INTERVAL {
            let message = format!("{flag} {} is too short", self.timeline_interval);
            return Err(Diagnostic::new(message).help("write 100us or more").into());
        }
        Ok(interval)
    }

    /// Refuses files that could not be written, or that would overwrite one another or what the run reads.
    /// Gives back what is taken then.
    pub fn check(&self, scenario_file: Option<&Path>, input: &Input) -> Result<Taken, Failure> {
        let mut taken = Taken::by(scenario_file, input);
        for (flag, path) in self.all() {
            if let Some(path) = path {
                taken.claim(flag, path)?;
            }
        }
        Ok(taken)
    }
}

/// Files that nothing may be written to, each with what it is.
#[derive(Debug, Default)]
pub struct Taken(Vec<(String, PathBuf)>);

impl Taken {
    /// What a run of the scenario reads.
    pub fn by(scenario_file: Option<&Path>, input: &Input) -> Self {
        let mut taken = Self::default();
        if let Some(file) = scenario_file {
            taken.read("the scenario", file);
        }
        taken.read_by(input);
        taken
    }

    /// The files that a scenario names are read.
    pub fn read_by(&mut self, input: &Input) {
        for (what, file) in input.files() {
            self.read(what, &file);
        }
    }

    /// The file is read; messages call it `what`.
    pub fn read(&mut self, what: &str, path: &Path) {
        if let Ok(path) = path.canonicalize() {
            self.0.push((what.to_owned(), path));
        }
    }

    /// The file may be written all the same.
    pub fn release(&mut self, path: &Path) {
        if let Ok(path) = path.canonicalize() {
            self.0.retain(|(_, taken)| *taken != path);
        }
    }

    /// Takes the file for `flag` to write; refuses one that could not be written, or that is taken.
    pub fn claim(&mut self, flag: &str, path: &Path) -> Result<(), Failure> {
        let place = writable(path).map_err(|problem| {
            Diagnostic::new(format!("{flag}: cannot write {}: {problem}", path.display()))
                .help("give a file in a directory that exists and that you may write to")
        })?;
        if let Some((what, _)) = self.0.iter().find(|(_, other)| *other == place) {
            let message = format!("{flag} {} would overwrite {what}", path.display());
            return Err(Diagnostic::new(message).help("give another name").into());
        }
        self.0.push((format!("the file of {flag}"), place));
        Ok(())
    }

    /// Takes the file for `flag` to draw a figure into, and refuses what no figure can be written as.
    pub fn claim_figure(&mut self, flag: &str, path: &Path) -> Result<(), Failure> {
        self.claim(flag, path)?;
        FigureFormat::of(path).map_err(|help| {
            let message = format!("{flag}: {} is no name of a figure", path.display());
            Diagnostic::new(message).help(help)
        })?;
        Ok(())
    }
}

/// The full path of a file that can be written.
fn writable(path: &Path) -> io::Result<PathBuf> {
    match path.metadata() {
        Ok(found) if found.is_dir() => return Err(io::Error::other("it is a directory")),
        Ok(found) if !found.is_file() => return Err(io::Error::other("it is not a regular file")),
        // Also a name that is too long, or a link that leads back to itself.
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let name = path.file_name().unwrap_or_default();
    let text = path.as_os_str().as_encoded_bytes();
    if name.is_empty() || !text.ends_with(name.as_encoded_bytes()) {
        return Err(io::Error::other("it is the name of a directory"));
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let folder = folder.canonicalize()?;
    tempfile::tempfile_in(&folder)?;
    let full = folder.join(name);
    // A link leads to the file that would be overwritten.
    Ok(full.canonicalize().unwrap_or(full))
}
