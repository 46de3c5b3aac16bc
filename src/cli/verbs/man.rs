//! `man`: the manual page, with all verbs or of one.

use std::io;

use clap::Command;
use clap_mangen::Man;

use crate::cli::failure::Failure;
use crate::cli::terminal::screen;
use crate::config::{Diagnostic, did_you_mean};

/// Print the manual page
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A verb, for a page about it alone
    verb: Option<String>,
}

/// Runs the verb; `command` is the whole command line.
pub fn run(args: &Args, mut command: Command) -> Result<(), Failure> {
    command.build();
    let mut page = Vec::new();
    match &args.verb {
        None => write_whole(&command, &mut page),
        Some(verb) => write_verb(verb_named(&command, verb)?, &mut page),
    }?;
    Ok(screen::print_own(&String::from_utf8_lossy(&page))?)
}

/// The verb of that name.
pub fn verb_named<'a>(command: &'a Command, name: &str) -> Result<&'a Command, Failure> {
    command.find_subcommand(name).ok_or_else(|| {
        let known: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
        let mut error = Diagnostic::new(format!("there is no verb `{name}`"));
        if let Some(hint) = did_you_mean(name, known.iter().copied()) {
            error = error.help(hint);
        }
        error.help(format!("verbs: {}", known.join(", "))).into()
    })
}

/// The page of the whole command line, in which each verb is a section with its flags.
fn write_whole(command: &Command, page: &mut Vec<u8>) -> io::Result<()> {
    let man = Man::new(command.clone());
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    for verb in command.get_subcommands() {
        write_section(verb, page)?;
    }
    man.render_extra_section(page)?;
    man.render_version_section(page)
}

/// The section of a verb: its own page without a title, and with smaller headings.
fn write_section(verb: &Command, page: &mut Vec<u8>) -> io::Result<()> {
    let man = Man::new(verb.clone());
    let mut text = Vec::new();
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    man.render_extra_section(&mut text)?;
    let name = verb.get_name().to_uppercase();
    let text = String::from_utf8_lossy(&text).replace(".SH ", ".SS ");
    page.extend(format!(".SH {name}\n{text}").bytes());
    Ok(())
}

fn write_verb(verb: &Command, page: &mut Vec<u8>) -> io::Result<()> {
    Man::new(verb.clone()).render(page)
}
