//! Canonical numbering of a function.
//!
//! Passes leave instructions that stand in no block and values that nothing defines. After
//! [`Function::compact`] instructions are numbered in the order in which they stand, values in the
//! order of their definitions (parameters of a block, then its results), and nothing else is left:
//! the form in which printing and parsing give an equal function back.

use super::entity::{EntityVec, Inst, Value};
use super::function::{Function, ValueDef};

impl Function {
    /// Renumbers instructions and values in the order of the blocks and drops those without a place.
    ///
    /// Blocks, slots and suspend points keep their numbers. A use of a value that nothing defines
    /// becomes a use of one that does not exist, which the verifier reports.
    pub fn compact(&mut self) {
        let mut values = EntityVec::new();
        let mut insts = EntityVec::new();
        let mut map: EntityVec<Value, Option<Value>> =
            (0..self.values.len()).map(|_| None).collect();
        for block in self.blocks.keys() {
            let mut params = std::mem::take(&mut self.blocks[block].params);
            for (n, v) in (0u32..).zip(&mut params) {
                if let Some(data) = self.values.get(*v) {
                    let mut data = data.clone();
                    data.def = ValueDef::Param(block, n);
                    let new = values.push(data);
                    map[*v] = Some(new);
                    *v = new;
                }
            }
            self.blocks[block].params = params;
            let mut order = std::mem::take(&mut self.blocks[block].insts);
            for inst in &mut order {
                let Some(data) = self.insts.get_mut(*inst) else { continue };
                let new: Inst = insts.next_key();
                let mut data = data.clone();
                for (n, v) in (0u32..).zip(&mut data.results) {
                    if let Some(value) = self.values.get(*v) {
                        let mut value = value.clone();
                        value.def = ValueDef::Inst(new, n);
                        let new = values.push(value);
                        map[*v] = Some(new);
                        *v = new;
                    }
                }
                insts.push(data);
                *inst = new;
            }
            self.blocks[block].insts = order;
        }
        let lookup = |v: Value| map.get(v).copied().flatten().unwrap_or(Value::from_u32(u32::MAX));
        for data in insts.values_mut() {
            data.kind.map_uses(lookup);
        }
        for block in self.blocks.values_mut() {
            if let Some(term) = &mut block.term {
                term.map_uses(lookup);
            }
        }
        self.values = values;
        self.insts = insts;
    }
}
