//! The terminal: what is printed, how far a run has come, and Ctrl-C.

pub mod color;
mod command_line;
mod interrupt;
mod progress;
pub mod screen;
mod watching;

pub use watching::Terminal;
