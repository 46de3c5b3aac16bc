//! Every verb as a question and its answer: the one door that the command line, a program, a page or another language
//! goes through.
//!
//! A question is a plain struct. Its `answer` takes a [`Control`], by which whoever asks can stop it and hear of
//! warnings and progress, and gives an answer or a [`Problem`]. An answer gives its JSON, its text, and where there are
//! some its page and its figures. Nothing here prints or is global: several questions can be asked at once, each from a
//! thread of its own. Questions that write files beside their answers have a step before: `ready` reads the scenario,
//! so that files can be held against what is read.

mod calibrate;
mod calibrate_coefficients;
mod capacity;
mod check;
mod common;
mod compare;
mod curve;
mod curve_loads;
mod drawings;
mod error_limit;
mod explanation;
mod gpus;
mod init;
mod list;
mod measured_points;
mod merge;
mod models;
mod over;
mod plan;
mod problem;
mod report;
mod results_text;
mod run;
mod run_files;
mod run_outputs;
mod run_report;
mod run_tables;
mod scenario_texts;
pub mod serve;
mod servers_in_words;
mod setting;
mod steps;
mod sweep;
mod trace_convert;
mod trace_info;
mod validate;
mod variations;

pub use crate::fleet::{MemoryLimit, USUAL_MEMORY_BYTES};
pub use crate::report::figure::Drawn;
pub use crate::report::{Markup, Style};
pub use crate::study::{Audience, Base, Control, LoadKind};
pub use crate::units::Day;
pub use calibrate::{CalibrateAnswer, CalibrateQuestion, ReadyCalibrate};
pub use calibrate_coefficients::coefficients;
pub use capacity::{CapacityAnswer, CapacityQuestion, ReadyCapacity, ServersFor};
pub use check::{CheckAnswer, CheckQuestion};
pub use compare::{CompareAnswer, CompareQuestion, ReadyCompare};
pub use curve::{CurveAnswer, CurveQuestion, ReadyCurve};
pub use curve_loads::loads;
pub use error_limit::error_limit;
pub use gpus::{GpusAnswer, GpusQuestion};
pub use init::InitQuestion;
pub use measured_points::MeasuredPoints;
pub use merge::{MergeAnswer, MergeQuestion};
pub use models::{ModelsAnswer, ModelsQuestion};
pub use plan::{PlanAnswer, PlanQuestion, ReadyPlan};
pub use problem::{Blame, Problem};
pub use report::{ReportAnswer, ReportQuestion};
pub use run::{ReadyRun, RunAnswer, RunQuestion};
pub use run_outputs::RunOutputs;
pub use scenario_texts::{ScenarioAnswer, ScenarioQuestion};
pub use steps::{StepsAnswer, StepsQuestion};
pub use sweep::{ReadySweep, Shard, StudySource, SweepAnswer, SweepQuestion};
pub use trace_convert::{ConvertAnswer, ConvertQuestion};
pub use trace_info::{TraceAnswer, TraceQuestion};
pub use validate::{ReadyValidate, ValidateAnswer, ValidateQuestion};
