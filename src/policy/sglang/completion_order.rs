//! Whether a request that ignores stop tokens comes in where nothing is cached: SGLang then knows all lengths, and goes
//! through the requests in the order in which they will end (`schedule_policy.py`, `add_one_req_ignore_eos`).

use super::budget::PrefillBudget;
use super::decision::{AddVerdict, PromptPart};
use super::member::SglangMember;

/// A request as the order of ends sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Course {
    /// Tokens that it will produce yet.
    left: f64,
    /// Slots that its end frees.
    length: u32,
}

impl Course {
    /// That of a member with so many outputs, if of others a part is expected.
    pub(crate) fn of(member: &SglangMember, generated: u32, ratio: f64) -> Self {
        let share = if member.request.ignore_eos { 1.0 } else { ratio };
        Self {
            left: f64::from(member.max_new) * share - f64::from(generated),
            length: member.prompt() + generated,
        }
    }
}

/// The courses of all that run or come in, those first that end first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Courses(Vec<Course>);

impl Courses {
    /// Of one that is asked in, those that run, and those in the step. Who has as many tokens as are expected of it
    /// does not count.
    pub(crate) fn of(courses: impl Iterator<Item = Course>) -> Self {
        let mut courses: Vec<Course> = courses.filter(|course| course.left > 0.0).collect();
        courses.sort_by(|one, other| one.left.total_cmp(&other.left));
        Self(courses)
    }

    /// Another one is asked in: before the first that ends no sooner, and else before the last.
    pub(crate) fn add(&mut self, course: Course) {
        if course.left <= 0.0 {
            return;
        }
        let place = self.0.iter().position(|other| other.left >= course.left);
        let place = place.unwrap_or(self.0.len().saturating_sub(1));
        self.0.insert(place, course);
    }

    /// Whether slots suffice up to the last end, of so many that are left for outputs now.
    fn fit(&self, slots: f64) -> bool {
        let mut freed = 0.0;
        for (place, course) in self.0.iter().enumerate() {
            let running = (self.0.len() - place) as f64;
            if slots + freed - course.left * running <= running {
                return false;
            }
            freed += f64::from(course.length);
        }
        true
    }
}

/// How the member comes in, if it does. Its own course is among them.
pub(crate) fn part_of(
    budget: &mut PrefillBudget,
    member: &SglangMember,
    available: u64,
    courses: &Courses,
    page: u32,
) -> Result<PromptPart, AddVerdict> {
    let lacking = member.num_tokens() - member.prefix;
    let with_spare = i64::from(lacking.next_multiple_of(page)) + i64::from(page);
    let now = budget.left_now(available);
    let left = (now as f64).min(budget.left(available));
    if with_spare as f64 > left || !courses.fit((now - with_spare) as f64) {
        return Err(AddVerdict::NoToken);
    }
    match budget.chunk {
        Some(chunk) if i64::from(lacking) > chunk => budget.cut(u32::try_from(chunk).unwrap_or(0)),
        _ => Ok(budget.whole(member)),
    }
}
