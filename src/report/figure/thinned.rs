//! Figures of more points than anybody can see, or a page should hold.

use crate::report::draw::chart::{Drawing, Panel, Point};

/// More points in a series than a screen has places for.
const MOST_POINTS: usize = 2_000;
/// More points in all series of a drawing make a page that is slow to open; of each series there are some, though.
const MOST_POINTS_OF_ALL: usize = 20_000;
const LEAST_POINTS: usize = 100;

/// At most `most` of so many numbers, evenly spread; the first one is among them.
pub fn evenly(count: usize, most: usize) -> impl Iterator<Item = usize> {
    let kept = count.min(most);
    (0..kept).map(move |number| number * count / kept)
}

/// The points of a series in their order, with no more than can be seen: where there are more, the lowest and the
/// highest of each stretch, and those with a name.
fn thinned(points: &[Point], most: usize) -> Vec<Point> {
    if points.len() <= most {
        return points.to_vec();
    }
    let stretches = most / 2;
    let bound = |stretch: usize| stretch * points.len() / stretches;
    let kept = (0..stretches).flat_map(|stretch| {
        let within = bound(stretch)..bound(stretch + 1);
        let height = |at: &usize, other: &usize| points[*at].y.total_cmp(&points[*other].y);
        let (lowest, highest) = (within.clone().min_by(height), within.clone().max_by(height));
        within.filter(move |at| [lowest, highest].contains(&Some(*at)) || !points[*at].label.is_empty())
    });
    kept.map(|at| points[at].clone()).collect()
}

/// The drawing with no more points in each series than can be seen, which its note says.
pub fn thinned_out(mut drawing: Drawing) -> Drawing {
    let (mut shown, mut all) = (0, 0);
    let charts = drawing.panels.iter().filter_map(|panel| match panel {
        Panel::Chart(chart) => Some(chart),
        Panel::HeatMap(_) => None,
    });
    let series: usize = charts.map(|chart| chart.series.len()).sum();
    let most = (MOST_POINTS_OF_ALL / series.max(1)).clamp(LEAST_POINTS, MOST_POINTS);
    for panel in &mut drawing.panels {
        let Panel::Chart(chart) = panel else { continue };
        for series in &mut chart.series {
            all += series.points.len();
            series.points = thinned(&series.points, most);
            shown += series.points.len();
        }
    }
    if shown < all {
        let words = format!("showing {shown} of {all} points, of each stretch the lowest and the highest");
        add_note(&mut drawing, &words);
    }
    drawing
}

/// Adds something to what a drawing says of itself.
pub fn add_note(drawing: &mut Drawing, words: &str) {
    let parts = [drawing.note.as_str(), words]
        .into_iter()
        .filter(|part| !part.is_empty());
    drawing.note = parts.collect::<Vec<_>>().join(" · ");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_series_keeps_its_peaks_and_its_order_and_a_short_one_everything() {
        let curve = |points: usize| (0..points).map(|x| Point::at(x as f64, ((x * 7_919) % 1_000) as f64));
        let mut points: Vec<Point> = curve(100_000).collect();
        (points[54_321].y, points[77].y) = (1e6, -1e6);
        points[4_321].label = "named".to_owned();
        let thin = thinned(&points, MOST_POINTS);
        assert!(
            thin.len() <= MOST_POINTS + 1 && thin.len() > MOST_POINTS / 2,
            "{}",
            thin.len()
        );
        assert!(thin.is_sorted_by(|a, b| a.x < b.x));
        let has = |x: f64| thin.iter().any(|point| (point.x - x).abs() < 0.5);
        assert!(has(54_321.0) && has(77.0) && has(4_321.0));
        let short: Vec<Point> = curve(MOST_POINTS).collect();
        assert_eq!(thinned(&short, MOST_POINTS).len(), MOST_POINTS);
    }

    #[test]
    fn numbers_that_are_kept_are_spread_evenly() {
        assert!(evenly(10, 4).eq([0, 2, 5, 7]));
        assert!(evenly(3, 4).eq(0..3));
        assert_eq!(evenly(0, 4).count(), 0);
    }
}
