//! Which servers of a fleet are alike. What one of a pool could serve, alone, all of it could: whoever asks which
//! servers could serve a request need ask only one of each pool.

use super::member::{FleetMember, MOST_POOLS};
use crate::engine::ServerId;

/// The pools of a fleet by their numbers.
pub(super) struct Pools {
    /// Of each server.
    pool_of: Vec<u32>,
    /// A server of each pool; `None` of a number that no server has.
    one_of: Vec<Option<ServerId>>,
}

/// Some of the pools of a fleet, a bit for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PoolSet(u64);

impl PoolSet {
    /// None of them.
    pub(super) const NONE: Self = Self(0);
    /// All of them, however many there are.
    pub(super) const ALL: Self = Self(u64::MAX);

    fn add(&mut self, pool: usize) {
        self.0 |= 1 << pool;
    }

    /// Whether all of these are among `others`.
    pub(super) const fn is_within(self, others: Self) -> bool {
        self.0 & !others.0 == 0
    }

    const fn has(self, pool: u32) -> bool {
        self.0 >> pool & 1 == 1
    }
}

impl Pools {
    pub(super) fn of(members: &[FleetMember]) -> Self {
        let mut one_of = Vec::new();
        for (place, member) in (0..).zip(members) {
            assert!(
                member.pool < MOST_POOLS,
                "pools are numbered from 0 to {}",
                MOST_POOLS - 1
            );
            let pool = member.pool as usize;
            if one_of.len() <= pool {
                one_of.resize(pool + 1, None);
            }
            one_of[pool].get_or_insert(ServerId(place));
        }
        Self {
            pool_of: members.iter().map(|member| member.pool).collect(),
            one_of,
        }
    }

    /// Whether there is one only.
    pub(super) fn are_one(&self) -> bool {
        self.one_of.iter().flatten().count() == 1
    }

    /// Those of which `is_so` holds, which is asked of a server of each.
    pub(super) fn those(&self, is_so: impl Fn(ServerId) -> bool) -> PoolSet {
        let mut found = PoolSet::NONE;
        let mut are_all = true;
        for (pool, server) in self.one_of.iter().enumerate() {
            match server {
                Some(server) if is_so(*server) => found.add(pool),
                Some(_) => are_all = false,
                None => {}
            }
        }
        if are_all { PoolSet::ALL } else { found }
    }

    /// Whether a server is in one of the pools.
    pub(super) fn has(&self, pools: PoolSet, server: ServerId) -> bool {
        pools.has(self.pool_of[server.place()])
    }
}
