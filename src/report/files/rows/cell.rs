//! What stands in one column of one row.

use crate::units::{PICOS_PER_SECOND, Time};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    Text,
    Whole,
    Number,
}

/// A cell; any may be unknown, whatever its column holds.
#[derive(Clone, Copy, Debug)]
pub enum RowCell<'a> {
    Unknown,
    Text(&'a str),
    Whole(i64),
    Number(f64),
    /// A number of which six decimals are written.
    Rounded(f64),
    /// Seconds with all twelve decimals.
    Exact(Time),
}

/// As CSV writes it.
impl std::fmt::Display for RowCell<'_> {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self::Unknown => Ok(()),
            Self::Text(text) => to.write_str(text),
            Self::Whole(number) => write!(to, "{number}"),
            Self::Number(number) => write!(to, "{number}"),
            Self::Rounded(number) => write!(to, "{number:.6}"),
            // The very picosecond, which a float would lose after an hour or two.
            Self::Exact(time) => {
                let (whole, picos) = (time.picos() / PICOS_PER_SECOND, time.picos() % PICOS_PER_SECOND);
                write!(to, "{whole}.{picos:012}")
            }
        }
    }
}

impl RowCell<'_> {
    /// The whole number in it, if it is one.
    #[cfg(feature = "parquet")]
    pub fn whole(self) -> Option<i64> {
        match self {
            Self::Whole(number) => Some(number),
            _ => None,
        }
    }

    /// The float that is nearest to what CSV says, if that is a number.
    #[cfg(feature = "parquet")]
    pub fn number(self) -> Option<f64> {
        match self {
            Self::Unknown | Self::Text(_) => None,
            Self::Number(number) => Some(number),
            written => written.to_string().parse().ok(),
        }
    }

    /// The text in it, if it is one.
    #[cfg(feature = "parquet")]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl RowCell<'_> {
    /// A cell of what may be unknown.
    pub fn known<T>(value: Option<T>, cell: impl FnOnce(T) -> Self) -> Self {
        value.map_or(Self::Unknown, cell)
    }

    /// A count.
    pub fn count(number: u32) -> Self {
        Self::Whole(number.into())
    }
}
