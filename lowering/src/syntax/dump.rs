//! The tree as text: `vitte lower --emit ast`.
//!
//! One S-expression a node, its head the word or sign of the source; short ones on one line,
//! longer ones with a child a line. Names and numbers stand as they are, strings in quotes.
//! What is absent is left out, except where the place of a child tells its meaning.
//!
//! ```text
//! (proc main
//!   (-> int)
//!   (block
//!     (let x (+ 1 (await (call f)))) (value (if (< x 2) (block …) …))))
//! ```
//!
//! The output depends on the tree alone and is stable: goldens are made of it.

use std::fmt::Write as _;

use super::ast::{File, Ident, Path};

mod expr;
mod item;
mod stmt;

/// Lines are broken to stay within this many columns, where that can be done.
const WIDTH: usize = 96;

/// Writes a file's tree as text, an item a paragraph.
///
/// # Examples
///
/// ```
/// use vitte_lowering::diagnostics::{Diagnostics, SourceId};
/// use vitte_lowering::syntax;
///
/// let file = syntax::parse(SourceId(0), "const x: int = 1 + 2", &mut Diagnostics::new());
/// assert_eq!(syntax::dump(&file), "(const x (: int) (+ 1 2))\n");
/// ```
pub fn dump(file: &File) -> String {
    let mut out = String::new();
    for attribute in &file.attributes {
        let node = item::attribute("#!", attribute);
        node.write(&mut out, 0);
        out.push('\n');
    }
    for found in &file.items {
        item::item(found).write(&mut out, 0);
        out.push('\n');
    }
    out
}

/// A node of the output.
enum Node {
    Atom(String),
    List { children: Vec<Node>, flat: usize },
}

impl Node {
    /// Columns that the node takes on one line.
    fn flat(&self) -> usize {
        match self {
            Self::Atom(text) => text.chars().count(),
            Self::List { flat, .. } => *flat,
        }
    }

    fn write(&self, out: &mut String, indent: usize) {
        match self {
            Self::Atom(text) => out.push_str(text),
            Self::List { children, flat } => {
                let fits = indent + flat <= WIDTH;
                out.push('(');
                // In a broken node the head and the atoms after it stay on its line.
                let mut leads = true;
                for (nth, child) in children.iter().enumerate() {
                    leads &= matches!(child, Self::Atom(_));
                    if nth > 0 {
                        if fits || leads {
                            out.push(' ');
                        } else {
                            let _ = write!(out, "\n{}", " ".repeat(indent + 2));
                        }
                    }
                    child.write(out, indent + 2);
                }
                out.push(')');
            }
        }
    }
}

/// Collects the children of a node.
struct Build(Vec<Node>);

fn atom(text: impl Into<String>) -> Node {
    Node::Atom(text.into())
}

/// Begins a node with its head.
fn node(head: &str) -> Build {
    Build(vec![atom(head)])
}

impl Build {
    fn with(mut self, child: Node) -> Self {
        self.0.push(child);
        self
    }

    fn all(mut self, children: impl IntoIterator<Item = Node>) -> Self {
        self.0.extend(children);
        self
    }

    fn maybe(self, child: Option<Node>) -> Self {
        self.all(child)
    }

    fn word(self, text: impl Into<String>) -> Self {
        self.with(atom(text))
    }

    fn flag(self, set: bool, text: &str) -> Self {
        if set { self.word(text) } else { self }
    }

    fn name(self, name: &Ident) -> Self {
        self.word(ident(name))
    }

    fn end(self) -> Node {
        let inner: usize = self.0.iter().map(Node::flat).sum();
        Node::List { flat: inner + self.0.len() + 1, children: self.0 }
    }
}

fn ident(name: &Ident) -> String {
    if name.name.is_empty() { "<missing>".to_owned() } else { name.name.clone() }
}

fn path(path: &Path) -> Node {
    atom(path.text())
}

fn quoted(text: &str) -> Node {
    atom(format!("{text:?}"))
}
