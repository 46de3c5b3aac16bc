//! The fast engine: while a batch's members stay the same, any number of decode steps is one leap with a closed form.
//! Each policy's shortcut must tell its observer exactly what the readable engine tells, leaps expanded to steps.

mod abort;
mod admission;
mod behind_windows;
mod blocks;
mod continuous;
mod decided;
mod decode_cycle;
mod decoders;
mod drafting;
mod finishes;
mod group_cache;
mod group_lookup;
mod grouped;
mod holding;
mod in_flight;
mod in_order;
mod leaping;
mod listed;
mod none;
mod plain;
mod planned;
mod queue;
mod repeats;
mod running;
mod scheduler;
mod seats;
mod sglang;
mod static_batch;
mod tables;
mod turns;

pub(super) use continuous::FastContinuous;
pub(super) use drafting::FastDrafting;
pub(super) use leaping::FastServer;
pub(super) use none::FastNone;
pub(super) use plain::PlainContinuous;
pub(super) use planned::FastPlanned;
pub(super) use sglang::FastSglang;
pub(super) use static_batch::FastStatic;
