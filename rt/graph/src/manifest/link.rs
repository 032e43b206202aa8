//! From names of procedures to procedures, with every mistake at its place.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value as Json;

use super::parse::{Mistake, Mistakes};
use super::procs::{Linker, Procedure};
use super::{Action, Given, Manifest, Place, ProcCall};

impl Manifest {
    /// Finds the procedures that steps name, and checks their arguments. A manifest whose steps are
    /// commands needs no linker.
    ///
    /// # Errors
    ///
    /// All mistakes: files with errors, unknown procedures, arguments that are missing, too many or of
    /// another type, outputs of another type.
    pub fn link(&mut self, linker: &mut dyn Linker) -> Result<(), Mistakes> {
        let mut mistakes = Vec::new();
        let mut wanted: BTreeMap<PathBuf, Vec<usize>> = BTreeMap::new();
        for (i, step) in self.steps.iter_mut().enumerate() {
            match &step.action {
                Action::Proc(call) => wanted.entry(call.file.clone()).or_default().push(i),
                Action::Vitte(file, _) => step.sources = linker.files(file),
                _ => {}
            }
        }
        for (file, steps) in wanted {
            let names: Vec<&str> = steps.iter().map(|&i| self.call(i).name.as_str()).collect();
            let found = match linker.link(&file, &names) {
                Ok(found) => found,
                Err(message) => {
                    mistakes.push(wrong(self.call(steps[0]).file_at, message));
                    continue;
                }
            };
            for (i, found) in steps.into_iter().zip(found) {
                match found {
                    Ok(callee) => {
                        self.steps[i].sources = callee.files().to_vec();
                        self.call_mut(i).callee = Some(callee);
                    }
                    Err(message) => mistakes.push(wrong(self.call(i).name_at, message)),
                }
            }
        }
        for step in &self.steps {
            if let Action::Proc(call) = &step.action
                && let Some(callee) = &call.callee
            {
                self.check(call, &**callee, &mut mistakes);
            }
        }
        if mistakes.is_empty() {
            return Ok(());
        }
        mistakes.sort_by_key(|m: &Mistake| (m.line, m.column));
        Err(Mistakes(mistakes))
    }

    fn call(&self, step: usize) -> &ProcCall {
        let Action::Proc(call) = &self.steps[step].action else {
            unreachable!("only steps that call are looked at")
        };
        call
    }

    fn call_mut(&mut self, step: usize) -> &mut ProcCall {
        let Action::Proc(call) = &mut self.steps[step].action else {
            unreachable!("only steps that call are looked at")
        };
        call
    }

    /// Whether the arguments fit.
    fn check(&self, call: &ProcCall, callee: &dyn Procedure, mistakes: &mut Vec<Mistake>) {
        let (params, name) = (callee.params(), &call.name);
        if call.args.len() != params.len() {
            let at = call.args.get(params.len()).map_or(call.name_at, |(_, at)| *at);
            let list: Vec<_> = params.iter().map(|(name, ty)| format!("{name}: {ty}")).collect();
            let (n, list) = (call.args.len(), list.join(", "));
            mistakes.push(wrong(at, format!("`{name}` takes ({list}): `args` has {n}")));
            return;
        }
        for (i, ((given, at), (param, ty))) in call.args.iter().zip(params).enumerate() {
            let why = match given {
                Given::Value(value) => callee.check(i, value).err(),
                Given::Output(step) => match self.output_type(step) {
                    Some(found) if found != *ty => {
                        Some(format!("the output of `{step}` is a `{found}`"))
                    }
                    _ => None,
                },
            };
            if let Some(why) = why {
                let text = format!("parameter `{param}` of `{name}` is a `{ty}`: {why}");
                mistakes.push(wrong(*at, text));
            }
        }
    }

    /// Type of a step's output; `None` if it is not known, for a reason that is told elsewhere.
    fn output_type(&self, step: &str) -> Option<String> {
        match &self.steps.iter().find(|s| s.name == step)?.action {
            Action::Proc(call) => call.callee.as_ref().map(|callee| callee.result().to_owned()),
            _ => Some("string".to_owned()),
        }
    }
}

fn wrong((line, column): Place, message: String) -> Mistake {
    Mistake { line, column, message }
}

/// The linked procedure of a step.
pub(super) fn callee(call: &ProcCall) -> Option<Arc<dyn Procedure>> {
    call.callee.clone()
}

/// How the arguments are told, for the fingerprint.
pub(super) fn shown(call: &ProcCall) -> Json {
    let args = call.args.iter().map(|(given, _)| match given {
        Given::Value(value) => serde_json::json!({ "value": value }),
        Given::Output(step) => serde_json::json!({ "output": step }),
    });
    serde_json::json!({ "proc": call.name, "args": args.collect::<Vec<_>>() })
}
