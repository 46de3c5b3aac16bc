//! A number of a section of the result by its name, as the section's own file declares it.

use std::sync::Arc;

/// A number that studies can name, read from a `Section` of a run's result.
#[derive(Clone)]
pub(super) struct NamedNumber<Section> {
    /// Its place in the JSON result of a run; of a latency, without the section's name.
    pub(super) name: &'static str,
    pub(super) quantity: Quantity,
    pub(super) better: Better,
    pub(super) place: PlaceInList,
    pub(super) read: Read<Section>,
}

/// Reads a number; `None` if it is not known.
pub(super) type Read<Section> = Arc<dyn Fn(&Section) -> Option<f64> + Send + Sync>;

/// What a number counts, which says how it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// A time in seconds.
    Time,
    /// A number in each second.
    Rate,
    /// A part of one.
    Share,
    /// A number without a unit.
    Count,
    /// Dollars.
    Price,
}

/// Which of two values is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// The lower value is better.
    Lower,
    /// The higher value is better.
    Higher,
    /// Neither value is better by itself.
    Neither,
}

/// Where a number stands in the list of all, whose order is that of columns in files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PlaceInList {
    /// Before the sections in their order.
    First,
    /// Where its section stands.
    InItsSection,
    /// After all sections: it was named when files of results had their columns already, and these keep their places.
    Last,
    /// After those, for the same reason.
    AfterLast,
}

impl<Section> NamedNumber<Section> {
    /// A reading with its section.
    pub(super) fn new(
        name: &'static str,
        quantity: Quantity,
        better: Better,
        read: impl Fn(&Section) -> Option<f64> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name,
            quantity,
            better,
            place: PlaceInList::InItsSection,
            read: Arc::new(read),
        }
    }

    /// A number in each second, more of which is better.
    pub(super) fn rate(name: &'static str, read: fn(&Section) -> Option<f64>) -> Self
    where
        Section: 'static,
    {
        Self::new(name, Quantity::Rate, Better::Higher, read)
    }

    /// A part of one.
    pub(super) fn share(name: &'static str, better: Better, read: fn(&Section) -> Option<f64>) -> Self
    where
        Section: 'static,
    {
        Self::new(name, Quantity::Share, better, read)
    }

    /// A number that need not be whole.
    pub(super) fn mean(name: &'static str, better: Better, read: fn(&Section) -> Option<f64>) -> Self
    where
        Section: 'static,
    {
        Self::new(name, Quantity::Count, better, read)
    }

    /// A number that is whole.
    pub(super) fn count(name: &'static str, better: Better, read: fn(&Section) -> Option<u64>) -> Self
    where
        Section: 'static,
    {
        let read = move |section: &Section| read(section).map(|count| count as f64);
        Self::new(name, Quantity::Count, better, read)
    }

    /// The reading, at another place in the list of all.
    pub(super) fn at(self, place: PlaceInList) -> Self {
        Self { place, ..self }
    }

    /// The reading from a whole that holds the section.
    pub(super) fn within<Whole>(self, section: fn(&Whole) -> &Section) -> NamedNumber<Whole>
    where
        Section: 'static,
        Whole: 'static,
    {
        let read = self.read;
        NamedNumber {
            name: self.name,
            quantity: self.quantity,
            better: self.better,
            place: self.place,
            read: Arc::new(move |whole| read(section(whole))),
        }
    }
}
