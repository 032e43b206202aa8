//! The policies: in which order the tasks of one queue are run.
//!
//! In: tasks as they become runnable, with their [`Class`]. Out: the one to run next. Nothing here knows
//! what a task is, who runs it, or of locks; [`super::injector`] is the one user.
//!
//! * **FIFO** a queue. **LIFO** a stack.
//! * **Priority** a lane per priority; the most urgent lane that has a task gives its oldest, but a lane
//!   that was passed over [`AGING`] times goes first once: none waits for ever. A queued task has a
//!   *seat*, a number that is never given twice, by which it is found when its priority changes.
//! * **Fair** stride scheduling (Waldspurger and Weihl, 1995) on two levels: the group that had least for
//!   its shares, and in it the subgroup that had least for its own. Who comes back from nothing starts at
//!   the present, and does not make up for the time away.
//! * **Deadline** earliest first (Liu and Layland, 1973); tasks without a deadline after all others;
//!   equal ones in the order of their arrival.
//!
//! Cost: FIFO and LIFO a few instructions; Priority and Deadline logarithmic in the length of the lane or
//! queue; Fair linear in the number of groups that wait.

use std::collections::{BTreeMap, VecDeque};

use crate::runtime::Policy;
use crate::task::Class;

/// Times that a waiting lane may be passed over.
pub(crate) const AGING: u32 = 32;
/// Number of priorities.
pub(crate) const N_PRIORITIES: usize = 8;
/// Room that an empty queue may keep, in tasks.
const KEEP: usize = 1 << 15;
/// What a member with one share advances per task.
const STRIDE: u64 = 1 << 20;
/// Members that had something and have nothing now are looked through when there are more than this.
const MANY: usize = 64;

/// Tasks in the order of a policy.
#[derive(Debug)]
pub(crate) enum Order<T> {
    Fifo(VecDeque<T>),
    Lifo(Vec<T>),
    Priority(Box<Lanes<T>>),
    Fair(Stride<Stride<VecDeque<T>>>),
    Deadline(Deadlines<T>),
}

impl<T> Order<T> {
    pub(crate) fn new(policy: Policy) -> Self {
        match policy {
            Policy::Fifo => Order::Fifo(VecDeque::new()),
            Policy::Lifo => Order::Lifo(Vec::new()),
            Policy::Priority => Order::Priority(Box::default()),
            Policy::Fair => Order::Fair(Stride::default()),
            Policy::Deadline => Order::Deadline(Deadlines::default()),
        }
    }

    /// Adds a task; its seat, under a policy that has seats. The class is asked for where it counts.
    pub(crate) fn push(&mut self, task: T, class: impl FnOnce() -> Class) -> Option<u64> {
        match self {
            Order::Fifo(tasks) => tasks.push_back(task),
            Order::Lifo(tasks) => tasks.push(task),
            Order::Priority(lanes) => return Some(lanes.push(task, class().priority)),
            Order::Fair(groups) => {
                let class = class();
                let group = groups.give(class.group, class.shares);
                group.give(class.subgroup, class.subgroup_shares).push_back(task);
            }
            Order::Deadline(deadlines) => deadlines.push(task, class().deadline_ns),
        }
        None
    }

    /// Takes the next task.
    pub(crate) fn pop(&mut self) -> Option<T> {
        match self {
            Order::Fifo(tasks) => {
                let task = tasks.pop_front();
                if tasks.is_empty() && tasks.capacity() > KEEP {
                    *tasks = VecDeque::new();
                }
                task
            }
            Order::Lifo(tasks) => tasks.pop(),
            Order::Priority(lanes) => lanes.pop(),
            Order::Fair(groups) => groups.take()?.take()?.pop_front(),
            Order::Deadline(deadlines) => deadlines.tasks.pop_first().map(|(_, task)| task),
        }
    }

    /// Moves the task in `seat` to the end of another lane; its new seat, or none if it is not queued.
    pub(crate) fn move_seat(&mut self, seat: u64, from: u8, to: u8) -> Option<u64> {
        let Order::Priority(lanes) = self else { return None };
        let task = lanes.lane(from).tasks.remove(&seat)?;
        Some(lanes.push(task, to))
    }
}

/// A lane per priority.
#[derive(Debug)]
pub(crate) struct Lanes<T> {
    lanes: [Lane<T>; N_PRIORITIES],
    n_seats: u64,
}

#[derive(Debug)]
struct Lane<T> {
    tasks: BTreeMap<u64, T>,
    n_passed: u32,
}

impl<T> Default for Lanes<T> {
    fn default() -> Self {
        let lane = |_| Lane { tasks: BTreeMap::new(), n_passed: 0 };
        Lanes { lanes: std::array::from_fn(lane), n_seats: 0 }
    }
}

impl<T> Lanes<T> {
    fn lane(&mut self, priority: u8) -> &mut Lane<T> {
        &mut self.lanes[usize::from(priority).min(N_PRIORITIES - 1)]
    }

    fn push(&mut self, task: T, priority: u8) -> u64 {
        let seat = self.n_seats;
        self.n_seats += 1;
        self.lane(priority).tasks.insert(seat, task);
        seat
    }

    fn pop(&mut self) -> Option<T> {
        let waiting = |lane: &Lane<T>| !lane.tasks.is_empty();
        let old = self.lanes.iter().position(|l| waiting(l) && l.n_passed >= AGING);
        let next = old.or_else(|| self.lanes.iter().position(waiting))?;
        for lane in self.lanes.iter_mut().skip(next + 1).filter(|lane| waiting(lane)) {
            lane.n_passed += 1;
        }
        self.lanes[next].n_passed = 0;
        self.lanes[next].tasks.pop_first().map(|(_, task)| task)
    }
}

/// Members that take turns by their shares.
#[derive(Debug)]
pub(crate) struct Stride<Q> {
    members: BTreeMap<u32, Member<Q>>,
    /// Tasks of all members.
    n_tasks: usize,
    /// Shares of the members that have tasks.
    n_shares: u64,
    /// The pass of one that comes now: what those that wait had on average, per share.
    now: u64,
}

#[derive(Debug)]
struct Member<Q> {
    queue: Q,
    /// Tasks in `queue`.
    n_tasks: usize,
    /// What the member had so far, divided by its shares.
    pass: u64,
    shares: u64,
}

impl<Q> Default for Stride<Q> {
    fn default() -> Self {
        Stride { members: BTreeMap::new(), n_tasks: 0, n_shares: 0, now: 0 }
    }
}

impl<Q: Default> Stride<Q> {
    /// The queue of a member that gets one more task.
    fn give(&mut self, key: u32, shares: u32) -> &mut Q {
        if self.n_tasks == 0 && self.members.len() > MANY {
            // Nobody waits, so nobody is owed anything.
            self.members.clear();
        }
        self.n_tasks += 1;
        let new = || Member { queue: Q::default(), n_tasks: 0, pass: 0, shares: 1 };
        let member = self.members.entry(key).or_insert_with(new);
        if member.n_tasks == 0 {
            member.pass = member.pass.max(self.now);
        } else {
            self.n_shares -= member.shares;
        }
        member.shares = u64::from(shares).clamp(1, STRIDE);
        self.n_shares += member.shares;
        member.n_tasks += 1;
        &mut member.queue
    }

    /// The queue of the member whose turn it is, to take one task out.
    fn take(&mut self) -> Option<&mut Q> {
        if self.members.len() > MANY {
            // What one without tasks had is forgotten anyway when it comes back after `now`.
            let now = self.now;
            self.members.retain(|_, member| member.n_tasks > 0 || member.pass > now);
        }
        let waiting = self.members.values_mut().filter(|member| member.n_tasks > 0);
        let member = waiting.min_by_key(|member| member.pass)?;
        self.now = member.pass.max(self.now + STRIDE / self.n_shares);
        member.pass += STRIDE / member.shares;
        member.n_tasks -= 1;
        self.n_tasks -= 1;
        if member.n_tasks == 0 {
            self.n_shares -= member.shares;
        }
        Some(&mut member.queue)
    }
}

/// Tasks by deadline, then by arrival.
#[derive(Debug)]
pub(crate) struct Deadlines<T> {
    tasks: BTreeMap<(u64, u64), T>,
    n_pushed: u64,
}

impl<T> Default for Deadlines<T> {
    fn default() -> Self {
        Deadlines { tasks: BTreeMap::new(), n_pushed: 0 }
    }
}

impl<T> Deadlines<T> {
    fn push(&mut self, task: T, deadline_ns: Option<u64>) {
        self.tasks.insert((deadline_ns.unwrap_or(u64::MAX), self.n_pushed), task);
        self.n_pushed += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(change: impl FnOnce(&mut Class)) -> Class {
        let mut class = Class::default();
        change(&mut class);
        class
    }

    /// Takes all tasks out.
    fn drain<T>(order: &mut Order<T>) -> Vec<T> {
        std::iter::from_fn(|| order.pop()).collect()
    }

    #[test]
    fn a_changed_priority_moves_a_queued_task_behind_its_new_equals() {
        let mut order = Order::new(Policy::Priority);
        let seats: Vec<_> = [("a", 5), ("b", 2), ("c", 5), ("d", 2)]
            .map(|(task, priority)| order.push(task, || class(|c| c.priority = priority)))
            .to_vec();
        assert!(order.move_seat(seats[2].unwrap(), 5, 2).is_some());
        assert_eq!(order.move_seat(seats[2].unwrap(), 5, 0), None, "a seat is left once");
        assert_eq!(drain(&mut order), ["b", "d", "c", "a"]);
        assert_eq!(order.move_seat(seats[0].unwrap(), 5, 0), None, "a task that runs has no seat");
    }

    #[test]
    fn subgroups_share_what_their_group_gets() {
        let mut order = Order::new(Policy::Fair);
        for n in 0..600 {
            // Group 1 has two shares beside one; in it subgroup 1 has three beside one.
            let (group, subgroup) = [(1, 1), (1, 2), (2, 0)][n % 3];
            let class = class(|c| {
                (c.group, c.shares) = (group, 3 - group);
                (c.subgroup, c.subgroup_shares) = (subgroup, if subgroup == 1 { 3 } else { 1 });
            });
            order.push((group, subgroup), || class);
        }
        let first: Vec<_> = std::iter::from_fn(|| order.pop()).take(240).collect();
        let n = |member| first.iter().filter(|&&m| m == member).count();
        assert_eq!((n((1, 1)), n((1, 2)), n((2, 0))), (120, 40, 80));
    }

    #[test]
    fn a_group_does_not_make_up_for_its_absence() {
        let mut order = Order::new(Policy::Fair);
        let push = |order: &mut Order<u32>, group| {
            order.push(group, || class(|c| c.group = group));
        };
        (0..1000).for_each(|_| push(&mut order, 1));
        (0..500).for_each(|_| assert_eq!(order.pop(), Some(1)));
        (0..100).for_each(|_| push(&mut order, 2));
        let next: Vec<_> = std::iter::from_fn(|| order.pop()).take(100).collect();
        let n_second = next.iter().filter(|&&group| group == 2).count();
        assert!((49..=51).contains(&n_second), "{n_second} of 100");
    }

    #[test]
    fn groups_that_come_one_after_the_other_do_not_keep_another_waiting() {
        let mut order = Order::new(Policy::Fair);
        order.push(0, || class(|c| c.group = 0));
        for group in 1..10 {
            order.push(group, || class(|c| c.group = group));
            if order.pop() == Some(0) {
                return;
            }
        }
        unreachable!("group 0 has the oldest task");
    }

    #[test]
    fn groups_that_are_gone_are_forgotten() {
        // With nobody else there, and beside a group that always waits.
        for n_others in [0, 5] {
            let mut order = Order::new(Policy::Fair);
            let push = |order: &mut Order<u32>, group| {
                order.push(group, || class(|c| c.group = group));
            };
            (0..n_others).for_each(|_| push(&mut order, 0));
            for group in 1..10_000 {
                push(&mut order, group);
                while let Some(ran) = order.pop()
                    && ran == 0
                {
                    push(&mut order, 0);
                }
            }
            let Order::Fair(groups) = &order else { unreachable!("made so") };
            assert!(groups.members.len() <= MANY + 2, "{}", groups.members.len());
        }
    }
}
