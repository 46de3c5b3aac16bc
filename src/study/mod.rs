//! Questions that take more than one simulation.

mod aim;
pub mod alerts;
mod bisection;
mod bounds;
pub mod calibrate;
mod capacity;
mod capacity_range;
mod capacity_search;
mod contest;
mod control;
mod cost;
mod curve;
mod differing;
mod exposition;
mod fewest_servers;
mod formula;
mod in_order;
mod input;
mod lasting_rate;
mod likeness;
pub mod live;
mod load_dial;
mod load_kind;
mod load_walk;
mod measured_point;
mod memory_left_out;
mod model_range;
mod overview;
mod plan;
mod production;
mod remedies;
mod replications;
mod runner;
mod sending;
mod servers_by_hour;
mod simulate;
mod stopped;
mod strain;
mod sweep;
mod taken_load;
mod validation;
mod watched;

pub use crate::metrics::{
    Better, MEASURES, Measure, Quantity, RequestGroup, RunMeasure, USUAL_ERRORS, Verdict, asks_for_anything,
    group_and_rest, has_objectives, is_shown_met, is_steady, judged,
};
pub use bisection::Bracket;
pub use bounds::{Bounds, MOST_REQUESTS};
pub use capacity::Capacity;
pub use capacity_range::{CapacityRange, ServersRange, capacity_range};
pub use capacity_search::{AS_LONG_AS_IT_TAKES, CapacitySearch, USUAL_START};
pub use contest::{Contender, Contest, Difference, Variation, contest};
pub use control::{Audience, Control};
pub use cost::{
    AgainstApi, BestRate, BreakEvenReport, BudgetOutcome, BudgetReport, CommitmentReport, CostQuestion, CostReport,
    DayReport, EnergyReport, HiddenCostReport, PricesReport, RuleOfThumbReport, SessionCost, SourceReport, TokenPrices,
};
pub use curve::{Curve, CurvePoint, CurveStudy, NeverReached};
pub use differing::{Differing, differing};
pub use exposition::{class_names, exposed_servers, exposition};
pub use fewest_servers::{FewestServers, ServersSearch};
pub use formula::{ContextLengths, DraftsCost, Filled, FormulaCheck, FormulaQuestion};
pub use in_order::{Next, Workers};
pub use input::{Base, Input};
pub use likeness::{other_deployment, other_lengths, other_load, unlike_after, unlike_before};
pub use load_dial::LoadDial;
pub use load_kind::LoadKind;
pub use load_walk::PRECISION;
pub use measured_point::MeasuredPoint;
pub use memory_left_out::{ForgottenMemory, MemoryLeftOut};
pub use model_range::{
    ShiftedRuns, add_range, check_range, error_of_run, has_queue, set_ranges, shifted_runs, steps_times,
};
pub use overview::{overview, timeline};
pub use plan::{MOST_POINTS, Plan, label, short};
pub use production::{
    Answered, AssumedFailures, Calculator, Crowds, Failures, LoadToCarry, MeasuredFailures, NeededServers, NotTried,
    Offer, OfferTokens, OneDown, OwnTraffic, PeakRule, PolicyTried, Production, ProductionQuestion, Purchase, Shopping,
    ShoppingList, ShoppingQuestion, StageFallback, StorageNeeds, StoreOfSize, TriedPolicies, answered,
};
pub use remedies::{Remedy, Tried, remedies, try_remedies};
pub use replications::{Outcome, Task, replicate, run_each};
pub use runner::Runner;
pub use sending::{IdleClients, Replayed, SimulationError};
pub use servers_by_hour::{HourOfDay, HoursSearch};
pub use simulate::{
    Run, engine, recorder, replay, replay_readable_fleet, replay_servers, replay_source, replay_workload, run, simulate,
};
pub use stopped::{Simulate, Stopped};
pub use sweep::{RUN_COLUMNS, RunNumbers, Sweep, usual_measures};
pub use taken_load::{OpenWorkload, TakenLoad};
pub use validation::{Compared, Comparison, MetricErrors, Prediction, errors_of, metrics_of};
pub use watched::Watched;
