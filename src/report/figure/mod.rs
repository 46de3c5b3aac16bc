//! Figures: one file each, from what a study found to a drawing. The title of a figure is the question it answers.

pub mod accuracy;
pub mod bars;
pub mod class_times;
mod events;
pub mod heat_map;
pub mod interactivity;
mod key_axis;
mod kind;
pub mod limits;
pub mod lines;
mod list;
pub mod load_curve;
pub mod over_time;
pub mod pareto;
mod part_lines;
pub mod prefix_hits;
pub mod server_queues;
mod step_time;
pub mod tail;
mod thinned;
mod titles;

pub use kind::{Drawn, Draws, Figure, Recordings, Timelines};
pub use list::{
    FIGURES, drawn_of_contest, drawn_of_recordings, drawn_of_sweep, drawn_of_timelines, of_contest, of_run, of_sweep,
};
pub use thinned::evenly;
