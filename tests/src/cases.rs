//! The cases that any lowering must get right: programs in `cases/*.vir`, run in every way there is.
//!
//! A case is a module in text form with a function called `root`. Its head comments give the
//! arguments of each variant (`; args 1, obj 7`: an object with id 7; the count of the objects is the
//! root's) and, per scenario, the trace that every runner must produce:
//!
//! ```text
//! ; run 0 cancel 1
//! ;   op0 op_wait(1)
//! ;   cancel
//! ;   op0 cancelled
//! ;   end CANCELLED
//! ```
//!
//! Scenarios of a variant: `ready` (every operation is ready at once), `pending` (every operation is
//! ready after one tick), `cancel k` (pending, cancelled at tick k, for each k), `fail k` (pending,
//! operation k fails, for each k). `UPDATE_EXPECT=1` writes what the first runner does into the files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use vitte_lowering::coroutine::{Lowered, lower};
use vitte_lowering::interp::{Behaviour, Input, Outcome, Script, run_source};
use vitte_lowering::ir::{Func, Module, Terminator, parse_module};

/// A way to run a case.
pub trait Runner {
    /// Name, for messages.
    fn name(&self) -> &'static str;
    /// Runs a function of a module under a script.
    fn run(&self, case: &Case, args: &[Input], script: &Script) -> Outcome;
}

/// The program as written, interpreted: what all other forms are compared with.
#[derive(Clone, Copy, Debug)]
pub struct Source;

impl Runner for Source {
    fn name(&self) -> &'static str {
        "source"
    }

    fn run(&self, case: &Case, args: &[Input], script: &Script) -> Outcome {
        run_source(&case.module, case.root, args, script)
    }
}

/// A case.
#[derive(Debug)]
pub struct Case {
    /// Name of the file, without extension.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// The program.
    pub module: Module,
    /// The program with its coroutines lowered.
    pub lowered: Lowered,
    /// The function to run.
    pub root: Func,
    /// Arguments per variant.
    pub variants: Vec<Vec<Input>>,
    /// Most ticks of a run; later it is left suspended.
    pub max_ticks: Option<u32>,
    /// Expected traces by scenario: `0 pending`.
    pub expected: BTreeMap<String, Vec<String>>,
    text: String,
}

/// Where the cases are.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cases")
}

/// Reads all cases, in the order of their names.
///
/// # Panics
///
/// If a file cannot be read or does not parse.
pub fn load_all() -> Vec<Case> {
    let entries = fs::read_dir(folder()).expect("the folder of cases");
    let mut paths: Vec<PathBuf> = entries.map(|e| e.expect("an entry").path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "vir"));
    paths.sort();
    paths.iter().map(|p| load(p)).collect()
}

fn load(path: &Path) -> Case {
    let text = fs::read_to_string(path).expect("a readable case");
    let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
    let module = parse_module(&text).unwrap_or_else(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        panic!("{name} does not parse:\n{}", errors.join("\n"))
    });
    let root = module.func_by_name("root").unwrap_or_else(|| panic!("{name} has no root"));
    let lowered = lower(&module).unwrap_or_else(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        panic!("{name} cannot be lowered:\n{}", errors.join("\n"))
    });
    let mut case = Case {
        name,
        path: path.to_owned(),
        module,
        lowered,
        root,
        variants: Vec::new(),
        max_ticks: None,
        expected: BTreeMap::new(),
        text: String::new(),
    };
    let mut scenario: Option<String> = None;
    for line in text.lines() {
        if let Some(args) = line.strip_prefix("; args") {
            case.variants.push(parse_args(args));
        } else if let Some(n) = line.strip_prefix("; ticks ") {
            case.max_ticks = Some(n.trim().parse().expect("a number of ticks"));
        }
        if let Some(name) = line.strip_prefix("; run ") {
            scenario = Some(name.to_string());
            case.expected.insert(name.to_string(), Vec::new());
        } else if let (Some(event), Some(s)) = (line.strip_prefix(";   "), &scenario) {
            case.expected.entry(s.clone()).or_default().push(event.to_string());
        } else {
            scenario = None;
            case.text.push_str(line);
            case.text.push('\n');
        }
    }
    assert!(!case.variants.is_empty(), "{} has no line `; args`", case.name);
    case
}

fn parse_args(text: &str) -> Vec<Input> {
    let one = |word: &str| match word.strip_prefix("obj ") {
        Some(id) => Input::Object(id.parse().expect("an id")),
        None => Input::from(word.parse::<i64>().expect("an argument")),
    };
    text.split(',').map(str::trim).filter(|w| !w.is_empty()).map(one).collect()
}

impl Case {
    fn limit(&self, mut script: Script) -> Script {
        script.max_ticks = self.max_ticks.unwrap_or(script.max_ticks);
        script
    }

    /// The scenarios of a variant, as the runner's pending run calls for.
    pub fn scenarios(&self, runner: &dyn Runner, variant: usize) -> Vec<(String, Script)> {
        let pending = self.limit(Script::pending(1));
        let outcome = runner.run(self, &self.variants[variant], &pending);
        let starts = outcome.trace.lines().iter().filter(|l| is_start(l)).count() as u32;
        let mut all = vec![
            (format!("{variant} ready"), self.limit(Script::ready())),
            (format!("{variant} pending"), pending.clone()),
        ];
        let ticks = outcome.ticks.min(self.max_ticks.unwrap_or(u32::MAX).saturating_sub(1));
        for k in 0..=ticks {
            all.push((format!("{variant} cancel {k}"), pending.clone().cancel_at(k)));
        }
        for k in 0..starts {
            let mut script = pending.clone();
            script.ops.insert(k, Behaviour { pending: 1, fails: true });
            all.push((format!("{variant} fail {k}"), script));
        }
        all
    }

    /// Scripts beyond the expected traces: all runners must agree with the source.
    pub fn further(&self) -> Vec<(String, Script)> {
        let mut all = Vec::new();
        for base in [Script::ready(), Script::pending(1), Script::pending(2)] {
            let at = format!("{} ticks", base.default.pending);
            all.push((format!("{at}, spurious resumes"), Script { spurious: 2, ..base.clone() }));
            for coop in 0..4 {
                all.push((
                    format!("{at}, coop {coop}"),
                    Script { coop: Some(coop), ..base.clone() },
                ));
            }
        }
        for seed in 0..40 {
            all.push((format!("seed {seed}"), Script::seeded(seed)));
            all.push((
                format!("seed {seed}, spurious resumes"),
                Script { spurious: 2, ..Script::seeded(seed) },
            ));
            for tick in 0..5 {
                all.push((
                    format!("seed {seed} cancel {tick}"),
                    Script::seeded(seed).cancel_at(tick),
                ));
            }
        }
        // Without its ready awaits a branch runs later, so joins may interleave otherwise; and giving way
        // does not tick then, so what never ends would run out of fuel.
        if has_joins(&self.module) || self.max_ticks.is_some() {
            all.retain(|(_, s)| s.coop.is_none());
        }
        let limit = |mut s: Script| {
            s.max_ticks = self.max_ticks.unwrap_or(s.max_ticks);
            s.fuel = 1_000_000;
            s
        };
        all.into_iter().map(|(name, s)| (name, limit(s))).collect()
    }

    /// Writes the expected traces into the file.
    ///
    /// # Panics
    ///
    /// If the file cannot be written.
    pub fn bless(&self, traces: &[(String, Vec<String>)]) {
        let mut text = self.text.trim_end().to_string();
        text.push_str("\n\n");
        for (scenario, lines) in traces {
            text.push_str("; run ");
            for line in std::iter::once(scenario).chain(lines) {
                text.push_str(line);
                text.push_str("\n;   ");
            }
            text.truncate(text.len() - ";   ".len());
        }
        fs::write(&self.path, text).expect("a writable case");
    }
}

/// Whether a line of a trace is the start of an operation: `op3 op_wait(1)`.
fn is_start(line: &str) -> bool {
    line.starts_with("op") && line.ends_with(')')
}

fn has_joins(module: &Module) -> bool {
    let mut terms = module.funcs.values().flat_map(|f| f.blocks.values()).map(|b| &b.term);
    terms.any(|t| matches!(t, Some(Terminator::Join { .. } | Terminator::Select { .. })))
}
