//! A page with everything that can stand in one.

use tailcast::report::page::{Block, Page, Section, Tone};
use tailcast::report::table::{Cell, Column, Table};

use crate::sample_drawings;

pub fn page() -> Page {
    let section = |heading: &str, blocks| Section {
        heading: heading.to_owned(),
        blocks,
    };
    let drawings = sample_drawings::all().into_iter();
    Page {
        title: "How many H100s for 20 chat requests per second?".to_owned(),
        verdict: "3 servers hold p99 TTFT < 500 ms & p99 TPOT < 50 ms; 2 do not.".to_owned(),
        tone: Tone::Good,
        sections: vec![
            section(
                "What was compared",
                vec![
                    Block::Text("Each policy served the same requests.".to_owned()),
                    Block::Table(table()),
                    Block::List(vec![
                        "Step times from the datasheet.".to_owned(),
                        "No prefix is shared; <b>nothing</b> is cached.".to_owned(),
                    ]),
                    Block::Verbatim("tailcast run scenario.toml --set 'server.gpu=\"h100\"'\n".to_owned()),
                ],
            ),
            section(
                "Figures",
                drawings.map(|(_, drawing)| Block::Drawing(drawing)).collect(),
            ),
        ],
    }
}

fn table() -> Table {
    let row = |policy: &str, seconds: Option<f64>, share: f64| {
        vec![
            Cell::words(policy),
            Cell::number(seconds, |it| format!("{:.0} ms", 1e3 * it)),
            Cell::number(Some(share), |it| format!("{:.1} %", 100.0 * it)),
        ]
    };
    Table {
        caption: "All policies under the same load".to_owned(),
        columns: vec![
            Column::words("policy"),
            Column::numbers("p99 TTFT"),
            Column::numbers("within the objective"),
        ],
        rows: vec![
            row("continuous", Some(0.31), 0.997),
            row("static", Some(12.5), 0.2),
            row("none", None, 0.0),
            row("sarathi", Some(0.09), 0.999),
        ],
    }
}
