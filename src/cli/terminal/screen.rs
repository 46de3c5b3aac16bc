//! Writing to stdout and stderr: nothing of what users wrote commands a terminal, and it is no panic when nobody reads.

use std::io::{self, IsTerminal, Write};

use terminal_size::terminal_size;

use super::fit::fit;
use crate::answer::Style;
use crate::config::{on_one_line, printable};

/// Prints results to stdout.
pub fn print(text: &str) -> io::Result<()> {
    print_own(&printable(text))
}

/// Prints a text to stdout that has nothing in it but the program's own words.
pub fn print_own(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Prints results for people: to stderr if something else has `stdout_is_taken`.
pub fn print_text(text: &str, stdout_is_taken: bool) -> io::Result<()> {
    print_styled(text, Style::default(), stdout_is_taken)
}

/// As [`print_text`], but a text with the colours of a style.
pub fn print_styled(text: &str, style: Style, stdout_is_taken: bool) -> io::Result<()> {
    let safe = style.keep(text, |plain| printable(plain).into_owned());
    if !stdout_is_taken {
        return print_own(&fitted(safe, &io::stdout()));
    }
    let _ = io::stderr().lock().write_all(fitted(safe, &io::stderr()).as_bytes());
    Ok(())
}

/// The text in lines that the terminal has room for; as it is where there is none. `COLUMNS` says how wide it is, or
/// shall be taken to be, as it does for other programs.
fn fitted(text: String, to: &impl IsTerminal) -> String {
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let of_terminal = || {
        let (width, _) = terminal_size().filter(|_| to.is_terminal())?;
        Some(usize::from(width.0))
    };
    match columns.or_else(of_terminal) {
        Some(width) if width > 0 => fit(&text, width),
        _ => text,
    }
}

/// Prints an error.
pub fn error(message: &str, color: bool) {
    let label = if color { "\u{1b}[1;31merror:\u{1b}[0m" } else { "error:" };
    tell(label, &printable(message));
}

/// Prints a warning, which is one line.
pub fn warn(message: &str, color: bool) {
    let label = if color {
        "\u{1b}[1;33mwarning:\u{1b}[0m"
    } else {
        "warning:"
    };
    tell(label, &on_one_line(message));
}

/// Prints a note.
pub fn note(message: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", printable(message));
}

fn tell(label: &str, message: &str) {
    // A closed stderr is no reason to fail.
    let _ = writeln!(io::stderr().lock(), "{label} {message}");
}
