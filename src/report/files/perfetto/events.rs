//! Trace events as JSON, one a line.

use std::cell::Cell;
use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::rc::Rc;

use crate::units::{Span, Time};

/// Picoseconds in a microsecond, in which the format has its times.
const PICOS_PER_MICRO: u64 = 1_000_000;

/// Text that is handed over at once [bytes].
const CHUNK: usize = 1 << 16;

/// A row of slices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Track {
    pub(super) process: u64,
    pub(super) thread: u64,
}

/// A value beside an event.
#[derive(Clone, Copy, Debug)]
pub(super) enum Arg {
    Number(u64),
    Micros(Span),
    Percent(f64),
    Word(&'static str),
}

/// Values with their names.
pub(super) type EventArgs<'a> = &'a [(&'static str, Arg)];

/// Writes events up to a number of them. Names hold nothing that JSON would have to escape.
pub(super) struct Events<Output: Write> {
    output: Output,
    /// Not yet handed over.
    text: String,
    written: u64,
    most: u64,
    too_many: Rc<Cell<bool>>,
    result: io::Result<()>,
}

impl<Output: Write> Events<Output> {
    pub(super) fn new(most: u64, output: Output) -> Self {
        Self {
            output,
            text: "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[".to_owned(),
            written: 0,
            most,
            too_many: Rc::default(),
            result: Ok(()),
        }
    }

    pub(super) fn too_many(&self) -> Rc<Cell<bool>> {
        Rc::clone(&self.too_many)
    }

    /// Writes an event that lasts for a while.
    pub(super) fn slice(
        &mut self,
        track: Track,
        name: fmt::Arguments<'_>,
        start: Time,
        takes: Span,
        args: EventArgs<'_>,
    ) {
        let (ts, dur) = (Micros(start.picos()), Micros(takes.picos()));
        let rest = format_args!(",\"ts\":{ts},\"dur\":{dur},\"name\":\"{name}\"");
        self.event('X', track, rest, args);
    }

    /// The start of something that lasts until [`Events::end`] on its track; slices within it come in between. Not one
    /// event with a length, because viewers cut times and lengths to nanoseconds: a slice within could then end after
    /// it, and be dropped.
    pub(super) fn begin(&mut self, track: Track, name: fmt::Arguments<'_>, at: Time, args: EventArgs<'_>) {
        let ts = Micros(at.picos());
        let rest = format_args!(",\"ts\":{ts},\"name\":\"{name}\"");
        self.event('B', track, rest, args);
    }

    /// The end of what has begun last; viewers show these values beside those of its start.
    pub(super) fn end(&mut self, track: Track, at: Time, args: EventArgs<'_>) {
        let ts = Micros(at.picos());
        self.event('E', track, format_args!(",\"ts\":{ts}"), args);
    }

    /// Something that takes no time.
    pub(super) fn instant(&mut self, track: Track, name: fmt::Arguments<'_>, at: Time, args: EventArgs<'_>) {
        let ts = Micros(at.picos());
        let rest = format_args!(",\"s\":\"t\",\"ts\":{ts},\"name\":\"{name}\"");
        self.event('i', track, rest, args);
    }

    /// Levels from now on; several are drawn on top of each other.
    pub(super) fn counter(&mut self, process: u64, name: &str, at: Time, levels: EventArgs<'_>) {
        let track = Track {
            process,
            thread: process,
        };
        let ts = Micros(at.picos());
        let rest = format_args!(",\"ts\":{ts},\"name\":\"{name}\"");
        self.event('C', track, rest, levels);
    }

    pub(super) fn name_process(&mut self, process: u64, name: &'static str) {
        // Any other thread would become one of this process.
        let track = Track {
            process,
            thread: process,
        };
        let args = [("name", Arg::Word(name))];
        self.event('M', track, format_args!(",\"name\":\"process_name\""), &args);
    }

    pub(super) fn name_thread(&mut self, track: Track, name: &'static str) {
        let args = [("name", Arg::Word(name))];
        self.event('M', track, format_args!(",\"name\":\"thread_name\""), &args);
    }

    fn event(&mut self, phase: char, track: Track, rest: fmt::Arguments<'_>, args: EventArgs<'_>) {
        if self.written == self.most {
            self.too_many.set(true);
            return;
        }
        let Track { process, thread } = track;
        let separator = if self.written == 0 { "\n" } else { ",\n" };
        self.written += 1;
        let text = &mut self.text;
        let written = write!(
            text,
            "{separator}{{\"ph\":\"{phase}\",\"pid\":{process},\"tid\":{thread}{rest}"
        );
        written.expect("a string can always be written to");
        let mut opening = ",\"args\":{";
        for (name, value) in args {
            write!(text, "{opening}\"{name}\":{value}").expect("a string can always be written to");
            opening = ",";
        }
        text.push_str(if args.is_empty() { "}" } else { "}}" });
        if text.len() >= CHUNK {
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        if self.result.is_ok() {
            self.result = self.output.write_all(self.text.as_bytes());
        }
        self.text.clear();
    }

    /// Ends the document, with a note on what of the run it shows, and gives back what it was written to. The note
    /// holds nothing that JSON would have to escape.
    pub(super) fn finish(mut self, note: Option<&str>) -> io::Result<Output> {
        self.text.push_str("\n]");
        if let Some(note) = note {
            write!(self.text, ",\"otherData\":{{\"shown\":\"{note}\"}}").expect("a string can always be written to");
        }
        self.text.push_str("}\n");
        self.hand_over();
        self.result?;
        Ok(self.output)
    }
}

impl fmt::Display for Arg {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(formatter),
            Self::Micros(span) => Micros(span.picos()).fmt(formatter),
            Self::Percent(percent) => write!(formatter, "{percent:.4}"),
            Self::Word(word) => write!(formatter, "\"{word}\""),
        }
    }
}

/// Picoseconds as microseconds, to the very picosecond.
struct Micros(u64);

impl fmt::Display for Micros {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, picos) = (self.0 / PICOS_PER_MICRO, self.0 % PICOS_PER_MICRO);
        write!(formatter, "{whole}")?;
        if picos > 0 {
            write!(formatter, ".{picos:06}")?;
        }
        Ok(())
    }
}
