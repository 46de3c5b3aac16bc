//! Colours on a terminal.

/// How the screen looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Whether to use ANSI colours.
    pub colour: bool,
}

#[derive(Clone, Copy)]
pub(in crate::report) enum TerminalColour {
    Red = 31,
    Green = 32,
    Yellow = 33,
}

impl Style {
    pub(in crate::report) fn paint(self, colour: TerminalColour, text: &str) -> String {
        if self.colour {
            format!("\u{1b}[{}m{text}\u{1b}[0m", colour as u8)
        } else {
            text.to_owned()
        }
    }
}
