//! Lists of waiting futures, and wakers that are called after a lock was given back.
//!
//! A waiting future carries its own place in the list: a [`Node`] inside the pinned future, so that
//! waiting allocates nothing.
//!
//! ```text
//!  List { head ─► Node ⇄ Node ⇄ Node ◄─ tail }     under the lock of whoever owns the list
//!                  in     in     in
//!                future future future              each takes its node out before it is gone
//! ```
//!
//! * **I1** A linked node lives, and stays where it is, until it is taken out.
//! * **I2** A node that was ever linked is touched with the list borrowed only (its owner's lock).
//!
//! The caller of [`List::push_back`] vouches for both; the other methods rely on them. Everything is
//! O(1).
//!
//! Source: the intrusive lists of Linux and of tokio's `util/linked_list.rs`.

use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomPinned;
use std::ptr::NonNull;
use std::task::Waker;

/// A place in a list, and what the list's owner wants to know of the one who waits.
pub(crate) struct Node<T> {
    prev: Option<NonNull<Node<T>>>,
    next: Option<NonNull<Node<T>>>,
    linked: bool,
    /// Whom to wake.
    pub(crate) waker: Option<Waker>,
    pub(crate) data: T,
    _pinned: PhantomPinned,
}

impl<T> Node<T> {
    /// Whether the node is in its list.
    pub(crate) fn is_linked(&self) -> bool {
        self.linked
    }

    /// Keeps `waker` instead of the one before, which is to be dropped outside of the lock.
    #[must_use]
    pub(crate) fn renew(&mut self, waker: &Waker) -> Option<Waker> {
        match &self.waker {
            Some(old) if old.will_wake(waker) => None,
            _ => self.waker.replace(waker.clone()),
        }
    }
}

/// The node of a future.
pub(crate) struct Waiter<T>(UnsafeCell<Node<T>>);

// SAFETY: the node is touched with the list borrowed (I2), which is under a lock, or by the one who
// has the future; what it holds may go to another thread.
unsafe impl<T: Send> Send for Waiter<T> {}
// SAFETY: a shared reference gives the address only.
unsafe impl<T: Send> Sync for Waiter<T> {}

impl<T> Waiter<T> {
    pub(crate) const fn new(data: T) -> Self {
        let node = Node {
            prev: None,
            next: None,
            linked: false,
            waker: None,
            data,
            _pinned: PhantomPinned,
        };
        Waiter(UnsafeCell::new(node))
    }

    /// The node's address.
    pub(crate) fn node(&self) -> NonNull<Node<T>> {
        NonNull::from(&self.0).cast()
    }
}

/// See the module.
pub(crate) struct List<T> {
    head: Option<NonNull<Node<T>>>,
    tail: Option<NonNull<Node<T>>>,
}

// SAFETY: whoever has the list has its nodes (I2); they may be used on another thread.
unsafe impl<T: Send> Send for List<T> {}

impl<T> List<T> {
    pub(crate) const fn new() -> Self {
        List { head: None, tail: None }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.head.is_none()
    }

    /// The node at `node`, which the caller knows to be in this list or never to have been in any.
    ///
    /// # Safety
    ///
    /// `node` lives, and belongs to this list (I2).
    #[allow(clippy::unused_self, reason = "the borrow is what makes it sound (I2)")]
    pub(crate) unsafe fn get(&mut self, mut node: NonNull<Node<T>>) -> &mut Node<T> {
        // SAFETY: it lives, and the list is borrowed for as long as the answer is used.
        unsafe { node.as_mut() }
    }

    /// Enters a node at the end.
    ///
    /// # Safety
    ///
    /// `node` lives, is in no list, stays where it is until it is taken out (I1), and from now on is
    /// touched through this list only (I2).
    pub(crate) unsafe fn push_back(&mut self, node: NonNull<Node<T>>) {
        let tail = self.tail;
        // SAFETY: the caller's.
        let new = unsafe { self.get(node) };
        debug_assert!(!new.linked, "I1: a node is entered once");
        new.linked = true;
        new.next = None;
        new.prev = tail;
        match tail {
            // SAFETY: it is linked (I1).
            Some(tail) => unsafe { self.get(tail) }.next = Some(node),
            None => self.head = Some(node),
        }
        self.tail = Some(node);
    }

    /// Enters a node at the front.
    ///
    /// # Safety
    ///
    /// As [`List::push_back`].
    pub(crate) unsafe fn push_front(&mut self, node: NonNull<Node<T>>) {
        let head = self.head;
        // SAFETY: the caller's.
        let new = unsafe { self.get(node) };
        debug_assert!(!new.linked, "I1: a node is entered once");
        new.linked = true;
        new.prev = None;
        new.next = head;
        match head {
            // SAFETY: it is linked (I1).
            Some(head) => unsafe { self.get(head) }.prev = Some(node),
            None => self.tail = Some(node),
        }
        self.head = Some(node);
    }

    /// Takes a node out; false if it was not in.
    ///
    /// # Safety
    ///
    /// `node` lives and was entered into this list.
    pub(crate) unsafe fn remove(&mut self, node: NonNull<Node<T>>) -> bool {
        // SAFETY: the caller's.
        let gone = unsafe { self.get(node) };
        if !gone.linked {
            return false;
        }
        gone.linked = false;
        let (prev, next) = (gone.prev.take(), gone.next.take());
        match prev {
            // SAFETY: it is linked (I1).
            Some(prev) => unsafe { self.get(prev) }.next = next,
            None => self.head = next,
        }
        match next {
            // SAFETY: it is linked (I1).
            Some(next) => unsafe { self.get(next) }.prev = prev,
            None => self.tail = prev,
        }
        true
    }

    /// The first node.
    pub(crate) fn front(&mut self) -> Option<&mut Node<T>> {
        let head = self.head?;
        // SAFETY: it is linked (I1).
        Some(unsafe { self.get(head) })
    }

    /// Takes the first node out.
    pub(crate) fn pop_front(&mut self) -> Option<&mut Node<T>> {
        let head = self.head?;
        // SAFETY: it is linked (I1).
        unsafe { self.remove(head) };
        // SAFETY: it lives: its owner takes it out under the same lock before it goes.
        Some(unsafe { self.get(head) })
    }

    /// Takes the last node out.
    pub(crate) fn pop_back(&mut self) -> Option<&mut Node<T>> {
        let tail = self.tail?;
        // SAFETY: it is linked (I1).
        unsafe { self.remove(tail) };
        // SAFETY: as in `pop_front`.
        Some(unsafe { self.get(tail) })
    }
}

impl<T> fmt::Debug for List<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "nobody waits" } else { "somebody waits" })
    }
}

/// Wakers collected under a lock, called outside of it.
pub(crate) struct WakeList {
    wakers: [Option<Waker>; WakeList::ROOM],
    len: usize,
}

impl WakeList {
    const ROOM: usize = 16;

    pub(crate) fn new() -> Self {
        WakeList { wakers: [const { None }; WakeList::ROOM], len: 0 }
    }

    /// Whether there is no room for another one: give the lock back, wake, come again.
    pub(crate) fn is_full(&self) -> bool {
        self.len == WakeList::ROOM
    }

    pub(crate) fn push(&mut self, waker: Option<Waker>) {
        if waker.is_some() {
            self.wakers[self.len] = waker;
            self.len += 1;
        }
    }

    /// Calls them, in order.
    pub(crate) fn wake_all(&mut self) {
        let n = std::mem::take(&mut self.len);
        for waker in &mut self.wakers[..n] {
            waker.take().into_iter().for_each(Waker::wake);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::pin::Pin;

    fn node(n: u32) -> Pin<Box<Waiter<u32>>> {
        Box::pin(Waiter::new(n))
    }

    #[test]
    fn nodes_leave_from_anywhere_in_order() {
        for gone in 0..4 {
            let nodes: Vec<_> = (0..4).map(node).collect();
            let mut list = List::new();
            for node in &nodes {
                // SAFETY: the nodes outlive the list.
                unsafe { list.push_back(node.node()) };
            }
            // SAFETY: it was entered.
            assert!(unsafe { list.remove(nodes[gone].node()) });
            // SAFETY: as above.
            assert!(!unsafe { list.remove(nodes[gone].node()) }, "twice is harmless");
            let expected: Vec<u32> = (0..4).filter(|n| *n != gone as u32).collect();
            let last = list.pop_back().map(|node| node.data);
            assert_eq!(last, expected.last().copied());
            let rest: Vec<u32> =
                std::iter::from_fn(|| list.pop_front().map(|node| node.data)).collect();
            assert_eq!(rest, expected[..2]);
            assert!(list.is_empty() && list.front().is_none());
        }
    }
}
