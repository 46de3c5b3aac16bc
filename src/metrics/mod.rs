//! What a run was like: what its clients felt, what its server did, and what held it back.
//!
//! Everything here listens to an engine through [`crate::engine::Observer`]: a [`Recorder`] passes what it hears on to
//! meters, one for each section of the result, and becomes a [`Recording`]; recordings of replications pool into one,
//! and a [`Summary`] holds the numbers that are reported. A meter's file has all that is said of its numbers: how they
//! are added up, how they pool, what they are called, and how they are worded. `meters.rs` lists the meters.

mod breakdown;
mod class_to_record;
mod classes;
mod client;
mod contexts;
mod cost;
mod cost_numbers;
mod exposition;
mod fleet;
mod fleet_pool;
mod latencies_of;
mod line;
mod listeners;
mod measure;
mod meter;
mod meters;
mod metric;
mod named_number;
mod over_time;
mod partition;
mod path;
mod pool_settings;
mod population;
mod recorder;
mod recorder_settings;
mod recording;
mod replications;
mod request_group;
mod request_log;
mod run_measure;
mod run_so_far;
mod server;
mod server_sums;
mod slo;
mod slo_result;
mod steady_state;
mod summary;
mod truncation;
mod verdict;
mod whole_crowd;
mod windows;

pub use breakdown::{Breakdown, GroupReport, RunResult};
pub use class_to_record::ClassToRecord;
pub use classes::ClassReport;
pub use client::{
    AttemptCounts, ClientWait, CrowdQuantiles, FleetEvent, Latencies, LatencyIntervals, LatencySummary, Recovery,
    Requests, Throughput,
};
pub use contexts::Contexts;
pub use cost_numbers::CostNumbers;
pub use exposition::{
    ExposedFamily, ExposedRun, ExposedSeries, ExposedServer, Exposition, ExpositionSettings, FamilyKind, Label,
    MOST_SAMPLES, MetricFamily,
};
pub use fleet::{EventReport, FleetReport, ReadyServers, ServerReport, name_of_change};
pub use fleet_pool::PoolReport;
pub use line::{Line, Phrase, Statement};
pub use listeners::{LastHeard, Listeners};
pub use measure::{MEASURES, Measure};
pub use meters::Summary;
pub use metric::{Metric, Statistic};
pub use named_number::{Better, Quantity};
pub use over_time::{
    AnswerTimes, ChangeOfServer, ChangesOverTime, ClassesOverTime, LIMITS, LimitsOverTime, PartRow, RunOverTime,
    ServersOverTime, Timeline, TimelineRow, WaitedFor,
};
pub use path::{PathReport, PathStageReport, PathSummary, StageKind};
pub use pool_settings::{PoolAbout, PoolSettings};
pub use population::Counts;
pub use recorder::Recorder;
pub use recorder_settings::RecorderSettings;
pub use recording::Recording;
pub use replications::Replications;
pub use request_group::RequestGroup;
pub use request_log::{RequestLog, RequestOutcome, RequestRow};
pub use run_measure::{RunMeasure, group_and_rest};
pub use server::{
    Binding, Constraint, GpuSummary, GpuWork, KvFragmentation, KvSummary, KvUsage, OffloadSummary, QueueSummary,
    Saturation, SpeculativeSummary, StepPrices, StepShares, TimeWeightedSummary, Waves,
};
pub use server_sums::{LevelSummary, ShareSummary};
pub use slo::{ClassResult, LatencySlo, ServedNumber, ServedSlo, Slo, SloError, SloOutcome, SloResult};
pub use steady_state::SteadyState;
pub use verdict::{USUAL_ERRORS, Verdict, asks_for_anything, has_objectives, is_shown_met, is_steady, judged};
pub use windows::{ArrivalsEnd, Trim};
