//! However a trace is written down, the same rows come out: the fast path for plain rows agrees with the reader of all
//! others, which quotes ask for; and lines may lie anywhere in what is read at once.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use rand::RngExt;
use rand::seq::IndexedRandom;
use tailcast::stats::streams::{Xoshiro256PlusPlus, stream};
use tailcast::workload::trace::{Replay, Skipped, TraceError, open};
use tailcast::workload::{Request, Source};

use crate::traces::{Folder, replay_text};

/// Headers, and which of the readers below each of their columns needs.
const HEADERS: [(&str, &str); 7] = [
    ("arrival_s,input_tokens,output_tokens", "stt"),
    ("class,output_tokens,arrival_s,class,input_tokens,class", "xtsxtx"),
    (
        "arrival_s,input_tokens,output_tokens,segments,session,priority,max_tokens,class",
        "sttgxptx",
    ),
    ("session,arrival_s,input_tokens,output_tokens,after_s", "nsttx"),
    ("TIMESTAMP,ContextTokens,GeneratedTokens", "dtt"),
    ("GeneratedTokens,x,TIMESTAMP,x,ContextTokens,x", "txdxtx"),
    (
        "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type",
        "sxttxx",
    ),
];

/// Fields that only the reader of all rows understands, or none does.
const ODD_FIELDS: [&str; 32] = [
    "",
    " ",
    " 7",
    "7 ",
    "\t7",
    "0",
    "00",
    "-1",
    "-0",
    "+1",
    "1x",
    "x",
    ".",
    "1.",
    ".5",
    "1.2.3",
    "1e3",
    "1.5e2",
    "NaN",
    "1.0000000000001",
    "1000000000",
    "1000000001",
    "99999999",
    "999999999999999",
    "1000000000000000",
    "9999999999999999",
    "99999999999999999999",
    "\u{fffd}",
    "2023-02-29 00:00:00",
    "2023-11-17 18:15:46.",
    "2023-11-17 18:15:4:",
    "2023-11-17 18:15:46.0x",
];

fn digits(random: &mut Xoshiro256PlusPlus, most: usize) -> String {
    let len = random.random_range(1..=most);
    (0..len).map(|_| random.random_range('0'..='9')).collect()
}

fn stamp(random: &mut Xoshiro256PlusPlus) -> String {
    let mut two = |below: u32| format!("{:02}", random.random_range(0..below));
    let (day, hour, minute, second) = (two(4), two(26), two(62), two(62));
    let separator = ["T", " "].choose(random).unwrap();
    let fraction = match random.random_range(0..3) {
        0 => String::new(),
        _ => format!(".{}", digits(random, 13)),
    };
    let zone = ["", "", "", "Z", "+00:00", "-00:30", "+0000"].choose(random).unwrap();
    format!(
        "2024-02-{}{separator}{hour}:{minute}:{second}{fraction}{zone}",
        if day == "03" { "29" } else { &day }
    )
}

fn field(random: &mut Xoshiro256PlusPlus, kind: char) -> String {
    if random.random_range(0..40) == 0 {
        return (*ODD_FIELDS.choose(random).unwrap()).to_owned();
    }
    match kind {
        's' => {
            // A trace may last 200 days; longer numbers are times since an epoch.
            let most = if random.random_range(0..20) == 0 { 16 } else { 6 };
            let fraction = format!(".{}", digits(random, 13));
            digits(random, most) + if random.random() { &fraction } else { "" }
        }
        't' => digits(random, 6),
        'd' => stamp(random),
        'n' => "s1".to_owned(),
        'g' if random.random_range(0..8) == 0 => "a:5;b:7".to_owned(),
        'p' if random.random_range(0..8) == 0 => digits(random, 2),
        'x' => (*["", "chat", "a longer text"].choose(random).unwrap()).to_owned(),
        _ => String::new(),
    }
}

/// A trace of a few rows, most of them good, with and without quotes around every field.
fn spellings(random: &mut Xoshiro256PlusPlus) -> (String, String) {
    let (header, kinds) = HEADERS.choose(random).unwrap();
    let end = ["\n", "\r\n"].choose(random).unwrap();
    let mut spellings = (format!("{header}{end}"), format!("{header}{end}"));
    for _ in 0..random.random_range(1..12) {
        let mut fields: Vec<String> = kinds.chars().map(|kind| field(random, kind)).collect();
        match random.random_range(0..30) {
            0 => fields.truncate(2),
            1 => fields.push("more".to_owned()),
            _ => {}
        }
        let quoted: Vec<String> = fields.iter().map(|field| format!("\"{field}\"")).collect();
        spellings.0 += &(fields.join(",") + end);
        spellings.1 += &(quoted.join(",") + end);
    }
    spellings
}

type Outcome = Result<(Vec<Request>, Skipped), TraceError>;

fn outcome(replay: &Replay) -> Outcome {
    let mut source = open(replay)?;
    let mut requests = Vec::new();
    while source.next_arrival()?.is_some() {
        let request = source.take();
        source.finished(request.id, request.arrival);
        requests.push(request);
    }
    Ok((requests, source.skipped()))
}

#[test]
fn quotes_change_nothing() {
    let mut random = stream(1, "quotes");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace");
    let mut requests = 0;
    for _ in 0..4000 {
        let (plain, quoted) = spellings(&mut random);
        for (skip_bad_rows, sort) in [(true, true), (true, false), (false, true)] {
            let replay = Replay {
                skip_bad_rows,
                sort,
                ..Replay::new(&path)
            };
            std::fs::write(&path, &plain).unwrap();
            let of_plain = outcome(&replay);
            std::fs::write(&path, &quoted).unwrap();
            assert_eq!(of_plain, outcome(&replay), "{plain}");
            requests += of_plain.map_or(0, |(requests, _)| requests.len());
        }
    }
    assert!(requests > 10_000, "only {requests} requests are read at all");
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn lines_may_lie_anywhere_in_what_is_read_at_once() {
    let mut random = stream(1, "lines");
    let mut text = "arrival_s,note,input_tokens,output_tokens\n".to_owned();
    let mut expected = Vec::new();
    for row in 0..3000 {
        // Most lines are short; some are longer than what is read at once.
        let note = match random.random_range(0..300) {
            0 => random.random_range(0..200_000),
            _ => random.random_range(0..300),
        };
        let lengths = (random.random_range(1..5000), random.random_range(1..500));
        let note = "n".repeat(note);
        let line = format!("{row}.5,{note},{},{}", lengths.0, lengths.1);
        text += &line;
        text += ["\n", "\r\n", "\n\n", "\r\n \n"].choose(&mut random).unwrap();
        expected.push(lengths);
    }
    let without_end = text.trim_end();
    for bytes in [text.as_bytes(), without_end.as_bytes(), &gzip(&text)] {
        let requests = replay_text(bytes, |_| {}).unwrap();
        let found: Vec<(u32, u32)> = requests
            .iter()
            .map(|request| (request.prompt.tokens(), request.output_tokens))
            .collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn bad_rows_are_named_by_their_line_wherever_it_lies() {
    let folder = Folder::new();
    for rows in [0, 1, 4000, 10_000, 50_000] {
        let good = "0.25,100,10\n".repeat(rows);
        let text = format!("arrival_s,input_tokens,output_tokens\n{good}\n5,many,10\n");
        let path = folder.0.path().join("trace");
        std::fs::write(&path, text).unwrap();
        let error = outcome(&Replay::new(&path)).unwrap_err();
        assert_eq!((error.line, error.column), (rows as u64 + 3, 2));
    }
}
