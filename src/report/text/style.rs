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

/// What ends a colour.
const PLAIN: &str = "\u{1b}[0m";

impl TerminalColour {
    const ALL: [Self; 3] = [Self::Red, Self::Green, Self::Yellow];

    fn start(self) -> String {
        format!("\u{1b}[{}m", self as u8)
    }
}

impl Style {
    pub(in crate::report) fn paint(self, colour: TerminalColour, text: &str) -> String {
        if self.colour {
            format!("{}{text}{PLAIN}", colour.start())
        } else {
            text.to_owned()
        }
    }

    /// A text with everything passed through `plain` but the colours that this style paints with.
    pub fn keep(self, text: &str, plain: impl Fn(&str) -> String) -> String {
        let colours = TerminalColour::ALL.map(TerminalColour::start);
        let all = || colours.iter().map(String::as_str).chain([PLAIN]);
        let (mut kept, mut rest) = (String::with_capacity(text.len()), text);
        while self.colour
            && let Some((at, colour)) = all().filter_map(|it| Some((rest.find(it)?, it))).min()
        {
            kept += &plain(&rest[..at]);
            kept += colour;
            rest = &rest[at + colour.len()..];
        }
        kept + &plain(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_colours_of_a_style_are_kept() {
        let hidden = |text: &str| text.replace('\u{1b}', "?");
        let painted = Style { colour: true }.paint(TerminalColour::Red, "missed");
        let text = format!("a\u{1b}[2J {painted} \u{1b}[5mb");
        let kept = Style { colour: true }.keep(&text, hidden);
        assert_eq!(kept, "a?[2J \u{1b}[31mmissed\u{1b}[0m ?[5mb");
        assert_eq!(Style::default().keep(&text, hidden), "a?[2J ?[31mmissed?[0m ?[5mb");
    }
}
