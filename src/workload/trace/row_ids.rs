//! Which request a row of the trace became.

/// Stretches of consecutive rows that became consecutive requests. A trace replayed whole is a single stretch.
#[derive(Default)]
pub struct RowIds {
    stretches: Vec<Stretch>,
}

struct Stretch {
    row: u64,
    id: u64,
    len: u64,
}

impl RowIds {
    /// Row `row` became request `id`. Both are later than all before.
    pub fn push(&mut self, row: u64, id: u64) {
        match self.stretches.last_mut() {
            Some(last) if last.row + last.len == row && last.id + last.len == id => last.len += 1,
            _ => self.stretches.push(Stretch { row, id, len: 1 }),
        }
    }

    /// The map from rows to requests, `(row, id)`, in any order.
    pub fn of_pairs(mut pairs: Vec<(u64, u64)>) -> Self {
        pairs.sort_unstable();
        let mut ids = Self::default();
        for (row, id) in pairs {
            ids.push(row, id);
        }
        ids
    }

    /// The request that `row` became, if it is replayed.
    pub fn id_of(&self, row: u64) -> Option<u64> {
        let after = self.stretches.partition_point(|stretch| stretch.row <= row);
        let stretch = &self.stretches[after.checked_sub(1)?];
        let offset = row - stretch.row;
        (offset < stretch.len).then_some(stretch.id + offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_across_gaps() {
        let ids = RowIds::of_pairs(vec![(7, 2), (3, 0), (4, 1), (8, 3), (9, 9)]);
        let found: Vec<Option<u64>> = (2..=10).map(|row| ids.id_of(row)).collect();
        let expected = [None, Some(0), Some(1), None, None, Some(2), Some(3), Some(9), None];
        assert_eq!(found, expected);
        assert_eq!(ids.stretches.len(), 3);
        assert_eq!(RowIds::default().id_of(0), None);
    }
}
