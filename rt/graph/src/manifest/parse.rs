//! From TOML to steps, with every mistake at its place.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use indexmap::IndexMap;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value as Json;
use toml::Spanned;

use super::{Action, Given, Manifest, Place, ProcCall, Step};
use crate::error::GraphError;
use crate::executor::TaskExecutor;
use crate::policy::OnFailure;
use crate::task::Task;

/// Threads that a run may have.
const MAX_WORKERS: usize = 1024;

/// One mistake in a manifest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mistake {
    /// The line, from 1.
    pub line: usize,
    /// The column, in characters from 1.
    pub column: usize,
    /// What is wrong, and what to write instead.
    pub message: String,
}

/// Every mistake that was found in a manifest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mistakes(pub Vec<Mistake>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for Mistake { line, column, message } in &self.0 {
            write!(f, "{separator}{line}:{column}: {message}")?;
            separator = "\n";
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawManifest {
    workers: Option<Spanned<usize>>,
    on_failure: Option<Spanned<String>>,
    #[serde(default)]
    pools: IndexMap<String, Spanned<u32>>,
    #[serde(default)]
    env: IndexMap<String, String>,
    #[serde(default, deserialize_with = "steps")]
    step: RawSteps,
}

type RawSteps = IndexMap<Spanned<String>, Spanned<RawStep>>;

/// The steps by name; says how they are written if there is something else.
fn steps<'de, D: Deserializer<'de>>(input: D) -> Result<RawSteps, D::Error> {
    struct Steps;

    impl<'de> Visitor<'de> for Steps {
        type Value = RawSteps;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a table for each step, under its name: `[step.NAME]`")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawSteps, A::Error> {
            RawSteps::deserialize(MapAccessDeserializer::new(map))
        }
    }

    input.deserialize_map(Steps)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStep {
    run: Option<Spanned<Run>>,
    vitte: Option<Spanned<PathBuf>>,
    proc: Option<Spanned<String>>,
    #[serde(default)]
    args: Vec<Spanned<toml::Value>>,
    #[serde(default)]
    after: Vec<Spanned<String>>,
    #[serde(default)]
    inputs: Vec<PathBuf>,
    #[serde(default)]
    outputs: Vec<Spanned<PathBuf>>,
    depfile: Option<PathBuf>,
    dir: Option<Spanned<PathBuf>>,
    #[serde(default)]
    env: IndexMap<Spanned<String>, String>,
    #[serde(default)]
    env_inputs: Vec<String>,
    #[serde(default)]
    retries: u32,
    timeout: Option<Spanned<String>>,
    pool: Option<Spanned<String>>,
    #[serde(default)]
    priority: i32,
    #[serde(default)]
    always: bool,
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "`run` is a command for the shell, `'cc -c a.c'`, or a list of words"
)]
enum Run {
    Line(String),
    Words(Vec<String>),
}

impl Manifest {
    /// Reads a manifest that lies in `folder`.
    ///
    /// # Errors
    ///
    /// All mistakes: what is no TOML, unknown keys, steps without an action, unknown pools and
    /// steps, two steps that make one file, times that are none, arguments where none belong; if there
    /// is none of those, steps that wait for each other in a circle.
    ///
    /// ```
    /// use vitte_graph::Manifest;
    ///
    /// let text = "[step.greet]\nrun = 'echo hello'\nafter = ['nobody']\n";
    /// let mistakes = Manifest::parse(text, ".".as_ref()).unwrap_err();
    /// assert_eq!(mistakes.to_string(), "3:10: there is no step `nobody` to come after");
    /// ```
    pub fn parse(text: &str, folder: &Path) -> Result<Self, Mistakes> {
        let raw: RawManifest = toml::from_str(text).map_err(|error| {
            let at = error.span().unwrap_or(0..0);
            Mistakes(vec![mistake(text, &at, error.message().to_owned())])
        })?;
        let mut reader = Reader { text, folder, mistakes: Vec::new() };
        let manifest = reader.manifest(raw);
        if reader.mistakes.is_empty() {
            return Ok(manifest);
        }
        reader.mistakes.sort_by_key(|m| (m.line, m.column));
        Err(Mistakes(reader.mistakes))
    }
}

fn mistake(text: &str, at: &Range<usize>, message: String) -> Mistake {
    let (line, column) = place(text, at);
    Mistake { line, column, message }
}

fn place(text: &str, at: &Range<usize>) -> Place {
    let before = text.get(..at.start).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    let line = before.matches('\n').count() + 1;
    (line, before[line_start..].chars().count() + 1)
}

struct Reader<'a> {
    text: &'a str,
    folder: &'a Path,
    mistakes: Vec<Mistake>,
}

impl Reader<'_> {
    fn wrong(&mut self, at: &Range<usize>, message: String) {
        self.mistakes.push(mistake(self.text, at, message));
    }

    fn manifest(&mut self, raw: RawManifest) -> Manifest {
        let workers = raw.workers.map(|n| {
            match *n.get_ref() {
                0 => self.wrong(&n.span(), "a graph needs at least one worker".into()),
                1..=MAX_WORKERS => {}
                _ => {
                    let text = format!("a graph has at most {MAX_WORKERS} workers");
                    self.wrong(&n.span(), text);
                }
            }
            n.into_inner()
        });
        let on_failure = raw.on_failure.map_or(OnFailure::FailFast, |s| self.on_failure(&s));
        let steps: Vec<_> =
            raw.step.into_iter().map(|(name, step)| self.step(&name, step)).collect();
        for (name, places) in &raw.pools {
            if *places.get_ref() == 0 {
                let text = format!("nothing could ever run in pool `{name}`: give it 1 or more");
                self.wrong(&places.span(), text);
            }
        }
        let names: Vec<_> = steps.iter().map(|s| s.step.name.as_str()).collect();
        let mut makers: BTreeMap<&Path, &str> = BTreeMap::new();
        let mut found = Vec::new();
        for step in &steps {
            for after in &step.after {
                if !names.contains(&after.get_ref().as_str()) {
                    let text = format!("there is no step `{}` to come after", after.get_ref());
                    found.push((after.span(), text));
                }
            }
            for (wanted, span) in &step.wanted {
                if !names.contains(&wanted.as_str()) {
                    let text = format!("there is no step `{wanted}` whose output it could be");
                    found.push((span.clone(), text));
                }
            }
            if let Some(pool) = &step.pool
                && !raw.pools.contains_key(pool.get_ref())
            {
                let name = pool.get_ref();
                let text = format!("there is no pool `{name}`: add `pools = {{ {name} = 1 }}`");
                found.push((pool.span(), text));
            }
            for (output, span) in step.step.outputs.iter().zip(&step.output_spans) {
                if let Some(other) = makers.insert(output, &step.step.name) {
                    let text = format!("step `{other}` makes this file too: let one of them do it");
                    found.push((span.clone(), text));
                }
            }
        }
        // Who reads what another makes comes after it.
        let before = |step: &Step| -> Vec<String> {
            let made = step.inputs.iter().filter_map(|input| makers.get(input.as_path()));
            made.filter(|maker| **maker != step.name).map(|m| (*m).to_owned()).collect()
        };
        let orders: Vec<_> = steps.iter().map(|s| before(&s.step)).collect();
        for (span, text) in found {
            self.wrong(&span, text);
        }
        let spans: Vec<_> = steps.iter().map(|s| s.name_span.clone()).collect();
        let steps: Vec<Step> = steps
            .into_iter()
            .zip(orders)
            .map(|(read, implied)| {
                let mut step = read.step;
                let named = read.after.into_iter().map(Spanned::into_inner);
                let wanted = read.wanted.into_iter().map(|(step, _)| step);
                for name in named.chain(implied).chain(wanted) {
                    if !step.after.contains(&name) {
                        step.after.push(name);
                    }
                }
                step
            })
            .collect();
        if self.mistakes.is_empty()
            && let Some(path) = circle(&steps)
        {
            let first = steps.iter().position(|step| step.name == path[0]).unwrap_or(0);
            let text = format!(
                "steps wait for each other in a circle: {}; drop one of these `after`, `inputs` or \
                 `output`s",
                path.join(" → ")
            );
            self.wrong(&spans[first], text);
        }
        let pools = raw.pools.into_iter().map(|(name, n)| (name, n.into_inner())).collect();
        let env = raw.env.into_iter().collect();
        Manifest { workers, on_failure, pools, env, steps }
    }

    fn on_failure(&mut self, word: &Spanned<String>) -> OnFailure {
        match word.get_ref().as_str() {
            "fail_fast" => OnFailure::FailFast,
            "skip_dependants" => OnFailure::SkipDependants,
            "continue" => OnFailure::Continue,
            other => {
                let text = format!(
                    "`{other}` is no way to go on: write \"fail_fast\", \"skip_dependants\" or \
                     \"continue\""
                );
                self.wrong(&word.span(), text);
                OnFailure::default()
            }
        }
    }

    fn step(&mut self, name: &Spanned<String>, raw: Spanned<RawStep>) -> ReadStep {
        let name_span = name.span();
        let name = name.get_ref().clone();
        let raw = raw.into_inner();
        let mut wanted = Vec::new();
        let action = match (raw.run, raw.vitte) {
            (Some(run), None) => {
                if let Some(proc) = &raw.proc {
                    let text = "a procedure needs its file: add `vitte = \"…\"`, drop `run`";
                    self.wrong(&proc.span(), text.into());
                }
                if let Some(arg) = raw.args.first() {
                    let text = "arguments of a command belong to `run`: `args` is for `vitte`";
                    self.wrong(&arg.span(), text.into());
                }
                let span = run.span();
                match run.into_inner() {
                    Run::Line(line) => Action::Shell(line),
                    Run::Words(words) => {
                        if words.is_empty() {
                            self.wrong(&span, "a command needs at least its program".into());
                        }
                        Action::Program(words)
                    }
                }
            }
            (None, Some(file)) => match raw.proc {
                Some(proc) => {
                    let misplaced = raw.dir.as_ref().map(Spanned::span);
                    let env = raw.env.keys().next().map(Spanned::span);
                    for span in misplaced.into_iter().chain(env) {
                        let text = "a procedure runs in this process: `dir` and `env` are for \
                                    commands, hand it arguments";
                        self.wrong(&span, text.into());
                    }
                    Action::Proc(self.call(&file, &proc, raw.args, &mut wanted))
                }
                None => {
                    let args = raw.args.iter().filter_map(|arg| self.word(arg)).collect();
                    Action::Vitte(self.folder.join(file.get_ref()), args)
                }
            },
            (Some(_), Some(file)) => {
                let text = "a step runs a command or a Vitte file, not both: drop `run` or `vitte`";
                self.wrong(&file.span(), text.into());
                Action::Program(Vec::new())
            }
            (None, None) => {
                let text = format!("step `{name}` does nothing: give it `run` or `vitte`");
                self.wrong(&name_span, text);
                Action::Program(Vec::new())
            }
        };
        let timeout = raw.timeout.and_then(|text| {
            let parsed = duration(text.get_ref());
            if parsed.is_none() {
                let shown = text.get_ref();
                let text_of = format!("`{shown}` is no time: write a number and ms, s, m or h");
                self.wrong(&text.span(), text_of);
            }
            parsed
        });
        let output_spans = raw.outputs.iter().map(Spanned::span).collect();
        let at = |path: &PathBuf| self.folder.join(path);
        let step = Step {
            name,
            action,
            after: Vec::new(),
            inputs: raw.inputs.iter().map(at).collect(),
            sources: Vec::new(),
            outputs: raw.outputs.iter().map(|path| at(path.get_ref())).collect(),
            depfile: raw.depfile.as_ref().map(at),
            dir: raw.dir.map_or_else(|| self.folder.to_owned(), |dir| at(dir.get_ref())),
            env: raw.env.into_iter().map(|(name, value)| (name.into_inner(), value)).collect(),
            env_inputs: raw.env_inputs,
            retries: raw.retries,
            timeout,
            pool: raw.pool.as_ref().map(|p| p.get_ref().clone()),
            priority: raw.priority,
            always: raw.always,
        };
        ReadStep { step, name_span, after: raw.after, wanted, pool: raw.pool, output_spans }
    }

    /// A procedure with its arguments; the steps whose outputs it takes go to `wanted`.
    fn call(
        &mut self,
        file: &Spanned<PathBuf>,
        proc: &Spanned<String>,
        args: Vec<Spanned<toml::Value>>,
        wanted: &mut Vec<(String, Range<usize>)>,
    ) -> ProcCall {
        let mut given = Vec::new();
        for arg in args {
            let (span, at) = (arg.span(), place(self.text, &arg.span()));
            let arg = arg.into_inner();
            if let Some(step) = output_of(&arg) {
                wanted.push((step.to_owned(), span));
                given.push((Given::Output(step.to_owned()), at));
                continue;
            }
            match json(arg) {
                Ok(value) => given.push((Given::Value(value), at)),
                Err(what) => self.wrong(&span, format!("{what} is no argument of a procedure")),
            }
        }
        ProcCall {
            file: self.folder.join(file.get_ref()),
            file_at: place(self.text, &file.span()),
            name: proc.get_ref().clone(),
            name_at: place(self.text, &proc.span()),
            args: given,
            callee: None,
        }
    }

    /// An argument of a program.
    fn word(&mut self, arg: &Spanned<toml::Value>) -> Option<String> {
        let word = arg.get_ref().as_str().map(str::to_owned);
        if word.is_none() {
            let text = "arguments of a program are strings: add quotes, or name a `proc`";
            self.wrong(&arg.span(), text.into());
        }
        word
    }
}

/// The step of `{ output = "step" }`.
fn output_of(value: &toml::Value) -> Option<&str> {
    let table = value.as_table().filter(|table| table.len() == 1)?;
    table.get("output")?.as_str()
}

/// A value as procedures take them; the name of one that they do not take.
fn json(value: toml::Value) -> Result<Json, &'static str> {
    Ok(match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(n) => n.into(),
        toml::Value::Float(n) if n.is_finite() => n.into(),
        toml::Value::Float(_) => return Err("a number that is not finite"),
        toml::Value::Boolean(b) => b.into(),
        toml::Value::Datetime(_) => return Err("a time"),
        toml::Value::Array(all) => {
            Json::Array(all.into_iter().map(json).collect::<Result<_, _>>()?)
        }
        toml::Value::Table(all) => {
            let all = all.into_iter().map(|(name, value)| Ok((name, json(value)?)));
            Json::Object(all.collect::<Result<_, _>>()?)
        }
    })
}

/// Names along a circle of steps that wait for each other; the first is also the last.
fn circle(steps: &[Step]) -> Option<Vec<String>> {
    let mut graph = TaskExecutor::new(1);
    for step in steps {
        let after: Vec<&str> = step.after.iter().map(String::as_str).collect();
        graph.add(Task::depends_on(&step.name, &after, || ()));
    }
    match graph.check() {
        Err(GraphError::Cycle { path }) => Some(path),
        _ => None,
    }
}

/// A step with the places of what must still be checked.
struct ReadStep {
    step: Step,
    name_span: Range<usize>,
    after: Vec<Spanned<String>>,
    /// Steps whose outputs it takes.
    wanted: Vec<(String, Range<usize>)>,
    pool: Option<Spanned<String>>,
    output_spans: Vec<Range<usize>>,
}

/// `"1.5s"` and the like.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(digits);
    let seconds = match unit {
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()
}
