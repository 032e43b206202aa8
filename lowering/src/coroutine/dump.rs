//! What each pass makes of a module, as text; and control-flow graphs for Graphviz.

use super::order::CallOrder;
use super::{LowerError, Pipeline, collapse, lower, simplify_by};
use crate::FrameAbi;
use crate::ir::{EdgeKind, EntityRef, Func, Function, Module, Terminator};
use std::fmt::Write;
use std::str::FromStr;

/// A pass of the transform, in order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Pass {
    /// Coroutines that are none are gone.
    Collapse,
    /// Recursion is boxed, suspend points are dense.
    Prepare,
    /// Edges of suspends have blocks of their own.
    Normalise,
    /// Suspends that cannot be told apart are one.
    Merge,
    /// Cheap values are recomputed.
    Rematerialise,
    /// What is live across each suspend point.
    Live,
    /// Where it lies: the layout records.
    Layout,
    /// The machines.
    Split,
}

impl Pass {
    /// All passes, in order.
    pub const ALL: [Pass; 8] = [
        Pass::Collapse,
        Pass::Prepare,
        Pass::Normalise,
        Pass::Merge,
        Pass::Rematerialise,
        Pass::Live,
        Pass::Layout,
        Pass::Split,
    ];

    /// Name, as filetests and dumps write it.
    pub fn name(self) -> &'static str {
        match self {
            Pass::Collapse => "collapse",
            Pass::Prepare => "prepare",
            Pass::Normalise => "normalise",
            Pass::Merge => "merge",
            Pass::Rematerialise => "remat",
            Pass::Live => "live",
            Pass::Layout => "layout",
            Pass::Split => "split",
        }
    }
}

impl FromStr for Pass {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = || Pass::ALL.map(Pass::name).join(", ");
        Pass::ALL
            .into_iter()
            .find(|p| p.name() == name)
            .ok_or_else(|| format!("there is no pass `{name}`; the passes are {}", known()))
    }
}

/// Runs the transform up to and including `pass` on a verified module and prints what it has then:
/// IR after the passes that change the IR, else what was found out.
///
/// # Errors
///
/// Those of [`lower`].
pub fn dump(module: &Module, pass: Pass) -> Result<String, Vec<LowerError>> {
    match pass {
        Pass::Collapse => {
            let mut module = module.clone();
            collapse::collapse(&mut module);
            Ok(module.to_string())
        }
        Pass::Prepare | Pass::Normalise | Pass::Merge | Pass::Rematerialise => {
            let mut module = module.clone();
            collapse::collapse(&mut module);
            let order = CallOrder::new(&module);
            for &func in &order.callees_first {
                let mut body = module.funcs[func].clone();
                for p in Pass::ALL.into_iter().take_while(|p| *p <= pass) {
                    simplify_by(p, &module, &order, func, &mut body);
                }
                module.funcs[func] = body;
            }
            Ok(module.to_string())
        }
        Pass::Live => Pipeline::run(module, &FrameAbi::host()).map(|p| live(&p)),
        Pass::Layout => {
            let lowered = lower(module)?;
            let records: Vec<String> = lowered.machines.values().map(ToString::to_string).collect();
            Ok(records.join("\n"))
        }
        Pass::Split => Ok(lower(module)?.module.to_string()),
    }
}

/// What is live across each suspend point of each coroutine.
fn live(pipeline: &Pipeline) -> String {
    let mut out = String::new();
    for c in &pipeline.coroutines {
        let _ = writeln!(out, "{} \"{}\"", c.func, c.body.name);
        for (point, data) in c.body.suspends.iter() {
            let _ = write!(out, "  {point} \"{}\":", data.name);
            for &slot in &c.live.slots_across[point] {
                let _ = write!(out, " {}", called(slot, &c.body.slots[slot].name));
            }
            for &v in &c.live.values_across[point] {
                let _ = write!(out, " {}", called(v, &c.body.values[v].name));
                if pipeline.layouts[&c.func].homes.contains_key(&v) {
                    out.push_str("(home)");
                }
            }
            out.push('\n');
        }
        let resident: Vec<String> =
            c.live.resident.iter().map(|&s| called(s, &c.body.slots[s].name)).collect();
        let _ = writeln!(out, "  in the frame: {}", resident.join(" "));
    }
    out
}

fn called(entity: impl EntityRef, name: &str) -> String {
    if name.is_empty() { entity.to_string() } else { format!("{entity} \"{name}\"") }
}

/// The control-flow graph of a function in the language of Graphviz: blocks that suspend are
/// double-framed, unwind edges dashed.
pub fn dot(module: &Module, func: Func) -> String {
    let f = &module.funcs[func];
    let mut out = String::new();
    let _ = writeln!(out, "digraph \"{}\" {{", escape(&f.name));
    out.push_str("  node [shape=box, fontname=monospace];\n");
    for (block, data) in f.blocks.iter() {
        let Some(term) = &data.term else { continue };
        let suspends = if term.suspend_point().is_some() { ", peripheries=2" } else { "" };
        let n = data.insts.len();
        let label = format!("{block}\\n{n} instructions\\n{}", escape(&last_line(f, term)));
        let _ = writeln!(out, "  {block} [label=\"{label}\"{suspends}];");
        term.for_each_target(|edge, kind| {
            let style = match kind {
                EdgeKind::Normal => "",
                EdgeKind::Other => " [style=dotted]",
                EdgeKind::Unwind => " [style=dashed, color=red]",
            };
            let _ = writeln!(out, "  {block} -> {}{style};", edge.block);
        });
    }
    out.push_str("}\n");
    out
}

fn last_line(f: &Function, term: &Terminator) -> String {
    let word = match term {
        Terminator::Jump(_) => "jump",
        Terminator::Br { .. } => "br",
        Terminator::Switch { .. } => "switch",
        Terminator::Call { .. } => "call",
        Terminator::Await { .. } => "await",
        Terminator::Yield { .. } => "yield",
        Terminator::Join { .. } => "join",
        Terminator::Select { .. } => "select",
        Terminator::Return(_) => "return",
        Terminator::Fault { .. } => "fault",
        Terminator::Unwind(_) => "unwind",
        Terminator::Unreachable => "unreachable",
    };
    match term.suspend_point() {
        Some(point) => format!("{word} {}", called(point, &f.suspends[point].name)),
        None => word.to_owned(),
    }
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
