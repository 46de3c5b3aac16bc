//! The terminal: what is printed, how far a run has come, how it is stopped, and how much memory it may take.

pub mod color;
mod command_line;
mod fit;
pub mod interrupt;
pub mod memory;
mod progress;
pub mod screen;
mod watching;

pub use watching::Terminal;
