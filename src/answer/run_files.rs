//! The files that a run writes while it goes on: all of them complete, or none.

use std::cell::Cell;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::problem::Problem;
use super::run_outputs::RunOutputs;
use crate::config::{Diagnostic, Operation, Scenario};
use crate::engine::Observer;
use crate::metrics::{Exposition, LastHeard, RequestLog, Timeline};
use crate::report::{
    AtomicFile, LogLines, MOST_TRACE_EVENTS, PackedFile, PerfettoTrace, RowForm, Spans, SpansSettings, TimelineColumns,
    TimelineRows, WallClock, write_metrics_text, write_openmetrics, write_requests,
};
use crate::study::{Bounds, SimulationError, class_names, exposed_servers, exposition, timeline};
use crate::units::Time;

const TIMELINE_TOO_LONG: &str = "--timeline-out: more than 20 million rows; write a longer --timeline-interval";

const TRACE_TOO_LONG: &str = "--perfetto: more than 5 million events, which no viewer opens; show fewer requests \
     (--perfetto-requests), ask for fewer (workload.requests, or trace.limit), or leave --perfetto out";

const METRICS_TOO_LONG: &str = "--openmetrics-out: more than 20 million samples; write a longer --timeline-interval, \
     such as 15s";

const SPANS_TOO_LONG: &str = "--spans-out: more than 3 million spans; ask for fewer requests (workload.requests, or \
     trace.limit), or leave --spans-out out";

const LOGS_TOO_LONG: &str = "--logs-out: more than 20 million lines; ask for fewer requests (workload.requests, or \
     trace.limit), or leave --logs-out out";

/// The files that were asked for, and what they may not outgrow.
#[derive(Default)]
pub struct RunFiles {
    files: Vec<(PathBuf, Box<dyn RunFile>)>,
    bounds: Bounds,
    last: LastHeard,
    /// Requests that a trace for Perfetto does not show, as they come after the first ones.
    not_traced: Rc<Cell<u64>>,
}

/// A file that is made from what is heard of a run.
trait RunFile {
    /// Who hears it.
    fn listener(&mut self) -> &mut dyn Observer;

    /// Writes what is left once everything has been heard, the last of it at `end`.
    fn finish(self: Box<Self>, end: Time) -> io::Result<AtomicFile>;
}

impl RunFiles {
    /// Starts the files of a run of the scenario.
    pub fn open(outputs: &RunOutputs, scenario: &Scenario) -> Result<Self, Problem> {
        let server = &scenario.deployment.server;
        let mut files = Self::default();
        let mut bounds = Bounds::default();
        if let Some(path) = &outputs.requests {
            bounds.count_list();
            let log = RequestLog::default();
            let names = scenario.traffic.classes.iter().filter_map(|class| class.name.clone());
            let classes = names.collect();
            let form = form_of("--requests-out", path)?;
            files.add(path, AtomicFile::create(path), |file| RequestsFile {
                log,
                classes,
                form,
                file,
            })?;
        }
        if let Some(path) = &outputs.timeline {
            let interval = outputs.interval();
            let form = form_of("--timeline-out", path)?;
            files.add(path, AtomicFile::create(path), |file| {
                let rows = TimelineRows::new(file, form, timeline_columns(&scenario.operation));
                let timeline = timeline(scenario, interval, rows);
                bounds.heed(timeline.too_long(), TIMELINE_TOO_LONG);
                timeline
            })?;
        }
        if let Some(path) = &outputs.perfetto {
            let mut not_traced = Rc::default();
            files.add(path, PackedFile::create(path), |file| {
                let trace = PerfettoTrace::new(server, MOST_TRACE_EVENTS, file).of_first(outputs.traced_requests());
                bounds.heed(trace.too_long(), TRACE_TOO_LONG);
                not_traced = trace.left_out();
                trace
            })?;
            files.not_traced = not_traced;
        }
        files.add_observed(outputs, scenario, &mut bounds)?;
        Ok(Self { bounds, ..files })
    }

    /// Those that the tools read which watch real servers.
    fn add_observed(&mut self, outputs: &RunOutputs, scenario: &Scenario, bounds: &mut Bounds) -> Result<(), Problem> {
        let clock = outputs.clock;
        if let Some(path) = &outputs.openmetrics {
            self.add(path, AtomicFile::create(path), |file| {
                let exposition = exposition(scenario, Some(outputs.interval()));
                bounds.heed(exposition.too_long(), METRICS_TOO_LONG);
                OpenMetricsFile {
                    exposition,
                    clock,
                    file,
                }
            })?;
        }
        if let Some(path) = &outputs.metrics {
            self.add(path, AtomicFile::create(path), |file| MetricsFile {
                exposition: exposition(scenario, None),
                file,
            })?;
        }
        if let Some(path) = &outputs.spans {
            self.add(path, AtomicFile::create(path), |file| {
                let spans = Spans::new(spans_settings(scenario, clock), file);
                bounds.heed(spans.too_long(), SPANS_TOO_LONG);
                spans
            })?;
        }
        if let Some(path) = &outputs.logs {
            self.add(path, AtomicFile::create(path), |file| {
                let logs = LogLines::new(clock, &class_names(scenario), file);
                bounds.heed(logs.too_long(), LOGS_TOO_LONG);
                logs
            })?;
        }
        Ok(())
    }

    fn add<Output, Made: RunFile + 'static>(
        &mut self,
        path: &Path,
        output: io::Result<Output>,
        start: impl FnOnce(Output) -> Made,
    ) -> Result<(), Problem> {
        let output = output.map_err(|error| Problem::cannot_write(path, &error))?;
        self.files.push((path.to_path_buf(), Box::new(start(output))));
        Ok(())
    }

    /// What the run may not outgrow.
    pub fn bounds(&self) -> Bounds {
        self.bounds.clone()
    }

    /// Who has to hear the run; nobody if there are no files, as listening takes time.
    pub fn listeners(&mut self) -> Vec<&mut dyn Observer> {
        if self.files.is_empty() {
            return Vec::new();
        }
        let files = self.files.iter_mut().map(|(_, file)| file.listener());
        let last: &mut dyn Observer = &mut self.last;
        files.chain([last]).collect()
    }

    /// What to say of what the files leave out.
    pub fn note(&self) -> Option<String> {
        let left_out = self.not_traced.get();
        (left_out > 0).then(|| {
            format!("--perfetto shows the first requests, and not the last {left_out}; --perfetto-requests shows more")
        })
    }

    /// The run has ended well: the files appear once all of them are complete.
    pub fn keep(self) -> Result<(), Problem> {
        let end = self.last.0;
        let mut complete = Vec::new();
        for (path, file) in self.files {
            match file.finish(end) {
                Ok(file) => complete.push((path, file)),
                Err(error) => return Err(Problem::cannot_write(&path, &error)),
            }
        }
        self.bounds.check().map_err(SimulationError::Replay)?;
        for (path, file) in complete {
            file.keep().map_err(|error| Problem::cannot_write(&path, &error))?;
        }
        Ok(())
    }
}

/// `--requests-out`: kept in memory to the end, as rows go in the order of their arrival.
struct RequestsFile {
    log: RequestLog,
    /// The names of the classes of traffic, if there are any.
    classes: Vec<String>,
    form: RowForm,
    file: AtomicFile,
}

impl RunFile for RequestsFile {
    fn listener(&mut self) -> &mut dyn Observer {
        &mut self.log
    }

    fn finish(self: Box<Self>, _end: Time) -> io::Result<AtomicFile> {
        let classes: Vec<&str> = self.classes.iter().map(String::as_str).collect();
        write_requests(self.file, self.form, self.log.rows(), &classes)
    }
}

/// The form that the name of a table asks for.
fn form_of(flag: &str, path: &Path) -> Result<RowForm, Diagnostic> {
    RowForm::of(path).map_err(|problem| Diagnostic::new(format!("{flag}: {problem}")))
}

/// Which of the columns of a timeline say something of servers that are so operated.
pub fn timeline_columns(operation: &Operation) -> TimelineColumns {
    match &operation.fleet {
        None => TimelineColumns::OfServer,
        Some(fleet) if fleet.autoscale.is_none() => TimelineColumns::OfFleet,
        Some(_) => TimelineColumns::OfScaledFleet,
    }
}

/// `--timeline-out`: written row by row while the run goes on.
impl RunFile for Timeline<TimelineRows<AtomicFile>> {
    fn listener(&mut self) -> &mut dyn Observer {
        self
    }

    fn finish(self: Box<Self>, end: Time) -> io::Result<AtomicFile> {
        (*self).finish(end).finish()
    }
}

/// `--perfetto`: a trace for Perfetto, written while the run goes on.
impl RunFile for PerfettoTrace<PackedFile> {
    fn listener(&mut self) -> &mut dyn Observer {
        self
    }

    fn finish(self: Box<Self>, end: Time) -> io::Result<AtomicFile> {
        (*self).finish(end)?.finish()
    }
}

fn spans_settings(scenario: &Scenario, clock: WallClock) -> SpansSettings {
    let servers = exposed_servers(scenario).into_iter();
    SpansSettings {
        clock,
        seed: scenario.seed,
        models: servers.map(|server| server.model).collect(),
        classes: class_names(scenario),
        has_router: scenario.operation.fleet.is_some(),
        has_sessions: scenario.traffic.may_have_turns(),
    }
}

/// `--openmetrics-out`: kept in memory to the end, as all samples of a series stand together.
struct OpenMetricsFile {
    exposition: Exposition,
    clock: WallClock,
    file: AtomicFile,
}

impl RunFile for OpenMetricsFile {
    fn listener(&mut self) -> &mut dyn Observer {
        &mut self.exposition
    }

    fn finish(mut self: Box<Self>, end: Time) -> io::Result<AtomicFile> {
        let run = self.exposition.finish(end);
        write_openmetrics(&mut self.file, &run, self.clock)?;
        Ok(self.file)
    }
}

/// `--metrics-out`: the state at the end.
struct MetricsFile {
    exposition: Exposition,
    file: AtomicFile,
}

impl RunFile for MetricsFile {
    fn listener(&mut self) -> &mut dyn Observer {
        &mut self.exposition
    }

    fn finish(mut self: Box<Self>, end: Time) -> io::Result<AtomicFile> {
        write_metrics_text(&mut self.file, &self.exposition.finish(end))?;
        Ok(self.file)
    }
}

/// `--spans-out`: written while the run goes on.
impl RunFile for Spans<AtomicFile> {
    fn listener(&mut self) -> &mut dyn Observer {
        self
    }

    fn finish(self: Box<Self>, end: Time) -> io::Result<AtomicFile> {
        (*self).finish(end)
    }
}

/// `--logs-out`: written while the run goes on.
impl RunFile for LogLines<AtomicFile> {
    fn listener(&mut self) -> &mut dyn Observer {
        self
    }

    fn finish(self: Box<Self>, _end: Time) -> io::Result<AtomicFile> {
        (*self).finish()
    }
}
