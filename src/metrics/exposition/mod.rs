//! What a Prometheus would scrape from the servers of a run and from the gateway before them.
//!
//! Servers expose vLLM's own metrics (`vllm/v1/metrics/loggers.py`, release 0.33): the same names, types, labels and
//! buckets, with the engine's times. The gateway exposes what clients saw, with the clients' times, under names of
//! tailcast's own. Counters of a server that fails go on from where they were, as if whoever scrapes had added them up,
//! so that they agree with the numbers of the run.

mod bucket_counts;
mod buckets;
mod exposed;
mod exposition_observer;
mod families;
mod gateway_metrics;
mod instrument;
mod scraped_rows;
mod server_events;
mod server_steps;

pub use exposed::{ExposedFamily, ExposedRun, ExposedSeries};
pub use exposition_observer::{ExposedServer, Exposition, ExpositionSettings, MOST_SAMPLES};
pub use families::{FamilyKind, Label, MetricFamily};
