//! The state over time is what every instant looked up says.

use rand::RngExt;
use tailcast::engine::Event;
use tailcast::metrics::{AnswerTimes, Timeline, TimelineRow};

use crate::metrics::{Call, end_of, play, random, random_calls, server, span, state_at, time};

/// The state at `at`, with the greatest counts of all instants in the `interval` before, and what was answered in it.
fn row_at(calls: &[Call], at: u64, interval: u64) -> TimelineRow {
    let before = (at.saturating_sub(interval)..=at).map(|at| state_at(calls, at));
    let since = if at == 0 { 0 } else { at.saturating_sub(interval) + 1 };
    let took = calls.iter().filter_map(|call| match call {
        Call::On(when, _, Event::Finished(history)) if (since..=at).contains(&when.picos()) => {
            Some(history.finished.picos() - history.arrival.picos())
        }
        _ => None,
    });
    let took: Vec<u64> = took.collect();
    let answered = took.iter().max().map(|longest| AnswerTimes {
        mean: span(took.iter().sum::<u64>() / took.len() as u64),
        max: span(*longest),
    });
    before.fold(state_at(calls, at), |row, before| TimelineRow {
        answered,
        waiting_max: row.waiting_max.max(before.waiting),
        running_max: row.running_max.max(before.running),
        kv_usage_max: row.kv_usage_max.max(before.kv_usage),
        ..row
    })
}

#[test]
fn timelines_agree_with_every_instant_looked_up() {
    let mut random = random(5);
    for _ in 0..300 {
        let calls = random_calls(&mut random);
        let (end, interval) = (end_of(&calls), random.random_range(1..20));
        let mut timeline = Timeline::new(&server(), 1, span(interval), Vec::<TimelineRow>::new());
        play(&calls, &mut timeline);
        let rows = timeline.finish(time(end));
        let expected: Vec<_> = (0..=end)
            .step_by(interval as usize)
            .map(|at| row_at(&calls, at, interval))
            .collect();
        // At the very end no step is under way, but the timeline cannot know that: it shows the step before if requests
        // still run.
        for (row, expected) in rows.iter().zip(&expected) {
            if row.at.picos() < end {
                assert_eq!(row, expected);
            }
        }
        assert_eq!(rows.len(), expected.len());
    }
}
