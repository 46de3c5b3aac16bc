//! How the number of used blocks grows over a run of decode steps.

/// Used blocks during each step of a run in which every holder's context grows by one token a step.
#[derive(Clone, Copy, Debug)]
pub struct KvGrowth<'a> {
    /// Blocks in use during the first step.
    pub used: u32,
    /// `due[c]`: how many holders take a new block in a step whose number is `c` modulo the block size. Empty: nothing grows.
    pub due: &'a [u32],
    /// The first step's number modulo the block size.
    pub phase: usize,
}

impl KvGrowth<'_> {
    /// Usage that stays as it is.
    pub const fn constant(used: u32) -> KvGrowth<'static> {
        KvGrowth {
            used,
            due: &[],
            phase: 0,
        }
    }

    /// Blocks taken by all holders in a full cycle of `block_size` steps; every holder takes one.
    fn per_cycle(&self) -> u64 {
        self.due.iter().map(|&due| u64::from(due)).sum()
    }

    /// Blocks in use during step `j` (from 0).
    pub fn used_at(&self, j: u64) -> u64 {
        let cycle = self.due.len() as u64;
        if cycle == 0 {
            return u64::from(self.used);
        }
        let rest: u64 = (1..=(j % cycle) as usize)
            .map(|step| u64::from(self.due[(self.phase + step) % self.due.len()]))
            .sum();
        u64::from(self.used) + j / cycle * self.per_cycle() + rest
    }
}
