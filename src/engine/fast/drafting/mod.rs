//! The shortcut of continuous batching beside drafts. How many of them are accepted is drawn for each request in each
//! step, so there are no leaps: each step is one pass over numbers, without tables of blocks.
//!
//! As long as those who run find their blocks, and nobody shares a prompt, only the number of blocks matters. Where it
//! does not do, it stops, and the readable engine goes on ([`handover`]).

mod decide;
mod decided;
mod handover;
mod outcome;
mod scheduler;

pub(in crate::engine) use scheduler::FastDrafting;
