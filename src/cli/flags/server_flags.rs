//! Flags with the names that vLLM's server gives them; each sets a key of the scenario.

use clap::{Arg, ArgAction, ArgMatches, Command, Error, FromArgMatches};

use crate::config::{Flag, settings_with_flags};
use crate::settings::{Kind, Setting};

/// What the flags set that were given: those that the settings of a scenario declare.
#[derive(Clone, Debug, Default)]
pub struct ServerFlags(Vec<Flag>);

impl ServerFlags {
    /// The keys that are set.
    pub fn flags(&self) -> Vec<Flag> {
        self.0.clone()
    }
}

impl clap::Args for ServerFlags {
    fn augment_args(command: Command) -> Command {
        let arguments = settings_with_flags().into_iter().flat_map(|(_, setting)| {
            let flag = name_of(setting);
            if !is_switch(setting) {
                return vec![value_of(setting, flag)];
            }
            let off = format!("no-{flag}");
            let on = switch(flag.to_owned(), setting.help).overrides_with(id_of(&off));
            vec![on, switch(off, "Do not")]
        });
        command.next_help_heading("As for `vllm serve`").args(arguments)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for ServerFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        for (key, setting) in settings_with_flags() {
            let flag = name_of(setting);
            let mut set =
                |flag: &str, value: &str| self.0.push(Flag::new(format!("--{flag}"), format!("{key}={value}")));
            if !is_switch(setting) {
                if let Some(value) = matches.get_one::<String>(&id_of(flag)) {
                    set(flag, value);
                }
                continue;
            }
            let off = format!("no-{flag}");
            for (flag, value) in [(flag, "true"), (&off, "false")] {
                if matches.get_flag(&id_of(flag)) {
                    set(flag, value);
                }
            }
        }
        Ok(())
    }
}

fn name_of(setting: &Setting) -> &'static str {
    let flag = setting.flag.unwrap_or_default();
    flag.trim_start_matches('-')
}

/// What the parser calls a flag.
fn id_of(flag: &str) -> String {
    flag.replace('-', "_")
}

fn is_switch(setting: &Setting) -> bool {
    matches!(setting.kind, Kind::Boolean)
}

fn value_of(setting: &Setting, flag: &'static str) -> Arg {
    let unit = setting.unit.to_uppercase();
    Arg::new(id_of(flag)).long(flag).value_name(unit).help(setting.help)
}

fn switch(flag: String, help: &'static str) -> Arg {
    let id = id_of(&flag);
    Arg::new(id).long(flag).help(help).action(ArgAction::SetTrue)
}
