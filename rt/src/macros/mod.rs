//! `select!`, `join!`, `try_join!` and `task_local!`.
//!
//! They are plain `macro_rules`. A branch is read per step of the recursion, and each step names the
//! branch's variables anew: the names are the same, their hygiene is not, so that the last step can use
//! them side by side without numbering them.

mod join;
mod select;
pub mod support;
mod task_local;
