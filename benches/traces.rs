//! How fast recorded traces are read: bytes and requests per second from a file to its last request, on one core.
//!
//! `cargo bench --bench traces`; divan prints the median time, and the requests and bytes per second.

use std::fmt::Write;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use rand::RngExt;
use tailcast::stats::streams::stream;
use tailcast::workload::Source;
use tailcast::workload::trace::{Replay, open_seeded};

fn main() {
    divan::main();
}

const ROWS: u64 = 1_000_000;

/// One row: when it arrives [µs], the length of its prompt and that of its output [tokens].
type WriteRow = fn(&mut String, u64, u32, u32);

/// Our own format: `0.007215,208,173`.
fn own(text: &mut String, micros: u64, input: u32, output: u32) {
    let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
    writeln!(text, "{seconds}.{micros:06},{input},{output}").unwrap();
}

/// The format of Azure's traces: `2023-11-16 18:15:46.0072150,208,173`.
fn azure(text: &mut String, micros: u64, input: u32, output: u32) {
    let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
    let (minutes, second) = (seconds / 60, seconds % 60);
    let (hours, minute) = (minutes / 60, minutes % 60);
    let (day, hour) = (1 + hours / 24, hours % 24);
    writeln!(
        text,
        "2023-11-{day:02} {hour:02}:{minute:02}:{second:02}.{micros:06}0,{input},{output}"
    )
    .unwrap();
}

/// A trace of a day or so at about 11 requests/s, the same one every time.
fn trace(header: &str, write_row: WriteRow) -> String {
    let mut random = stream(1, "benchmark of traces");
    let mut text = format!("{header}\n");
    let mut micros = 0;
    for _ in 0..ROWS {
        micros += random.random_range(0..180_000);
        let input = random.random_range(1..4000);
        let output = random.random_range(1..800);
        write_row(&mut text, micros, input, output);
    }
    text
}

fn read(bencher: Bencher, header: &str, write_row: WriteRow) {
    let text = trace(header, write_row);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.csv");
    std::fs::write(&path, &text).unwrap();
    let replay = Replay::new(path);
    let bencher = bencher
        .counter(BytesCount::of_str(&text))
        .counter(ItemsCount::new(ROWS));
    bencher.bench(|| {
        let mut source = open_seeded(&replay, 42).unwrap();
        let mut requests = 0;
        while source.next_arrival().unwrap().is_some() {
            divan::black_box(source.take());
            requests += 1;
        }
        assert_eq!(requests, ROWS);
    });
}

#[divan::bench(sample_count = 10)]
fn csv(bencher: Bencher) {
    read(bencher, "arrival_s,input_tokens,output_tokens", own);
}

#[divan::bench(name = "azure", sample_count = 10)]
fn azure_csv(bencher: Bencher) {
    read(bencher, "TIMESTAMP,ContextTokens,GeneratedTokens", azure);
}
