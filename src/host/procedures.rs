//! Procedures of Vitte files by their names, called with values whose types are known at run time only.
//!
//! In: a file and names. Out: [`Procedure`]s that run as tasks of the current runtime, take and give
//! JSON, and hand what they print to whoever calls.
//!
//! The procedures of one call of [`compile`] share one compilation, and so their statics.
//!
//! * **P1** A [`Signature`] is made of the types of the procedure that the machine was made of.
//! * **P2** The program of a call keeps the code until its last task is gone.

use super::count::drop_value;
use super::dynamic::{Shape, Shapes, describe};
use super::fault::Failure;
use super::object::ValueDesc;
use super::task::{CancelOnDrop, Print, Program, launch_alone};
use crate::__private::{Places, Reader, Writer};
use crate::driver::{self, Compilation, Language};
use crate::execute;
use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use vitte_abi::{SlotRole, VT_DONE, VT_FAULTED};
use vitte_codegen::Code;
use vitte_lowering::diagnostics::{Color, Severity, render};
use vitte_lowering::ir::Func;
use vitte_lowering::sema::hir::{self, ProcId, ProcKind};
use vitte_lowering::sema::types::{TyId, TyKind};
use vitte_rt::coroutine::FrameTask;
use vitte_rt::runtime::Handle;

/// A procedure, compiled.
#[derive(Debug)]
pub(crate) struct Procedure {
    code: Code,
    machine: Func,
    /// Where the parts of the parameters lie in its frame.
    offsets: Vec<u32>,
    signature: Signature,
}

/// What a procedure takes and gives.
#[derive(Debug)]
pub(crate) struct Signature {
    /// Names and types as the source has them.
    pub(crate) params: Vec<(String, String)>,
    /// Type of the result; of a `Result[T, E]`, `T`.
    pub(crate) result_type: String,
    shapes: Vec<Shape>,
    result: Shape,
    places: Places,
    desc: &'static ValueDesc,
}

/// The files that a program consists of, as far as they can be read.
pub(crate) fn files(path: &Path) -> Vec<PathBuf> {
    let Ok(mut compilation) = Compilation::read(path) else { return vec![path.to_owned()] };
    // What is wrong with it shows when it runs.
    drop(compilation.program());
    sources(&compilation)
}

fn sources(compilation: &Compilation) -> Vec<PathBuf> {
    let all = compilation.sources.iter().map(|(_, file)| PathBuf::from(file.path()));
    all.filter(|path| path.is_file()).collect()
}

/// Compiles a file for some of its procedures: an answer per name, and the files it is made of.
///
/// # Errors
///
/// What is wrong with the file, as text; per name, why that procedure cannot be called.
#[allow(clippy::type_complexity, reason = "an answer per name, each of which may be an error")]
pub(crate) fn compile(
    path: &Path,
    names: &[&str],
) -> Result<(Vec<Result<Arc<Procedure>, String>>, Vec<PathBuf>), String> {
    let shown = path.display();
    if Language::of(path) == Some(Language::Ir) {
        return Err(format!("`{shown}` is textual IR, which has no procedures with types"));
    }
    let mut compilation = Compilation::read(path).map_err(|e| told(&e))?;
    let Some(program) = compilation.program() else { return Err(wrong(&compilation)) };
    let chosen: Vec<_> =
        names.iter().map(|name| choose(&program, &compilation, path, name)).collect();
    let mut ids: Vec<ProcId> = chosen.iter().flatten().map(|(id, _)| *id).collect();
    // Several steps may call one procedure.
    ids.sort_unstable();
    ids.dedup();
    let built = compilation.entries(&program, &ids).map_err(|e| told(&e))?;
    let Some((module, entries)) = built else { return Err(wrong(&compilation)) };
    let unsplit = driver::lay_out(path, &module).map_err(|e| told(&e))?;
    let offsets = |func: &Func| -> Vec<u32> {
        let slots = unsplit.machines[func].slots.iter();
        slots.filter(|s| s.role == SlotRole::Param).map(|s| s.offset as u32).collect()
    };
    let offsets: Vec<_> = entries.iter().map(offsets).collect();
    let code = execute::on_demand(unsplit).map_err(|e| told(&e))?;
    let procedures = chosen.into_iter().map(|choice| {
        let (id, signature) = choice?;
        let at = ids.binary_search(&id).expect("I: an entry for each procedure");
        let (machine, offsets) = (entries[at], offsets[at].clone());
        Ok(Arc::new(Procedure { code: code.clone(), machine, offsets, signature }))
    });
    Ok((procedures.collect(), sources(&compilation)))
}

/// An error as a part of another.
fn told(error: &driver::Error) -> String {
    error.to_string().trim_start_matches("error: ").to_owned()
}

/// The errors of the frontend.
fn wrong(compilation: &Compilation) -> String {
    let errors = compilation.diagnostics.iter().filter(|d| d.severity == Severity::Error);
    let texts = errors.map(|d| render(d, &compilation.sources, Color::Plain).trim_end().to_owned());
    let texts: Vec<_> = texts.collect();
    format!("`{}` has errors\n{}", compilation.path.display(), texts.join("\n\n"))
}

/// The procedure of a name, and its signature.
fn choose(
    program: &hir::Program,
    compilation: &Compilation,
    path: &Path,
    name: &str,
) -> Result<(ProcId, Signature), String> {
    let own = || (0..).map(ProcId).zip(&program.procs).filter(|(_, p)| compilation.is_own(p.span));
    let Some((id, proc)) = own().find(|(_, proc)| proc.name == name) else {
        let is_plain = |p: &hir::Proc| p.name.chars().all(|c| c.is_alphanumeric() || c == '_');
        let names: Vec<_> =
            own().filter(|(_, p)| is_plain(p)).map(|(_, p)| format!("`{}`", p.name)).collect();
        let there = match names.as_slice() {
            [] => "none at all".to_owned(),
            names => names.join(", "),
        };
        return Err(format!("`{}` has no procedure `{name}`: there is {there}", path.display()));
    };
    let refused = |what: &str| format!("`{name}` cannot be called: {what}");
    if proc.kind == ProcKind::Stream {
        return Err(refused("it is a stream"));
    }
    if !proc.generics.is_empty() {
        return Err(refused("it is generic"));
    }
    let mut all = Shapes::of(program);
    let mut crosses = |ty: TyId| {
        let why = |ty| {
            refused(&format!(
                "values of type `{ty}` cannot cross: numbers, strings, lists, tuples, options, \
                 results, forms and picks of those can"
            ))
        };
        all.shape(ty).map_err(why)
    };
    let locals = &proc.body.locals[..proc.body.n_params as usize];
    let params = locals.iter().map(|p| (p.name.clone(), program.types.name(p.ty))).collect();
    let shapes = locals.iter().map(|p| crosses(p.ty)).collect::<Result<_, _>>()?;
    let result = crosses(proc.result)?;
    let given = match *program.types.kind(proc.result) {
        TyKind::Result(ok, _) => ok,
        _ => proc.result,
    };
    let places = result.parts().places(0);
    let (desc, result_type) = (describe(&places), program.types.name(given));
    Ok((id, Signature { params, result_type, shapes, result, places, desc }))
}

impl Procedure {
    pub(crate) fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Whether a value can be parameter `n`.
    pub(crate) fn check(&self, n: usize, value: &Json) -> Result<(), String> {
        self.signature.shapes[n].check(value)
    }

    /// Runs it as a task of the current runtime, with arguments that fit, and answers its result: an
    /// error if it panics, is cancelled or gives an `Err`.
    ///
    /// # Panics
    ///
    /// Outside of a runtime, and if memory is short.
    pub(crate) async fn call(&self, args: &[Json], print: Print) -> Result<Json, String> {
        let task = CancelOnDrop(self.start(args, print));
        let status = task.0.join().await;
        match (status, task.0.take_result()) {
            (VT_DONE, Some(result)) => self.given(result.as_ptr()),
            (VT_FAULTED, _) => {
                // SAFETY: the code is alive (P2); the payload is the task's.
                let failure = task.0.fault().map(|f| unsafe { Failure::of(f) });
                Err(failure.map_or_else(|| "unknown failure".into(), |f| format!("panicked: {f}")))
            }
            _ => Err("the procedure was cancelled".into()),
        }
    }

    fn start(&self, args: &[Json], print: Print) -> FrameTask {
        let runtime = Handle::current();
        let program = Program::printing(Some(Arc::new(self.code.clone())), print);
        let machine = self.code.machine(self.machine).expect("I: an entry is a coroutine");
        // SAFETY: the program keeps the code (P2).
        let frame = unsafe { runtime.alloc_frame(machine) };
        let frame = frame.expect("out of memory for a task");
        // SAFETY: the layout record says that the parameters of the new frame are there.
        let mut places = unsafe { Writer::new(frame.as_ptr(), &self.offsets) };
        for (shape, arg) in self.signature.shapes.iter().zip(args) {
            shape.store(arg, &mut places);
        }
        // SAFETY: the frame is complete, and what it holds is reachable from it only; the descriptor
        // is that of the result (P1).
        let task = unsafe { launch_alone(frame, program, self.signature.desc) };
        task.expect("out of memory for a task")
    }

    /// Reads a result that was taken, and releases what it holds.
    fn given(&self, result: *mut u8) -> Result<Json, String> {
        let Signature { places, desc, .. } = &self.signature;
        // SAFETY: a finished coroutine has its result there (P1), and nobody changes it.
        let mut reader = unsafe { Reader::new(result, places.offsets()) };
        let value = self.signature.result.load(&mut reader);
        // SAFETY: the result was taken, so nobody else drops it.
        unsafe { drop_value(result, desc) };
        match (&self.signature.result, value) {
            (Shape::Result(..), Json::Object(mut map)) => match map.remove("err") {
                None => Ok(map.remove("ok").unwrap_or_default()),
                Some(Json::String(text)) => Err(text),
                Some(other) => Err(other.to_string()),
            },
            (_, value) => Ok(value),
        }
    }
}
