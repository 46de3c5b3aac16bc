//! A run as it went on, at regular instants: what figures over time and files of it show.

mod answered;
mod changes;
mod limits;
mod parts;
mod timeline;

pub use answered::AnswerTimes;
pub use changes::{ChangeOfServer, ChangesOverTime};
pub use limits::{LIMITS, LimitsOverTime, WaitedFor};
pub use parts::{ClassesOverTime, PartRow, ServersOverTime};
pub use timeline::{Timeline, TimelineRow};

/// A run as it went on. All lists of rows are of the same instants.
#[derive(Clone, Debug, Default)]
pub struct RunOverTime {
    /// All servers together.
    pub rows: Vec<TimelineRow>,
    /// Each server of a fleet.
    pub servers: Vec<Vec<PartRow>>,
    /// Each class of traffic with its name, where there are several.
    pub classes: Vec<(String, Vec<PartRow>)>,
    /// Which limits kept requests waiting.
    pub limits: Vec<WaitedFor>,
    /// What became of servers, and when.
    pub changes: Vec<ChangeOfServer>,
}
