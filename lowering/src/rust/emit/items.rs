//! The items of an expansion: its enums, and what the machine says of itself.
//!
//! ```text
//! enum __State<T0, F0> { Unresumed { n: T0 }, Await0 { future: Child<F0>, n: T0 }, Returned, Poisoned }
//! enum __At<T0> { State, Join0 { n: T0 } }
//! impl<T0, F0> States for __State<T0, F0> { const TASK; fn over; fn look; fn abandon }
//! ```
//!
//! Items have no hygiene and name nothing of the user's but locals, so they are written as text: rustc
//! reads it in a third of the instructions that an unoptimised macro needs to hand over tokens.

use super::super::{sites_text, tokens};
use super::Emitter;
use proc_macro2::TokenStream;
use std::collections::BTreeSet;

impl Emitter<'_> {
    pub(super) fn items(&self) -> TokenStream {
        let params = self.type_params();
        tokens(&format!("{}{}{}", self.states(&params), self.joins(), self.facts(&params)))
    }

    /// The parameters of the states: types of what they keep, and of what they await.
    fn type_params(&self) -> String {
        let kept = self.points().into_iter().flat_map(|(p, _)| &self.plan.awaits[p]);
        let used: BTreeSet<usize> = self.cfg.params.iter().chain(kept).copied().collect();
        let locals = used.into_iter().map(|v| format!("T{v}"));
        list(locals.chain(self.points().into_iter().map(|(p, _)| format!("F{p}"))))
    }

    fn field(&self, v: usize) -> String {
        format!("{}: T{v}", self.name(v))
    }

    fn states(&self, params: &str) -> String {
        // Before the first resume rustc drops the arguments in their order.
        let unresumed = list(self.cfg.params.iter().map(|v| self.field(*v)));
        let awaits = self.points().into_iter().map(|(p, _)| {
            let held = self.held(p);
            let fields = self.plan.awaits[p].iter().rev().map(|v| {
                if held.contains(v) {
                    format!("{}: __vitte::Child<T{v}>", self.name(*v))
                } else {
                    self.field(*v)
                }
            });
            format!("Await{p} {{ future: __vitte::Child<F{p}>, {} }}, ", list(fields))
        });
        let awaits: String = awaits.collect();
        format!(
            "enum __State<{params}> {{ Unresumed {{ {unresumed} }}, {awaits} Returned, Poisoned }}"
        )
    }

    /// The enum of what several ways lead to.
    fn joins(&self) -> String {
        if self.plan.joins.is_empty() {
            return String::new();
        }
        let carried: Vec<Vec<usize>> = self.plan.joins.keys().map(|b| self.carried(*b)).collect();
        let used: BTreeSet<&usize> = carried.iter().flatten().collect();
        let params = list(used.into_iter().map(|v| format!("T{v}")));
        let joins = carried.iter().enumerate().map(|(i, carried)| {
            format!("Join{i} {{ {} }}, ", list(carried.iter().rev().map(|v| self.field(*v))))
        });
        format!("enum __At<{params}> {{ State, {} }}", joins.collect::<String>())
    }

    /// What the machine says of itself.
    fn facts(&self, params: &str) -> String {
        let awaits = self.cfg.awaits.iter().map(|a| (a.text.as_str(), a.span));
        let names = |kept: &[usize], between: &str| {
            kept.iter().map(|v| self.name(*v).to_string()).collect::<Vec<_>>().join(between)
        };
        let kept: Vec<String> = self.plan.awaits.iter().map(|kept| names(kept, " ")).collect();
        let visits = self.points().into_iter().map(|(p, _)| {
            let kept = &self.plan.awaits[p];
            if kept.is_empty() {
                return format!("Self::Await{p} {{ .. }} => {}, ", 3 + p);
            }
            let held = self.held(p);
            let places = kept.iter().rev().fold("()".to_string(), |rest, v| {
                let name = self.name(*v);
                if held.contains(v) {
                    format!("(__vitte::Held({name}), {rest})")
                } else {
                    format!("({name}, {rest})")
                }
            });
            let names = names(kept, ", ");
            format!("Self::Await{p} {{ future: _, {names} }} => __visit.state({p}, {places}), ")
        });
        format!(
            "impl<{params}> __vitte::States for __State<{params}> {{
                const TASK: &'static __vitte::Task =
                    &__vitte::Task {{ name: {task:?}, sites: &__vitte::{sites}, kept: {kept:?} }};
                fn over(poisoned: bool) -> Self {{
                    if poisoned {{ Self::Poisoned }} else {{ Self::Returned }}
                }}
                fn look(&self, __visit: &mut __vitte::Visit<'_>) -> u32 {{
                    match self {{
                        Self::Unresumed {{ .. }} => 0,
                        Self::Returned => 1,
                        Self::Poisoned => 2,
                        {visits}
                    }}
                }}
                {abandon}
            }}",
            task = self.frame.name,
            sites = sites_text(self.frame.name, awaits),
            kept = kept.join("\n"),
            visits = visits.collect::<String>(),
            abandon = self.abandon(),
        )
    }

    /// How a state without its child is dropped.
    fn abandon(&self) -> String {
        if self.plan.stays.is_empty() {
            return String::new();
        }
        let arms = self.plan.stays.values().map(|stay| {
            let held = self.held(stay.point);
            let all = held.iter().chain(&stay.vars).map(|v| format!("{}, ", self.name(*v)));
            let gone = held.iter().map(|v| format!("__vitte::gone({}); ", self.name(*v)));
            format!(
                "Self::Await{} {{ {} future }} => {{ __vitte::gone(future); {} }} ",
                stay.point,
                all.collect::<String>(),
                gone.collect::<String>(),
            )
        });
        format!(
            "fn abandon(&mut self) {{
                match __vitte::replace(self, Self::Returned) {{
                    {}
                    other => __vitte::forget(other),
                }}
            }}",
            arms.collect::<String>(),
        )
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}
