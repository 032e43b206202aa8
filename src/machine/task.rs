//! What a macro knows of an async function, as static data, and the layout record made of it.

use crate::rt::task::SuspendSite;
use vitte_abi::{AwaiteeRecord, LayoutRecord, RecordSpan, SlotRecord, SlotRole, StateRecord};

/// The result of a function, as a type: `<fn() -> ! as Returns>::Output` is `!`, which stable Rust
/// does not take between `<` and `>`.
pub trait Returns {
    /// What it returns.
    type Output;
}

impl<R> Returns for fn() -> R {
    type Output = R;
}

/// An async function, as its attribute saw it.
///
/// Lists are words in one text: rustc checks a literal much faster than nested slices.
#[derive(Debug)]
pub struct Task {
    /// Name of the function.
    pub name: &'static str,
    /// Its suspend points, in source order.
    pub sites: &'static [SuspendSite],
    /// Per suspend point a line: the names of what its state keeps, apart by spaces (explicit machines).
    pub kept: &'static str,
}

impl Task {
    /// Names of what the state of suspend point `i` keeps.
    fn kept(&self, i: usize) -> impl Iterator<Item = &'static str> {
        self.kept.split('\n').nth(i).unwrap_or_default().split_whitespace()
    }

    /// Names of everything that some state keeps.
    fn slots(&self) -> Vec<&'static str> {
        let mut slots = vec![];
        for name in self.kept.split_whitespace() {
            if !slots.contains(&name) {
                slots.push(name);
            }
        }
        slots
    }

    /// The record of a future of `size` bytes, aligned to `align`. `kind` says whose machine it is.
    pub(super) fn record(&self, kind: &str, size: usize, align: usize) -> LayoutRecord {
        let names = self.slots();
        let slots = names.iter().map(|name| SlotRecord {
            name: (*name).into(),
            ty: String::new(),
            role: SlotRole::Saved,
            offset: 0,
            size: 0,
            align: 0,
            refs: Vec::new(),
            drop: String::new(),
        });
        let index = |name| names.iter().position(|n| *n == name).map(|i| i as u32);
        let states = self.sites.iter().enumerate().map(|(i, site)| StateRecord {
            id: 3 + i as u32,
            name: site.state.into(),
            span: RecordSpan { file: site.file.into(), line: site.line, column: site.column },
            awaitee: AwaiteeRecord::Child(site.awaitee.into()),
            live: self.kept(i).filter_map(index).collect(),
            dead: Vec::new(),
        });
        LayoutRecord {
            name: self.name.into(),
            kind: kind.into(),
            used: size as u64,
            size: size as u64,
            align: align as u64,
            slots: slots.collect(),
            states: states.collect(),
            ..LayoutRecord::default()
        }
    }
}

/// The awaits of a function, from a text that has five words for each: name of its state, file, line,
/// column and what is awaited, each followed by a tab.
///
/// # Panics
///
/// If the text has another form: the expansion is wrong.
pub const fn sites<const N: usize>(task: &'static str, text: &'static str) -> [SuspendSite; N] {
    const NONE: SuspendSite =
        SuspendSite { task: "", state: "", awaitee: "", file: "", line: 0, column: 0 };
    let mut sites = [NONE; N];
    let (mut rest, mut i) = (text, 0);
    while i < N {
        let (state, file, line, column, awaitee);
        (state, rest) = field(rest);
        (file, rest) = field(rest);
        (line, rest) = field(rest);
        (column, rest) = field(rest);
        (awaitee, rest) = field(rest);
        let (line, column) = (number(line), number(column));
        sites[i] = SuspendSite { task, state, awaitee, file, line, column };
        i += 1;
    }
    assert!(rest.is_empty(), "a text of N awaits");
    sites
}

/// What stands before the first tab, and what stands after it.
const fn field(text: &'static str) -> (&'static str, &'static str) {
    let mut at = 0;
    while text.as_bytes()[at] != b'\t' {
        at += 1;
    }
    let (before, after) = text.split_at(at);
    (before, after.split_at(1).1)
}

const fn number(text: &str) -> u32 {
    let (mut number, mut at) = (0, 0);
    while at < text.len() {
        number = number * 10 + (text.as_bytes()[at] - b'0') as u32;
        at += 1;
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn awaits_are_read_from_their_text() {
        const SITES: [SuspendSite; 2] =
            sites("f", "await0\tsrc/a b.rs\t41\t9\tclient.get(url)\tawait1\t\t7\t130\t“x”\t");
        assert_eq!(
            SITES[0],
            SuspendSite {
                task: "f",
                state: "await0",
                awaitee: "client.get(url)",
                file: "src/a b.rs",
                line: 41,
                column: 9
            }
        );
        assert_eq!((SITES[1].file, SITES[1].column, SITES[1].awaitee), ("", 130, "“x”"));
    }

    #[test]
    fn slots_are_named_once_and_states_point_at_them() {
        const SITES: [SuspendSite; 2] = sites("f", "await0\t\t1\t1\ta\tawait1\t\t2\t1\tb\t");
        let task = Task { name: "f", sites: &SITES, kept: "n\nn text" };
        let record = task.record("explicit", 16, 8);
        let names: Vec<&str> = record.slots.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(names, ["n", "text"]);
        assert_eq!(
            (&record.states[0].live[..], &record.states[1].live[..]),
            (&[0][..], &[0, 1][..])
        );
    }
}
