//! When to colour: `--color`, and the conventions `NO_COLOR`, `CLICOLOR_FORCE` and `TERM=dumb`.

use std::env;
use std::io::{IsTerminal, stderr, stdout};

use clap::ValueEnum;

/// Flags about colour, for every verb.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct ColorFlags {
    /// When to colour the output
    #[arg(long, value_enum, global = true, default_value = "auto", value_name = "WHEN")]
    color: When,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum When {
    /// On a terminal, unless the environment asks for none
    Auto,
    /// Even into a file or a pipe
    Always,
    /// Not at all
    Never,
}

impl ColorFlags {
    /// Whether results may be coloured.
    pub fn on_stdout(self) -> bool {
        self.decide(stdout().is_terminal())
    }

    /// Whether messages may be coloured.
    pub fn on_stderr(self) -> bool {
        self.decide(stderr().is_terminal())
    }

    fn decide(self, is_terminal: bool) -> bool {
        match self.color {
            When::Always => true,
            When::Never => false,
            When::Auto => by_environment(is_terminal),
        }
    }
}

/// <https://no-color.org> and <https://bixense.com/clicolors>.
fn by_environment(is_terminal: bool) -> bool {
    let set = |name| env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
    let no_color = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let is_dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
    !no_color && (set("CLICOLOR_FORCE") || is_terminal && !is_dumb)
}
