//! The tokens of texts, where there is no model: pieces of at most four bytes.
//!
//! A token is the longest run of whole characters in at most four bytes: four ASCII letters, one Chinese character.
//! That is about what byte-pair encodings make of English. Equal beginnings of texts have equal tokens, and a token's
//! number is its bytes, so that it can be turned back.

/// The most bytes of a token.
const BYTES_A_TOKEN: usize = 4;
/// What stands before a message, between its role and its content, and behind it: no text has these tokens.
const MESSAGE_START: u64 = 1 << 32;
const CONTENT_START: u64 = (1 << 32) + 1;
const MESSAGE_END: u64 = (1 << 32) + 2;
/// The role of a message, whatever it is called, is one token.
const ROLE: u64 = 1 << 33;

/// Three letters each, so that with the space before it each is a token.
const WORDS: [&str; 32] = [
    "the", "and", "for", "are", "but", "not", "you", "all", "any", "can", "had", "her", "was", "one", "our", "out",
    "day", "get", "has", "him", "his", "how", "man", "new", "now", "old", "see", "two", "way", "who", "did", "its",
];

/// The tokens of a text.
pub fn tokens(text: &str) -> Vec<u64> {
    let mut tokens = Vec::with_capacity(text.len() / BYTES_A_TOKEN + 1);
    let mut rest = text;
    while !rest.is_empty() {
        let most = BYTES_A_TOKEN.min(rest.len());
        let end = (1..=most).rev().find(|&end| rest.is_char_boundary(end));
        let (piece, after) = rest.split_at(end.expect("a character has four bytes at most"));
        let number = piece
            .bytes()
            .rev()
            .fold(0, |number, byte| number << 8 | u64::from(byte));
        tokens.push(number);
        rest = after;
    }
    tokens
}

/// The text of tokens, of any numbers: what is no text is shown as U+FFFD.
pub fn text(tokens: &[u64]) -> String {
    let mut bytes = Vec::with_capacity(tokens.len() * BYTES_A_TOKEN);
    for token in tokens.iter().filter(|token| **token < MESSAGE_START) {
        let own = (*token as u32).to_le_bytes();
        let length = own.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        bytes.extend(&own[..length]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The tokens of messages, each its role and its content, and the start of the one that answers: four more than those
/// of its content for each message, and three for the answer.
pub fn chat<'a>(messages: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<u64> {
    let mut all = Vec::new();
    for (role, content) in messages {
        start(&mut all, role);
        all.extend(tokens(content));
        all.push(MESSAGE_END);
    }
    start(&mut all, "assistant");
    all
}

fn start(all: &mut Vec<u64>, role: &str) {
    let role = crate::stats::streams::hash_bytes(role.as_bytes()) >> 32;
    all.extend([MESSAGE_START, ROLE + role, CONTENT_START]);
}

/// A token of the answer with this number.
pub fn answer_word(answer: u64, place: u32) -> &'static str {
    let number = crate::stats::streams::mix(answer ^ u64::from(place) << 40);
    WORDS[(number % WORDS.len() as u64) as usize]
}

/// The text of the tokens of an answer from one place to before another.
pub fn answer_text(answer: u64, from: u32, to: u32) -> String {
    let mut text = String::with_capacity((to.saturating_sub(from)) as usize * BYTES_A_TOKEN);
    for place in from..to {
        text.push(' ');
        text.push_str(answer_word(answer, place));
    }
    text
}

/// A text that ends an answer, where it came up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopFound {
    /// The text.
    pub stop: String,
    /// The tokens of the answer, up to the one that completes the text.
    pub tokens: u32,
    /// The bytes of the answer before the text, which is no part of it.
    pub bytes: usize,
}

impl StopFound {
    /// Cuts off what is no part of the answer, of its text from token `from` on.
    pub fn cut(&self, text: &mut String, from: u32) {
        text.truncate(self.bytes.saturating_sub(from as usize * BYTES_A_TOKEN));
    }
}

/// Tokens that are searched at once.
const SEARCHED_AT_ONCE: u32 = 1024;

/// The first of `stops` that comes up in an answer of so many tokens, completed by a token behind the first `least`;
/// of several that one token completes, the one that is named first. As vLLM 0.11 does (`v1/engine/detokenizer.py`).
pub fn first_stop(answer: u64, least: u32, tokens: u32, stops: &[String]) -> Option<StopFound> {
    let longest = stops.iter().map(String::len).max()?;
    // What the start of a text may lie in.
    let before = longest.div_ceil(BYTES_A_TOKEN) as u32;
    let mut searched = least;
    while searched < tokens {
        let from = searched.saturating_sub(before);
        let to = tokens.min(searched.saturating_add(SEARCHED_AT_ONCE));
        let text = answer_text(answer, from, to);
        let start = from as usize * BYTES_A_TOKEN;
        let found = stops.iter().filter_map(|stop| {
            let own = (searched as usize * BYTES_A_TOKEN - start + 1).saturating_sub(stop.len());
            let bytes = start + own + text[own..].find(stop.as_str())?;
            Some(StopFound {
                stop: stop.clone(),
                tokens: (bytes + stop.len()).div_ceil(BYTES_A_TOKEN) as u32,
                bytes,
            })
        });
        if let Some(found) = found.min_by_key(|found| found.tokens) {
            return Some(found);
        }
        searched = to;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_from_their_tokens() {
        for written in [
            "",
            "a",
            "four",
            "five!",
            "grüße aus München",
            "漢字かな交じり文",
            "🦀🦀 crab",
            "a\nb\tc",
        ] {
            assert_eq!(text(&tokens(written)), written);
        }
        assert_eq!(text(&[u64::MAX, 0xFF]), "\u{fffd}");
    }

    #[test]
    fn equal_beginnings_have_equal_tokens() {
        let (one, other) = (tokens("The same words, and others"), tokens("The same words, and more"));
        let equal = one.iter().zip(&other).take_while(|(one, other)| one == other).count();
        assert_eq!((one.len(), equal), (7, 5));
    }

    #[test]
    fn an_answer_has_as_many_tokens_as_it_should() {
        for tokens_wanted in [0, 1, 17] {
            assert_eq!(tokens(&answer_text(9, 0, tokens_wanted)).len(), tokens_wanted as usize);
        }
        assert_eq!(answer_text(9, 0, 3) + &answer_text(9, 3, 7), answer_text(9, 0, 7));
    }

    #[test]
    fn an_answer_ends_with_the_first_text_that_stops_it() {
        let stops = |all: &[&str]| all.iter().map(|stop| (*stop).to_owned()).collect::<Vec<_>>();
        let whole = answer_text(3, 0, 5_000);
        for (least, wanted) in [
            (0, 0),
            (0, 17),
            (30, 31),
            (0, 1023),
            (0, 1024),
            (2000, 4_999),
            (1024, 1024),
        ] {
            // The end of one word, and the whole of the next but one letter; it may have come up before.
            let at = wanted as usize * 4;
            let stop = &whole[at.saturating_sub(3)..at + 3];
            let ends = |place: &usize| place + stop.len() > least as usize * 4;
            let bytes = whole.match_indices(stop).map(|(place, _)| place).find(ends).unwrap();
            let found = first_stop(3, least, 5_000, &stops(&["§", stop])).unwrap();
            assert_eq!(found.bytes, bytes);
            assert_eq!(found.tokens as usize, (bytes + stop.len()).div_ceil(4));
            assert!(found.tokens > least && found.stop == *stop);
            assert_eq!(first_stop(3, least, found.tokens - 1, &stops(&[stop])), None);
        }
        // Of two the one that is complete first, whatever their order; of one token's the one that is named first.
        let (early, late) = (&whole[40..47], &whole[400..411]);
        let first = first_stop(3, 0, 5_000, &stops(&[late, early])).unwrap();
        assert_eq!(first.stop, early);
        let named = first_stop(3, 0, 5_000, &stops(&[&whole[1..3], &whole[1..4]])).unwrap();
        assert_eq!((named.stop.as_str(), named.bytes, named.tokens), (&whole[1..3], 1, 1));
        assert_eq!(first_stop(3, 0, 5_000, &[]), None);
    }

    #[test]
    fn a_later_turn_begins_as_the_one_before_with_its_answer() {
        let answer = answer_text(4, 0, 20);
        let first = chat([("user", "hello")].into_iter());
        assert_eq!(first.len(), 4 + 2 + 3);
        let second = chat([("user", "hello"), ("assistant", &answer), ("user", "and?")].into_iter());
        let begun: Vec<u64> = first.into_iter().chain(tokens(&answer)).collect();
        assert_eq!(second[..begun.len()], begun[..]);
    }
}
