//! Whatever bytes a trace holds, reading it yields requests in order or an error that names the file: never a panic.
//!
//! `TAILCAST_FUZZ_SECONDS=600 cargo test reader_fuzz` runs for longer, from another seed each time.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use flate2::Compression;
use flate2::write::GzEncoder;
use rand::RngExt;
use tailcast::config::{Manifest, Measured};
use tailcast::stats::streams::{Xoshiro256PlusPlus, stream};
use tailcast::units::Time;
use tailcast::workload::trace::{FORMATS, FormatName, RecordedRows, Replay, Row, info, open};
use tailcast::workload::{MOST_TOKENS, QuantileTable, Source};

use crate::measured_files::{DETAILED, ROWS};
use crate::result_shapes::examples;
use crate::traces::{EXAMPLES, replay_of};

/// Texts that readers have been known to trip over.
const NASTY: [&[u8]; 40] = [
    b"",
    b"0",
    b"-0",
    b"-1",
    b"1",
    b"NaN",
    b"inf",
    b"-inf",
    b"1e308",
    b"1e-308",
    b"1e999",
    b"0x10",
    b"4294967295",
    b"4294967296",
    b"18446744073709551615",
    b"18446744073709551616",
    b"99999999999999999999999999999999999999999",
    b"1.0000000000000000000000001",
    b"\"",
    b"\"\"",
    b",",
    b";",
    b":",
    b"@",
    b"\n",
    b"\r",
    b"\r\n",
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"null",
    b"true",
    b"[]",
    b"{}",
    b"[[[[[[[[",
    b"2024-02-29 00:00:00",
    b"out.0:5",
    b"a@1000000000:1",
    b"a:1000000000;a:1000000000;a:1000000000;a:1000000000;a:1000000000",
    b"0000-00-00 00:00:00",
];

const OWN_WITH_EVERYTHING: &str = "arrival_s,input_tokens,output_tokens,\
segments,session,after_s,class,priority,max_tokens\n\
                                   0,591,5,sys3:100;p37:491,,,chat,0,9\n\
                                   1.5,60,5,sys3@40:60,,,,,\n\
                                   2,105,5,sys3:100;out.0:5,,,,,\n\
                                   3,9,5,\"a:4;b@2:5\",s,,,-3,\n\
                                   ,9,5,out.0:5;a:4,s,2.5,,,\n";
const QUANTILES: &str = "quantile,tokens\n0,1\n0.5,20\n1,3000\n";

#[test]
fn no_bytes_make_a_reader_panic() {
    let long = std::env::var("TAILCAST_FUZZ_SECONDS").ok();
    let seconds = long
        .as_ref()
        .map_or(2.0, |seconds| seconds.parse().expect("a number of seconds"));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = if long.is_some() { now.as_nanos() as u64 } else { 1 };
    let mut random = stream(seed, "fuzz");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace");
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let mut cases = 0_u64;
    let mut read = 0_u64;
    while Instant::now() < end {
        let bytes = case(&mut random);
        std::fs::write(&path, &bytes).unwrap();
        let outcome = std::panic::catch_unwind(|| read_in_every_way(&path));
        read += outcome.unwrap_or_else(|_| panic!("seed {seed}, case {cases}: {:?}", String::from_utf8_lossy(&bytes)));
        cases += 1;
    }
    eprintln!("{cases} cases from seed {seed}, {read} requests read");
    assert!(
        read > cases / 100,
        "too few cases ({read} of {cases}) are read at all to test much"
    );
}

/// Reads the file in every format and returns how many requests came out.
fn read_in_every_way(path: &Path) -> u64 {
    let _ = QuantileTable::read(path);
    let _ = Manifest::load(path);
    if let Ok(all) = Measured::read_all(path) {
        assert!(
            all.iter()
                .flat_map(|it| it.values.values())
                .all(|value| value.is_finite())
        );
        let loads = all.iter().filter_map(|measured| measured.load.as_ref());
        loads.for_each(|load| drop((load.arrivals(true), load.lengths(), load.label())));
    }
    let mut requests = read(&replay_of(path, "servegen"));
    for format in FORMATS {
        let named = Replay {
            format: Some(FormatName::parse(format.name()).unwrap()),
            skip_bad_rows: true,
            ..replay_of(path, format.name())
        };
        requests += read(&named);
        let sorted = Replay {
            sort: true,
            speedup: 1.5,
            ..named
        };
        requests += read(&sorted);
        let _ = info(&sorted);
        if let Ok(mut rows) = RecordedRows::open(&sorted) {
            let mut row = Row::default();
            while let Ok(true) = rows.next(&mut row) {}
        }
    }
    requests
}

fn read(replay: &Replay) -> u64 {
    let mut source = match open(replay) {
        Ok(source) => source,
        Err(error) => {
            assert!(error.to_string().contains("trace"), "{error}");
            return 0;
        }
    };
    let mut count = 0;
    let mut last = Time::ZERO;
    while let Ok(Some(arrival)) = source.next_arrival() {
        let request = source.take();
        assert!(request.arrival == arrival && arrival >= last && request.id.0 == count);
        assert!((1..=MOST_TOKENS).contains(&request.prompt.tokens()));
        assert!((1..=request.max_tokens).contains(&request.output_tokens));
        last = arrival;
        count += 1;
        source.finished(request.id, arrival);
    }
    count
}

fn case(random: &mut Xoshiro256PlusPlus) -> Vec<u8> {
    let mut bytes = match random.random_range(0..12) {
        0 => (0..random.random_range(0..200)).map(|_| random.random()).collect(),
        1 => OWN_WITH_EVERYTHING.into(),
        2 => QUANTILES.into(),
        3 => DETAILED.into(),
        4 => ROWS.into(),
        5..8 => {
            let results = examples();
            results[random.random_range(0..results.len())].as_bytes().to_vec()
        }
        _ => EXAMPLES[random.random_range(0..EXAMPLES.len())].1.as_bytes().to_vec(),
    };
    for _ in 0..random.random_range(0..4) {
        mutate(&mut bytes, random);
    }
    if random.random_range(0..8) == 0 {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&bytes).unwrap();
        bytes = encoder.finish().unwrap();
        for _ in 0..random.random_range(0..2) {
            mutate(&mut bytes, random);
        }
    }
    bytes
}

fn mutate(bytes: &mut Vec<u8>, random: &mut Xoshiro256PlusPlus) {
    let nasty = NASTY[random.random_range(0..NASTY.len())];
    let token = token_at(bytes, random.random_range(0..=bytes.len()));
    match random.random_range(0..7) {
        // A whole number, name or stamp becomes something else.
        0 | 1 => drop(bytes.splice(token, nasty.iter().copied())),
        2 => drop(bytes.splice(token.start..token.start, nasty.iter().copied())),
        3 => bytes.truncate(token.start),
        4 => {
            let piece = bytes[token].to_vec();
            let place = random.random_range(0..=bytes.len());
            drop(bytes.splice(place..place, piece));
        }
        5 => {
            let doubled = bytes.clone();
            bytes.extend(doubled);
        }
        _ => {
            if let Some(byte) = bytes.get_mut(token.start) {
                *byte ^= 1 << random.random_range(0..8);
            }
        }
    }
}

/// The stretch around `place` that holds no separator.
fn token_at(bytes: &[u8], place: usize) -> std::ops::Range<usize> {
    let separates = |byte: &u8| b",;:@\"{}[]\r\n".contains(byte);
    let start = bytes[..place].iter().rposition(separates).map_or(0, |at| at + 1);
    let len = bytes[start..].iter().position(separates);
    start..len.map_or(bytes.len(), |len| start + len).max(start)
}
