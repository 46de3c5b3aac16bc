//! JSON objects in a list, or each over several lines, as JSON lines.

use std::io::{self, BufRead, Read};

/// Whether a file that starts with these bytes holds JSON objects that are not one a line.
pub fn are_in(start: &[u8]) -> bool {
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    match text.split_first() {
        Some((b'[', rest)) => rest.trim_ascii_start().first() == Some(&b'{'),
        // The first line of an object that goes on ends like this, and one that was cut hardly ever does.
        Some((b'{', _)) => {
            let line = text
                .iter()
                .position(|&byte| byte == b'\n')
                .map(|end| text[..end].trim_ascii_end());
            line.and_then(<[u8]>::last).is_some_and(|last| b"{[,".contains(last))
        }
        _ => false,
    }
}

/// Reads JSON objects as one a line, each on the line on which it starts; of several on one line, and in a list that is
/// a single line, each counts as one.
#[expect(
    clippy::struct_excessive_bools,
    reason = "what a reader of JSON has to know of its place"
)]
pub struct JsonObjects<R> {
    input: R,
    /// What was made of the input, and how much of it was read.
    made: Vec<u8>,
    place: usize,
    /// Whether the list that all objects are in has begun and not ended.
    is_in_list: bool,
    /// Brackets and braces that are open, but for that of the list.
    depth: u32,
    is_in_text: bool,
    is_escaped: bool,
    /// Line ends inside the current object, which come after it.
    line_ends: usize,
    /// Whether an object ended on this line.
    is_after_object: bool,
}

impl<R: BufRead> JsonObjects<R> {
    /// The objects in `input`.
    pub const fn new(input: R) -> Self {
        Self {
            input,
            made: Vec::new(),
            place: 0,
            is_in_list: false,
            depth: 0,
            is_in_text: false,
            is_escaped: false,
            line_ends: 0,
            is_after_object: false,
        }
    }

    fn read_byte(&mut self, byte: u8) {
        if self.is_in_text {
            self.is_in_text = self.is_escaped || byte != b'"';
            self.is_escaped = byte == b'\\' && !self.is_escaped;
            self.made.push(if byte == b'\n' { b' ' } else { byte });
            self.line_ends += usize::from(byte == b'\n');
            return;
        }
        match byte {
            b'[' if self.depth == 0 && !self.is_in_list => self.is_in_list = true,
            b']' if self.depth == 0 && self.is_in_list => self.is_in_list = false,
            b',' if self.depth == 0 && (self.is_after_object || self.is_in_list) => {}
            b'\n' if self.depth == 0 => {
                self.made.push(b'\n');
                self.is_after_object = false;
            }
            b'\n' => {
                self.made.push(b' ');
                self.line_ends += 1;
            }
            b'\r' if self.depth > 0 => self.made.push(b' '),
            _ => self.read_token(byte),
        }
    }

    fn read_token(&mut self, byte: u8) {
        match byte {
            b'{' | b'[' => {
                if self.depth == 0 && self.is_after_object {
                    self.made.push(b'\n');
                    self.is_after_object = false;
                }
                self.depth += 1;
            }
            b'"' => self.is_in_text = true,
            _ => {}
        }
        self.made.push(byte);
        if matches!(byte, b'}' | b']') && self.depth > 0 {
            self.depth -= 1;
            if self.depth == 0 {
                self.is_after_object = self.line_ends == 0;
                self.made
                    .extend(std::iter::repeat_n(b'\n', std::mem::take(&mut self.line_ends)));
            }
        }
    }
}

impl<R: BufRead> Read for JsonObjects<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.place == self.made.len() {
            (self.place, self.made) = (0, std::mem::take(&mut self.made));
            self.made.clear();
            let chunk = self.input.fill_buf()?.to_vec();
            if chunk.is_empty() {
                return Ok(0);
            }
            self.input.consume(chunk.len());
            for byte in chunk {
                self.read_byte(byte);
            }
        }
        let len = buffer.len().min(self.made.len() - self.place);
        buffer[..len].copy_from_slice(&self.made[self.place..self.place + len]);
        self.place += len;
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_of(text: &str) -> String {
        assert!(are_in(text.as_bytes()), "{text}");
        let mut made = String::new();
        let mut objects = JsonObjects::new(text.as_bytes());
        objects.read_to_string(&mut made).unwrap();
        made
    }

    #[test]
    fn a_list_becomes_lines() {
        assert_eq!(
            lines_of("[{\"a\": [1, {}]}, {\"b\": \"]},{\\\"\"}]"),
            "{\"a\": [1, {}]} \n{\"b\": \"]},{\\\"\"}"
        );
        assert_eq!(lines_of("\u{feff}[ {}]"), "\u{feff} {}");
    }

    #[test]
    fn objects_stay_on_the_line_on_which_they_start() {
        let text = "[\n  {\n    \"a\": 1\n  },\n  {\"b\": 2}\n]\n";
        let made = lines_of(text);
        let lines: Vec<&str> = made.lines().map(str::trim).collect();
        assert_eq!(lines[1].replace(' ', ""), "{\"a\":1}");
        assert_eq!(lines[4], "{\"b\": 2}");
        assert!(lines[2].is_empty() && lines[3].is_empty());
        let two = lines_of("{\n\"a\": 1\n}\n{\n\"a\": 2\n}\n");
        assert_eq!(two.lines().nth(3).unwrap(), "{ \"a\": 2 }");
    }

    #[test]
    fn one_object_a_line_is_left_alone() {
        for text in [
            "{\"a\": 1}\n{\"a\": 2}\n",
            "{\"a\": 1, \"b\": 2\n",
            "a,b\n[1,2]",
            "[1, 2]",
            "",
            "[",
        ] {
            assert!(!are_in(text.as_bytes()), "{text}");
        }
    }
}
