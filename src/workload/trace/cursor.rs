//! Reads text from its start on, eight bytes at a time ("SIMD within a register"): the numbers of traces are too short
//! for anything longer, and a loop over single digits ends where the processor does not expect it to.

/// A place in a text.
pub struct Cursor<'a> {
    text: &'a [u8],
    place: usize,
}

impl<'a> Cursor<'a> {
    /// The start of `text`.
    pub const fn new(text: &'a [u8]) -> Self {
        Self { text, place: 0 }
    }

    /// The number of bytes before it.
    pub const fn place(&self) -> usize {
        self.place
    }

    /// Passes `expected` if it comes next.
    #[inline]
    pub fn pass<const N: usize>(&mut self, expected: &[u8; N]) -> bool {
        let comes_next = self.peek_bytes() == Some(expected);
        if comes_next {
            self.place += N;
        }
        comes_next
    }

    /// Passes the next `N` bytes.
    #[inline]
    pub fn bytes<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let bytes = self.peek_bytes()?;
        self.place += N;
        Some(bytes)
    }

    /// Passes all bytes before the first of `wanted`, and tells which of them that is. `None` if none comes before the
    /// last few bytes of the text.
    #[inline]
    pub fn pass_until<const N: usize>(&mut self, wanted: [u8; N]) -> Option<u8> {
        loop {
            let word = self.word()?;
            let mut found = 0;
            for byte in wanted {
                found |= marks_of(byte, word);
            }
            if found != 0 {
                self.place += first_marked(found);
                return self.peek();
            }
            self.place += 8;
        }
    }

    /// Passes 1 to 15 digits, and all that there are: the number that they are and how many. `None` if there are more
    /// or less, or they come among the last few bytes of the text.
    #[inline]
    pub fn digits(&mut self) -> Option<(u64, usize)> {
        let word = self.word()?;
        let len = leading_digits(word);
        if len == 0 {
            return None;
        }
        let number = number_of(word, len);
        self.place += len;
        if len < 8 {
            return Some((number, len));
        }
        let word = self.word()?;
        let more = leading_digits(word);
        if more == 0 {
            return Some((number, len));
        }
        self.place += more;
        (more < 8).then(|| {
            let number = number * POWERS_OF_TEN[more] + number_of(word, more);
            (number, len + more)
        })
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.get(self.place).copied()
    }

    #[inline]
    fn peek_bytes<const N: usize>(&self) -> Option<&'a [u8; N]> {
        self.text.get(self.place..)?.first_chunk()
    }

    /// The next eight bytes, the first of them in the lowest place.
    #[inline]
    fn word(&self) -> Option<u64> {
        self.peek_bytes().copied().map(u64::from_le_bytes)
    }
}

/// 10 to the power of the place.
pub const POWERS_OF_TEN: [u64; 13] = {
    let mut powers = [1; 13];
    let mut place = 1;
    while place < powers.len() {
        powers[place] = powers[place - 1] * 10;
        place += 1;
    }
    powers
};

/// Eight times the byte 1.
const ONES: u64 = u64::MAX / 255;
/// The top bit of each byte, which marks it.
const MARKS: u64 = ONES << 7;
/// Eight times the digit 0.
const ZEROS: u64 = ONES * b'0' as u64;

/// Marks the bytes of `word` that are `byte`: the first of them for sure, and after it perhaps others too.
#[inline]
const fn marks_of(byte: u8, word: u64) -> u64 {
    let differences = word ^ (ONES * byte as u64);
    differences.wrapping_sub(ONES) & !differences & MARKS
}

/// The place of the first byte that is marked; 8 if none is.
#[inline]
const fn first_marked(marks: u64) -> usize {
    marks.trailing_zeros() as usize / 8
}

/// How many digits `word` starts with.
#[inline]
const fn leading_digits(word: u64) -> usize {
    let digits = word ^ ZEROS;
    // What is more than 9 reaches the top bit, and what starts there stays; a carry reaches only bytes after the first
    // such.
    first_marked((digits.wrapping_add(ONES * (127 - 9)) | digits) & MARKS)
}

/// The number that the first `len` bytes of `word`, 1 to 8 digits, are.
#[inline]
const fn number_of(word: u64, len: usize) -> u64 {
    // Zeros come before them.
    let digits = (word ^ ZEROS) << (64 - 8 * len);
    // Neighbours become pairs, pairs become fours, and fours the number; what the steps leave in between is masked.
    let pairs = (digits * 10 + (digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    (fours * 10_000 + (fours >> 32)) & 0xffff_ffff
}

#[cfg(test)]
mod tests {
    use rand::RngExt;
    use rand::seq::IndexedRandom;

    use super::*;
    use crate::stats::streams::stream;

    /// A text that a cursor can read to its end.
    fn padded(text: &[u8]) -> Vec<u8> {
        [text, &[b'x'; 8]].concat()
    }

    #[test]
    fn digits_are_read_as_one_by_one() {
        let mut random = stream(1, "digits");
        for case in 0..200_000 {
            let mut text: Vec<u8> = (0..random.random_range(0..18))
                .map(|_| random.random_range(b'0'..=b'9'))
                .collect();
            if case % 2 == 0 && !text.is_empty() {
                let place = random.random_range(0..text.len());
                text[place] = random.random();
            }
            let len = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let plain = std::str::from_utf8(&text[..len]).unwrap().parse().ok();
            let expected = plain.filter(|_| len <= 15).map(|number| (number, len));
            let padded = padded(&text);
            let mut cursor = Cursor::new(&padded);
            assert_eq!(cursor.digits(), expected, "{:?}", text.escape_ascii().to_string());
            if expected.is_some() {
                assert_eq!(cursor.place(), len);
            }
        }
    }

    #[test]
    fn the_first_of_the_wanted_bytes_is_found() {
        let mut random = stream(1, "bytes");
        for _ in 0..200_000 {
            // Neighbours of the wanted bytes differ from them by single bits.
            let text: Vec<u8> = (0..random.random_range(0..30))
                .map(|_| *b"abc+-,\"#!\x80\xac\xa2".choose(&mut random).unwrap())
                .collect();
            let wanted = [b',', b'"'];
            let expected = text.iter().position(|byte| wanted.contains(byte));
            let padded = padded(&text);
            let mut cursor = Cursor::new(&padded);
            let found = cursor.pass_until(wanted);
            assert_eq!(found, expected.map(|place| text[place]));
            if let Some(place) = expected {
                assert_eq!(cursor.place(), place);
            }
        }
    }

    #[test]
    fn what_may_go_on_after_the_text_is_not_read() {
        assert_eq!(Cursor::new(b"123").digits(), None);
        assert_eq!(Cursor::new(b"1234567,").digits(), Some((1_234_567, 7)));
        assert_eq!(Cursor::new(b"12345678").digits(), None);
        assert_eq!(Cursor::new(b"12345,6").pass_until([b',']), None);
        assert!(!Cursor::new(b"\r").pass(b"\r\n"));
    }
}
