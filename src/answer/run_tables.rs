//! A run as tables: its requests one by one, and its state over time.

use super::problem::Problem;
use super::run::RunAnswer;
use super::run_files::timeline_columns;
use crate::metrics::{LastHeard, RequestLog, TimelineRow};
use crate::report::TimelineColumns;
use crate::study::{Bounds, Control, SimulationError, run, timeline};
use crate::units::Span;

impl RunAnswer {
    /// A row a request of the first run, which is simulated once more for them.
    pub fn requests(&self, control: &Control) -> Result<RequestLog, Problem> {
        let mut log = RequestLog::default();
        let mut bounds = Bounds::default();
        bounds.count_list();
        let again = run(&self.input, self.input.scenario.seed, vec![&mut log], control, &bounds)?;
        if again.replayed.is_stopped {
            return Err(Problem::interrupted());
        }
        Ok(log)
    }

    /// The names of the classes of its requests, in the order of their numbers; none if they have no classes.
    pub fn class_names(&self) -> Vec<String> {
        let classes = self.input.scenario.traffic.classes.iter();
        classes.filter_map(|class| class.name.clone()).collect()
    }

    /// Which of the columns of a timeline say something of its servers.
    pub fn timeline_columns(&self) -> TimelineColumns {
        timeline_columns(&self.input.scenario.operation)
    }

    /// The state every `interval` of the first run, which is simulated once more for it.
    pub fn timeline(&self, interval: Span, control: &Control) -> Result<Vec<TimelineRow>, Problem> {
        let mut rows = timeline(&self.input.scenario, interval, Vec::new());
        let mut bounds = Bounds::default();
        bounds.heed(rows.too_long(), "more than 20 million rows; ask for a longer interval");
        let mut last = LastHeard::default();
        let also = vec![&mut rows as _, &mut last as _];
        let again = run(&self.input, self.input.scenario.seed, also, control, &bounds)?;
        if again.replayed.is_stopped {
            return Err(Problem::interrupted());
        }
        let rows = rows.finish(last.0);
        bounds.check().map_err(SimulationError::Replay)?;
        Ok(rows)
    }
}
