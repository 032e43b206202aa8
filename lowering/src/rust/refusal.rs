//! Why a function has no explicit machine, with a span and the ways out.

use proc_macro2::Span;

/// One reason.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Where it is.
    pub span: Span,
    /// What it is.
    pub message: String,
    /// What else has to do with it: where, and what happens there.
    pub notes: Vec<(Span, String)>,
    /// What to do.
    pub help: String,
    /// rustc refuses the function as well: it must not stand beside this message as it was.
    pub of_rustc_too: bool,
}

const LEAVE_OFF: &str = "leave `explicit` off: rustc's own machine takes this function as it is";

impl Refusal {
    fn new(span: Span, message: impl Into<String>, help: impl Into<String>) -> Self {
        Refusal {
            span,
            message: message.into(),
            notes: vec![],
            help: help.into(),
            of_rustc_too: false,
        }
    }

    /// The reason as one text, notes with their lines.
    pub fn text(&self) -> String {
        let mut text = self.message.clone();
        for (span, note) in &self.notes {
            text.push_str(&format!("\n  note: line {}: {note}", span.start().line));
        }
        text.push_str(&format!("\n  help: {}", self.help));
        if !self.of_rustc_too {
            text.push_str(&format!("\n  help: {LEAVE_OFF}"));
        }
        text
    }

    pub(super) fn inner_item(span: Span) -> Self {
        Self::new(
            span,
            "an item in a block of an explicit task that awaits",
            "move the item to the top of the function",
        )
    }

    pub(super) fn inner_macro(span: Span) -> Self {
        Self::new(
            span,
            "a macro by example in the body of an explicit task",
            "move the macro out of the function",
        )
    }

    pub(super) fn conditional(span: Span) -> Self {
        Self::new(
            span,
            "a part of an explicit task that may not be there: its states would depend on it",
            "ask at run time, `if cfg!(…) { … }`, or write the function twice, each under its `#[cfg]`",
        )
    }

    pub(super) fn construct(span: Span) -> Self {
        Self::new(
            span,
            "this construct cannot hold an `.await` in an explicit machine",
            "bind what is awaited first: `let value = ….await;`",
        )
    }

    pub(super) fn macro_await(span: Span) -> Self {
        Self::new(
            span,
            "an `.await` inside a macro whose arguments cannot be seen",
            "bind what is awaited first: `let value = ….await;`, and give the macro the value",
        )
    }

    pub(super) fn macro_unknown(span: Span) -> Self {
        Self::new(
            span,
            "a macro that may return, await or lend what it is given",
            "write what it does as a call of a function",
        )
    }

    pub(super) fn place_before_await(span: Span) -> Self {
        Self::new(
            span,
            "a place that is evaluated before an `.await` of the same expression and used after it",
            "bind what is awaited first: `let value = ….await;`",
        )
    }

    pub(super) fn temporary(span: Span) -> Self {
        Self::new(
            span,
            "a temporary that may have to live across an `.await`",
            "bind it first: `let value = …;`, and end it before the await where it must not last",
        )
    }

    pub(super) fn guard(span: Span) -> Self {
        Self::new(span, "an `.await` in a match guard", "await before the `match`, or in the arm")
    }

    pub(super) fn pattern(span: Span) -> Self {
        Self::new(
            span,
            "this pattern leaves a part of the value in place, where it would live across an `.await`",
            "bind every part: write a name such as `_rest` for `_`, and all fields for `..`",
        )
    }

    pub(super) fn borrow(name: &str, span: Span, wait: Option<Span>, later: Option<Span>) -> Self {
        let mut this = Self::new(
            span,
            format!("the borrow of `{name}` may live across an `.await`"),
            "end the borrow before the await: bind what is read of it first",
        );
        if name != "self" {
            this.help = format!(
                "pass `{name}` by value and get it back: `let ({name}, n) = read({name}).await`\n  help: {}",
                this.help
            );
        }
        this.notes.extend(wait.map(|s| (s, "the await that it may live across".to_owned())));
        this.notes.extend(later.map(|s| (s, format!("`{name}` is used again"))));
        this
    }

    pub(super) fn capture(name: &str, span: Span) -> Self {
        Self::new(
            span,
            format!("`{name}` is captured, and what captures it may live across an `.await`"),
            "pass it as an argument, or make the closure after the await",
        )
    }

    pub(super) fn part(name: &str, span: Span) -> Self {
        Self::new(
            span,
            format!(
                "a part of `{name}` may be moved or lent while `{name}` lives across an `.await`"
            ),
            format!("take `{name}` apart with a `let` first"),
        )
    }

    pub(super) fn maybe_moved(name: &str, span: Span) -> Self {
        Self::new(
            span,
            format!("`{name}` may or may not have been moved when the function suspends"),
            format!("move it on every way, or end its life before the await: `drop({name})`"),
        )
    }

    pub(super) fn maybe_empty(name: &str, span: Span) -> Self {
        Self::new(
            span,
            format!("`{name}` may or may not have a value when the function suspends"),
            "give it one on every way, or declare it where it gets one: `let … = …;`",
        )
    }

    pub(super) fn recursion(span: Span) -> Self {
        let mut this = Self::new(
            span,
            "an async function that awaits itself is a future inside itself, without end",
            "box the call: `Box::pin(f(n)).await`",
        );
        this.of_rustc_too = true;
        this
    }

    pub(super) fn operand(span: Span) -> Self {
        Self::new(
            span,
            "what is awaited here may hold a borrow or a temporary",
            "await a call whose arguments are locals, literals and calls",
        )
    }

    pub(super) fn signature(span: Span, what: &str) -> Self {
        Self::new(span, format!("{what} in the signature of an explicit task"), "spell it out")
    }

    pub(super) fn no_await(span: Span) -> Self {
        Self::new(span, "a function without an `.await` has no states", "write a plain function")
    }
}
