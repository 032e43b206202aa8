//! Joins several definitions of one value into SSA form again.
//!
//! In: a function and, for some values, further definitions that stand for the same variable. Out:
//! the same function in which every use sees the definition that reaches it, with block parameters
//! where several meet.
//!
//! Parameters are placed at the iterated dominance frontier of the definitions, pruned to blocks
//! into which the variable is live; then each use climbs the dominator tree to its definition,
//! remembering the answer for the blocks on the way. Cost: the size of the variables' live ranges.
//!
//! Source: Cytron, Ferrante, Rosen, Wegman, Zadeck, "Efficiently Computing Static Single Assignment
//! Form" (1991); frontiers after Cooper, Harvey, Kennedy, "A Simple, Fast Dominance Algorithm" (2001).

use super::values::def_blocks;
use crate::ir::cfg::Cfg;
use crate::ir::{Block, BlockArg, EntityVec, Function, Terminator, Value};
use std::collections::{BTreeMap, BTreeSet};

/// One variable: the blocks of its definitions.
#[derive(Default)]
struct Variable {
    /// Definition that is in force at the end of these blocks.
    defs: BTreeMap<Block, Value>,
    uses: BTreeSet<Block>,
}

/// Repairs `f`: `variables` maps a value to its further definitions. Answers the parameters it has
/// added, each with the value that it stands for.
pub(crate) fn repair(
    f: &mut Function,
    variables: &BTreeMap<Value, Vec<Value>>,
) -> BTreeMap<Value, Value> {
    let mut added = BTreeMap::new();
    if variables.is_empty() {
        return added;
    }
    let cfg = Cfg::new(f);
    let homes = def_blocks(f);
    let mut vars: BTreeMap<Value, Variable> = BTreeMap::new();
    for (&v, extra) in variables {
        let var = vars.entry(v).or_default();
        for def in std::iter::once(v).chain(extra.iter().copied()) {
            if let Some(block) = homes[def].filter(|&b| cfg.is_reachable(b)) {
                var.defs.insert(block, def);
            }
        }
    }
    for (block, data) in f.blocks.iter().filter(|(b, _)| cfg.is_reachable(*b)) {
        let mut note = |v: Value| {
            if let Some(var) = vars.get_mut(&v)
                && homes[v] != Some(block)
            {
                var.uses.insert(block);
            }
        };
        data.insts.iter().for_each(|&i| f.insts[i].kind.for_each_use(&mut note));
        data.term.iter().for_each(|t| t.for_each_use(&mut note));
    }
    let frontiers = frontiers(f, &cfg);
    let mut reaching: EntityVec<Block, Vec<(Value, Value)>> =
        f.blocks.keys().map(|_| Vec::new()).collect();
    for (&v, var) in &mut vars {
        let params = rename(f, &cfg, &frontiers, v, var, &mut reaching);
        added.extend(params.into_values().map(|param| (param, v)));
    }
    for block in f.blocks.keys() {
        if reaching[block].is_empty() {
            continue;
        }
        let map: BTreeMap<Value, Value> = reaching[block].iter().copied().collect();
        let at = |v: Value| map.get(&v).copied().unwrap_or(v);
        for inst in f.blocks[block].insts.clone() {
            f.insts[inst].kind.map_uses(at);
        }
        if let Some(term) = &mut f.blocks[block].term {
            term.map_uses(at);
        }
    }
    added
}

/// Places the parameters of one variable and finds what reaches each of its uses.
fn rename(
    f: &mut Function,
    cfg: &Cfg,
    frontiers: &EntityVec<Block, Vec<Block>>,
    v: Value,
    var: &mut Variable,
    reaching: &mut EntityVec<Block, Vec<(Value, Value)>>,
) -> BTreeMap<Block, Value> {
    let live = live_blocks(cfg, var);
    let mut params: BTreeMap<Block, Value> = BTreeMap::new();
    let mut work: Vec<Block> = var.defs.keys().copied().collect();
    while let Some(block) = work.pop() {
        for &join in &frontiers[block] {
            if live.contains(&join) && !params.contains_key(&join) {
                let ty = f.value_type(v);
                let param = f.add_block_param(join, ty);
                f.values[param].name = f.values[v].name.clone();
                f.values[param].span = f.values[v].span;
                params.insert(join, param);
                work.push(join);
            }
        }
    }
    let mut entry: BTreeMap<Block, Value> = params.clone();
    for &block in &var.uses {
        let def = at_entry(cfg, var, &mut entry, block);
        reaching[block].push((v, def));
    }
    for &join in params.keys() {
        let preds: Vec<_> = cfg.pred_edges(join).to_vec();
        for edge in preds {
            if !cfg.is_reachable(edge.from) {
                continue;
            }
            let def = at_end(cfg, var, &mut entry, edge.from);
            let term = f.blocks[edge.from].term.as_mut().expect("I: blocks are complete");
            add_arg(term, edge.index as usize, def);
        }
    }
    params
}

fn add_arg(term: &mut Terminator, edge: usize, v: Value) {
    term.targets_mut()[edge].args.push(BlockArg::Value(v));
}

/// Definition in force at the end of a block.
fn at_end(cfg: &Cfg, var: &Variable, entry: &mut BTreeMap<Block, Value>, block: Block) -> Value {
    match var.defs.get(&block) {
        Some(&def) => def,
        None => at_entry(cfg, var, entry, block),
    }
}

/// Definition in force at the start of a block: climbs the dominator tree.
fn at_entry(cfg: &Cfg, var: &Variable, entry: &mut BTreeMap<Block, Value>, block: Block) -> Value {
    let mut path = Vec::new();
    let mut at = block;
    let found = loop {
        if let Some(&known) = entry.get(&at) {
            break known;
        }
        path.push(at);
        at = cfg.idom(at).expect("I: a definition dominates each use");
        if let Some(&def) = var.defs.get(&at) {
            break def;
        }
    };
    for block in path {
        entry.insert(block, found);
    }
    found
}

/// Blocks the variable is live into.
fn live_blocks(cfg: &Cfg, var: &Variable) -> BTreeSet<Block> {
    let mut live = BTreeSet::new();
    let mut work: Vec<Block> = var.uses.iter().copied().collect();
    while let Some(block) = work.pop() {
        if live.insert(block) {
            work.extend(cfg.preds(block).filter(|p| !var.defs.contains_key(p)));
        }
    }
    live
}

/// Dominance frontier of each reachable block.
fn frontiers(f: &Function, cfg: &Cfg) -> EntityVec<Block, Vec<Block>> {
    let mut out: EntityVec<Block, Vec<Block>> = f.blocks.keys().map(|_| Vec::new()).collect();
    for join in cfg.rpo() {
        if cfg.preds(join).len() < 2 {
            continue;
        }
        let idom = cfg.idom(join);
        for pred in cfg.preds(join).filter(|&p| cfg.is_reachable(p)) {
            let mut runner = Some(pred);
            while runner != idom {
                let Some(block) = runner else { break };
                if out[block].last() != Some(&join) {
                    out[block].push(join);
                }
                runner = cfg.idom(block);
            }
        }
    }
    out
}
