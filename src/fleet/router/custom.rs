//! Routers that are in no list: code that whoever asks brings along.

use std::fmt;
use std::sync::Arc;

use super::router_trait::{LooksFor, Router, RouterKind, RouterStart};

/// Makes a router that has decided nothing yet, for each run one.
pub trait RouterMaker: Send + Sync {
    /// The router of a run. What it chooses may depend on nothing but what it is asked and the seed, or runs cannot be
    /// repeated.
    fn router(&self, start: &RouterStart<'_>) -> Box<dyn Router>;
}

/// A router that whoever asks brings along.
#[derive(Clone)]
pub struct CustomRouter {
    /// What it is called; two that choose in another way should have other names, as results are named after it.
    pub name: Arc<str>,
    /// Makes it.
    pub maker: Arc<dyn RouterMaker>,
}

impl fmt::Debug for CustomRouter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "CustomRouter({})", self.name)
    }
}

/// Who decides where the requests of a fleet go.
#[derive(Clone, Debug)]
pub enum RouterChoice {
    /// A router of the list.
    Listed(&'static RouterKind),
    /// Another one.
    Custom(CustomRouter),
}

impl RouterChoice {
    /// What it is called.
    pub fn name(&self) -> &str {
        match self {
            Self::Listed(kind) => kind.name,
            Self::Custom(custom) => &custom.name,
        }
    }

    /// What it looks for in requests. Nobody knows that of a custom router.
    pub const fn looks_for(&self) -> LooksFor {
        match self {
            Self::Listed(kind) => kind.looks_for,
            Self::Custom(_) => LooksFor::Nothing,
        }
    }

    /// Whether it is in no list.
    pub const fn is_custom(&self) -> bool {
        matches!(self, Self::Custom(_))
    }

    /// One that has decided nothing yet.
    pub(crate) fn router(&self, start: &RouterStart<'_>) -> Box<dyn Router> {
        match self {
            Self::Listed(kind) => (kind.new)(start),
            Self::Custom(custom) => custom.maker.router(start),
        }
    }
}

impl From<&'static RouterKind> for RouterChoice {
    fn from(kind: &'static RouterKind) -> Self {
        Self::Listed(kind)
    }
}
