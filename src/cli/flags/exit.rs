//! The flag that decides whether a missed objective shows in the exit code.

use crate::cli::failure::Failure;

/// Flags on the exit code.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct ExitFlags {
    /// Exit with 0 even if an objective is missed, or was not shown to be met
    #[arg(long)]
    slo_exit_zero: bool,
}

impl ExitFlags {
    /// How the verb ends, by whether what was asked for is shown to be met.
    pub fn judge(self, is_shown_met: bool) -> Result<(), Failure> {
        if is_shown_met || self.slo_exit_zero {
            Ok(())
        } else {
            Err(Failure::ObjectiveMissed)
        }
    }
}
