//! Procedures of Vitte files as steps: what whoever compiles them must offer.
//!
//! In: files and names of procedures, from a manifest. Out: [`Procedure`]s, which say what they take
//! and give, and run on the runtime that the graph runs on. This crate knows no compiler: `vitte`
//! hands a [`Linker`] to [`Manifest::link`](super::Manifest::link).

use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value as Json;

/// Compiles Vitte files for a manifest.
pub trait Linker {
    /// Compiles `file` and finds procedures in it: an answer per name, in their order.
    ///
    /// # Errors
    ///
    /// What is wrong with the file; per name, why that procedure cannot be a step.
    fn link(&mut self, file: &Path, names: &[&str]) -> Result<Vec<Found>, String>;

    /// The files that a program consists of, as far as they can be read; itself at least.
    fn files(&mut self, file: &Path) -> Vec<PathBuf>;
}

/// A procedure, or why there is none.
pub type Found = Result<Arc<dyn Procedure>, String>;

/// A procedure that a step can call.
pub trait Procedure: fmt::Debug + Send + Sync {
    /// Names and types of its parameters, as Vitte writes them.
    fn params(&self) -> &[(String, String)];

    /// Type of what it gives; of a `Result[T, E]`, which fails the step if it is an error, `T`.
    fn result(&self) -> &str;

    /// The files that its program consists of.
    fn files(&self) -> &[PathBuf];

    /// Whether a value can be parameter `n`.
    ///
    /// # Errors
    ///
    /// What is wanted, and what there is.
    fn check(&self, n: usize, value: &Json) -> Result<(), String>;

    /// Runs it on the current runtime with arguments that fit. If the future is dropped, its task is
    /// asked to cancel.
    fn call(self: Arc<Self>, args: Vec<Json>, printed: Printed) -> Call;
}

/// A procedure under way: its result, or the message of its failure.
pub type Call = Pin<Box<dyn Future<Output = Result<Json, String>> + Send>>;

/// Where a step's output goes, in the order of arrival. Cheap to clone.
#[derive(Clone, Default, Debug)]
pub struct Printed(Arc<Mutex<Vec<u8>>>);

impl Printed {
    /// Appends what was printed.
    pub fn push(&self, bytes: &[u8]) {
        self.0.lock().extend_from_slice(bytes);
    }

    /// All so far; bytes that are no UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock()).into_owned()
    }
}
