//! Events in a few bytes, as many of them are held back at a time.

use crate::engine::{Event, Finished, Loss};
use crate::units::Span;

/// An [`Event`] whose history, if it has one, stands elsewhere.
#[derive(Clone, Copy, Debug)]
pub(super) enum Brief {
    Arrived {
        input_tokens: u32,
    },
    Rejected,
    Admitted {
        resumed: bool,
        tokens: u32,
    },
    Preempted,
    FirstToken,
    Token {
        gap: Span,
    },
    Finished {
        /// Of its history among all.
        place: u32,
    },
    Aborted {
        waiting: bool,
    },
    SentAgain {
        hedges: bool,
    },
    Lost {
        waiting: bool,
        why: Loss,
        for_good: bool,
    },
}

impl Brief {
    /// An event; its history is put to the others.
    #[inline]
    pub(super) fn of(event: &Event, histories: &mut Vec<Finished>) -> Self {
        match *event {
            Event::Arrived { input_tokens } => Self::Arrived { input_tokens },
            Event::Rejected => Self::Rejected,
            Event::Admitted { resumed, tokens } => Self::Admitted { resumed, tokens },
            Event::Preempted => Self::Preempted,
            Event::FirstToken => Self::FirstToken,
            Event::Token { gap } => Self::Token { gap },
            Event::Finished(ref history) => {
                histories.push(*history);
                Self::Finished {
                    place: histories.len() as u32 - 1,
                }
            }
            Event::Aborted { waiting } => Self::Aborted { waiting },
            Event::SentAgain { hedges } => Self::SentAgain { hedges },
            Event::Lost { waiting, why, for_good } => Self::Lost { waiting, why, for_good },
        }
    }

    /// Tells the event that it was.
    #[inline]
    pub(super) fn in_full(self, histories: &[Finished], tell: impl FnOnce(&Event)) {
        tell(&match self {
            Self::Arrived { input_tokens } => Event::Arrived { input_tokens },
            Self::Rejected => Event::Rejected,
            Self::Admitted { resumed, tokens } => Event::Admitted { resumed, tokens },
            Self::Preempted => Event::Preempted,
            Self::FirstToken => Event::FirstToken,
            Self::Token { gap } => Event::Token { gap },
            Self::Finished { place } => Event::Finished(histories[place as usize]),
            Self::Aborted { waiting } => Event::Aborted { waiting },
            Self::SentAgain { hedges } => Event::SentAgain { hedges },
            Self::Lost { waiting, why, for_good } => Event::Lost { waiting, why, for_good },
        });
    }
}
