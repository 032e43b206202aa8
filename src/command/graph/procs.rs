//! Vitte procedures as steps: what the manifest asks for, by the compiler and the host.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value as Json;
use vitte_graph::manifest::{Call, Found, Linker, Printed, Procedure};

use crate::host::procedures;

/// Compiles the files that steps name.
pub(super) struct Compiler;

impl Linker for Compiler {
    fn link(&mut self, file: &Path, names: &[&str]) -> Result<Vec<Found>, String> {
        let (found, files) = procedures::compile(file, names)?;
        let files: Arc<[PathBuf]> = files.into();
        let found = found.into_iter().map(|one| -> Found {
            let files = Arc::clone(&files);
            one.map(|procedure| Arc::new(Step { procedure, files }) as _)
        });
        Ok(found.collect())
    }

    fn files(&mut self, file: &Path) -> Vec<PathBuf> {
        procedures::files(file)
    }
}

/// A procedure that steps call.
#[derive(Debug)]
struct Step {
    procedure: Arc<procedures::Procedure>,
    files: Arc<[PathBuf]>,
}

impl Procedure for Step {
    fn params(&self) -> &[(String, String)] {
        &self.procedure.signature().params
    }

    fn result(&self) -> &str {
        &self.procedure.signature().result_type
    }

    fn files(&self) -> &[PathBuf] {
        &self.files
    }

    fn check(&self, n: usize, value: &Json) -> Result<(), String> {
        self.procedure.check(n, value)
    }

    fn call(self: Arc<Self>, args: Vec<Json>, printed: Printed) -> Call {
        Box::pin(async move {
            let print = Arc::new(move |bytes: &[u8]| printed.push(bytes));
            self.procedure.call(&args, print).await
        })
    }
}
