//! A heat map as a table whose cells have colours.

use std::fmt::Write;

use super::escape::escaped;
use crate::report::draw::chart::HeatMap;
use crate::report::draw::{Shades, colour};

/// Stops of the gradient that shows what the colours mean.
const STOPS: u32 = 10;

pub fn write(html: &mut String, map: &HeatMap) {
    let values = map.rows.iter().flatten().filter_map(|value| *value);
    let Some(shades) = Shades::of(values) else {
        html.push_str("<div class=\"chart empty\">no data</div>");
        return;
    };
    let columns = map.rows.iter().map(Vec::len).max().unwrap_or(0);
    let columns = columns.max(map.x.names.len());
    let name = |names: &[String], index: usize| names.get(index).map_or("", String::as_str).to_owned();
    html.push_str("<div class=\"scroll\" tabindex=\"0\"><table class=\"heat\"><tbody>");
    let rows = map.rows.len().max(map.y.names.len());
    for row in (0..rows).rev() {
        let y = name(&map.y.names, row);
        let _ = write!(html, "<tr><th scope=\"row\">{}</th>", escaped(&y));
        for column in 0..columns {
            let value = map.rows.get(row).and_then(|row| *row.get(column)?);
            let x = name(&map.x.names, column);
            write_cell(html, map, &shades, value, (&x, &y));
        }
        html.push_str("</tr>");
    }
    html.push_str("</tbody><tfoot><tr><th></th>");
    for column in 0..columns {
        let x = name(&map.x.names, column);
        let _ = write!(html, "<th scope=\"col\">{}</th>", escaped(&x));
    }
    let x = escaped(&map.x.title);
    let _ = write!(html, "</tr></tfoot></table></div><div class=\"axis\">{x}</div>");
    write_scale(html, map, &shades);
}

fn write_cell(html: &mut String, map: &HeatMap, shades: &Shades, value: Option<f64>, (x, y): (&str, &str)) {
    let Some(value) = value.filter(|value| value.is_finite()) else {
        html.push_str("<td class=\"none\"></td>");
        return;
    };
    let text = map.unit.write(value);
    let (below, ink) = shades.colours(value);
    let _ = write!(
        html,
        "<td style=\"background:{};color:{}\" title=\"{}: {}\n{}: {}\n{}: {}\">{text}</td>",
        below.to_css(),
        ink.to_css(),
        escaped(&map.x.title),
        escaped(x),
        escaped(&map.y.title),
        escaped(y),
        escaped(&map.title),
        text,
    );
}

fn write_scale(html: &mut String, map: &HeatMap, shades: &Shades) {
    let stops: Vec<String> = (0..=STOPS)
        .map(|stop| colour(f64::from(stop) / f64::from(STOPS)).to_css())
        .collect();
    let _ = write!(
        html,
        "<div class=\"scale\"><span>{}</span><span style=\"background:linear-gradient(to \
         right,{})\"></span><span>{}</span></div>",
        map.unit.write(shades.least),
        stops.join(","),
        map.unit.write(shades.most)
    );
}
