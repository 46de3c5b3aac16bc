//! Arithmetic on tokens that are written as lists of segments. The same tokens may be cut into segments in many ways.

use crate::workload::Segment;

/// How many tokens there are.
pub fn length(tokens: &[Segment]) -> u32 {
    tokens.iter().map(|segment| segment.tokens).sum()
}

/// The first `at` tokens, or all if there are fewer, and the rest.
pub fn cut(tokens: &[Segment], at: u32) -> (Vec<Segment>, Vec<Segment>) {
    let (mut head, mut tail) = (Vec::new(), Vec::new());
    let mut left = at;
    for segment in tokens {
        let taken = segment.tokens.min(left);
        left -= taken;
        if taken > 0 {
            head.push(Segment {
                tokens: taken,
                ..*segment
            });
        }
        if taken < segment.tokens {
            tail.push(Segment {
                content: segment.content,
                offset: segment.offset + taken,
                tokens: segment.tokens - taken,
            });
        }
    }
    (head, tail)
}

/// The tokens behind the first `at`.
pub fn after(tokens: &[Segment], at: u32) -> impl Iterator<Item = Segment> {
    let mut left = at;
    tokens.iter().filter_map(move |segment| {
        let passed = segment.tokens.min(left);
        left -= passed;
        (passed < segment.tokens).then_some(Segment {
            content: segment.content,
            offset: segment.offset + passed,
            tokens: segment.tokens - passed,
        })
    })
}

/// The first `at` tokens, or all if there are fewer.
pub fn first(tokens: impl Iterator<Item = Segment>, at: u32) -> impl Iterator<Item = Segment> {
    let mut left = at;
    tokens.map_while(move |segment| {
        let tokens = segment.tokens.min(left);
        left -= tokens;
        (tokens > 0 || left > 0).then_some(Segment { tokens, ..segment })
    })
}

/// How many leading tokens of both are the same.
pub fn agreement(mut ones: impl Iterator<Item = Segment>, mut others: impl Iterator<Item = Segment>) -> u32 {
    let (mut one, mut other) = (ones.next(), others.next());
    let mut agreed = 0;
    while let (Some(left), Some(right)) = (&mut one, &mut other) {
        if left.tokens == 0 {
            one = ones.next();
        } else if right.tokens == 0 {
            other = others.next();
        } else if (left.content, left.offset) != (right.content, right.offset) {
            break;
        } else {
            let same = left.tokens.min(right.tokens);
            for segment in [left, right] {
                segment.offset += same;
                segment.tokens -= same;
            }
            agreed += same;
        }
    }
    agreed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::ContentId;

    fn tokens(segments: &[(u64, u32, u32)]) -> Vec<Segment> {
        let segment = |&(content, offset, tokens)| Segment {
            content: ContentId(content),
            offset,
            tokens,
        };
        segments.iter().map(segment).collect()
    }

    #[test]
    fn a_cut_loses_no_token() {
        let whole = tokens(&[(1, 5, 3), (2, 0, 4)]);
        assert_eq!(cut(&whole, 0), (tokens(&[]), whole.clone()));
        assert_eq!(cut(&whole, 2), (tokens(&[(1, 5, 2)]), tokens(&[(1, 7, 1), (2, 0, 4)])));
        assert_eq!(cut(&whole, 3), (tokens(&[(1, 5, 3)]), tokens(&[(2, 0, 4)])));
        assert_eq!(cut(&whole, 9), (whole.clone(), tokens(&[])));
    }

    #[test]
    fn both_parts_are_had_one_by_one_as_well() {
        let whole = tokens(&[(1, 5, 3), (7, 0, 0), (2, 0, 4)]);
        for at in 0..9 {
            let (head, tail) = cut(&whole, at);
            assert_eq!(after(&whole, at).collect::<Vec<_>>(), tail);
            let told: Vec<_> = first(whole.iter().copied(), at)
                .filter(|segment| segment.tokens > 0)
                .collect();
            assert_eq!(told, head);
        }
    }

    #[test]
    fn tokens_agree_however_they_are_cut_into_segments() {
        let agree = |one: &[Segment], other: &[Segment]| agreement(one.iter().copied(), other.iter().copied());
        let whole = tokens(&[(1, 0, 8), (2, 3, 4)]);
        let pieces = tokens(&[(1, 0, 3), (1, 3, 0), (1, 3, 5), (2, 3, 1), (2, 4, 3)]);
        assert_eq!(agree(&whole, &pieces), 12);
        assert_eq!(agree(&pieces, &whole), 12);
        assert_eq!(agree(&whole, &tokens(&[(1, 0, 8), (2, 4, 4)])), 8);
        assert_eq!(agree(&whole, &tokens(&[(1, 0, 5), (7, 5, 9)])), 5);
        assert_eq!(agree(&whole, &tokens(&[(1, 1, 8)])), 0);
        assert_eq!(agree(&whole, &[]), 0);
    }
}
