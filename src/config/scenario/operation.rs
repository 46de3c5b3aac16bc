//! How a deployment is run: in which pools, of how many servers each.

/// The pools of servers that run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// At least one.
    pub pools: Vec<Pool>,
}

/// Servers that are alike and serve the same requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// How many; at least 1.
    pub servers: u32,
}

impl Operation {
    /// One pool of one server.
    pub fn of_one_server() -> Self {
        Self {
            pools: vec![Pool { servers: 1 }],
        }
    }

    /// The servers of all pools.
    pub fn servers(&self) -> u32 {
        self.pools.iter().map(|pool| pool.servers).sum()
    }
}
