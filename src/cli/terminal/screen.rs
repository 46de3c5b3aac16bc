//! Writing to stdout and stderr without a panic when nobody reads them.

use std::io::{self, Write};

/// Prints results to stdout.
pub fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Prints results for people: to stderr if something else has `stdout_is_taken`.
pub fn print_text(text: &str, stdout_is_taken: bool) -> io::Result<()> {
    if !stdout_is_taken {
        return print(text);
    }
    let _ = io::stderr().lock().write_all(text.as_bytes());
    Ok(())
}

/// Prints an error.
pub fn error(message: &str, color: bool) {
    tell(if color { "\u{1b}[1;31merror:\u{1b}[0m" } else { "error:" }, message);
}

/// Prints a warning.
pub fn warn(message: &str, color: bool) {
    tell(
        if color {
            "\u{1b}[1;33mwarning:\u{1b}[0m"
        } else {
            "warning:"
        },
        message,
    );
}

/// Prints a note.
pub fn note(message: &str) {
    let _ = writeln!(io::stderr().lock(), "{message}");
}

fn tell(label: &str, message: &str) {
    // A closed stderr is no reason to fail.
    let _ = writeln!(io::stderr().lock(), "{label} {message}");
}
