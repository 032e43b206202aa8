//! Groups and subgroups, which share workers by weight.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::statistics::Waits;
use crate::metrics::Histogram;
use crate::task::Class;

/// Tasks that together get their shares of the workers beside other groups, under
/// [`Policy::Fair`](crate::runtime::Policy::Fair). Without meaning under other policies.
///
/// # Examples
///
/// ```
/// use vitte_rt::runtime::Policy;
/// use vitte_rt::scheduler::{Scheduler, Task};
///
/// let sched = Scheduler::builder(2).policy(Policy::Fair).build()?;
/// let (pages, reports) = (sched.group("pages", 9), sched.group("reports", 1));
/// let (daily, yearly) = (reports.subgroup("daily", 3), reports.subgroup("yearly", 1));
/// sched.submit(Task::spawn(|| println!("a page")).group(&pages));
/// sched.submit(Task::spawn(|| println!("today")).group(&daily));
/// sched.submit(Task::spawn(|| println!("this year")).group(&yearly));
/// sched.join_all();
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug)]
pub struct Group {
    name: Arc<str>,
    key: u32,
    shares: u32,
    n_subgroups: Arc<AtomicU32>,
    waits: Option<Waits>,
    wait: Option<Arc<Histogram>>,
}

/// A part of a [`Group`]; see there.
#[derive(Clone, Debug)]
pub struct Subgroup {
    group: Group,
    key: u32,
    shares: u32,
    wait: Option<Arc<Histogram>>,
}

/// Where a task belongs: a [`Group`] or a [`Subgroup`].
#[derive(Clone, Debug)]
pub struct Member {
    group: (u32, u32),
    subgroup: (u32, u32),
    wait: Option<Arc<Histogram>>,
}

impl Group {
    pub(super) fn new(name: &str, key: u32, shares: u32, waits: Option<&Waits>) -> Self {
        let wait = waits.map(|waits| waits.add(name));
        let n_subgroups = Arc::new(AtomicU32::new(1));
        Group { name: name.into(), key, shares, n_subgroups, waits: waits.cloned(), wait }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A new part of the group that gets `shares` (0 counts as 1) of what the group gets. The group's own
    /// tasks are a part with one share.
    #[must_use]
    pub fn subgroup(&self, name: &str, shares: u32) -> Subgroup {
        // Relaxed: only distinctness matters.
        let key = self.n_subgroups.fetch_add(1, Ordering::Relaxed);
        let wait = self.waits.as_ref().map(|waits| waits.add(&format!("{}/{name}", self.name)));
        Subgroup { group: self.clone(), key, shares, wait }
    }
}

impl Subgroup {
    /// The group that it is a part of.
    pub fn group(&self) -> &Group {
        &self.group
    }
}

impl Member {
    /// Says to the policy where a task belongs.
    pub(super) fn fill(&self, class: &mut Class) {
        (class.group, class.shares) = self.group;
        (class.subgroup, class.subgroup_shares) = self.subgroup;
    }

    pub(super) fn wait(&self) -> Option<&Arc<Histogram>> {
        self.wait.as_ref()
    }
}

impl From<&Group> for Member {
    fn from(group: &Group) -> Self {
        Member { group: (group.key, group.shares), subgroup: (0, 1), wait: group.wait.clone() }
    }
}

impl From<&Subgroup> for Member {
    fn from(part: &Subgroup) -> Self {
        let group = (part.group.key, part.group.shares);
        Member { group, subgroup: (part.key, part.shares), wait: part.wait.clone() }
    }
}
