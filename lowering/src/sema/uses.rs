//! What `use` makes visible.

use super::items::{Cx, Def};
use super::std as library;
use crate::diagnostics::{Diagnostic, Span};
use crate::syntax::ast;

impl<'a> Cx<'a, '_> {
    /// Finds what a path of a use or type names: module, then item in it.
    fn find_module(&self, from: u32, segments: &[ast::Ident]) -> Option<Def> {
        let text = segments.iter().map(|s| s.name.as_str()).collect::<Vec<_>>().join("/");
        if let Some(name) = text.strip_prefix("std/").or_else(|| text.strip_prefix("vitte/std/")) {
            return library::module(name).map(Def::StdModule);
        }
        if let Some(&id) = self.spaces.get(&text) {
            return Some(Def::Module(id));
        }
        // A name in the folder of this space.
        let (folder, _) = self.modules[from as usize].space.rsplit_once('/')?;
        self.spaces.get(&format!("{folder}/{text}")).map(|&id| Def::Module(id))
    }

    /// Finds a member of a module.
    pub(super) fn module_member(&self, module: Def, name: &str) -> Option<Def> {
        match module {
            Def::Module(id) => self.modules[id as usize].names.get(name).copied(),
            Def::StdModule(std) => library::member(std, name).map(Def::Std).or_else(|| {
                library::TYPE_NAMES.iter().find(|ty| **ty == name).map(|ty| Def::StdType(ty))
            }),
            _ => None,
        }
    }

    /// Binds the names of a `use` in its module.
    pub(super) fn resolve_use(&mut self, module: u32, item: &'a ast::Use) {
        let path = &item.path;
        let Some(last) = path.segments.last() else { return };
        let whole = self.find_module(module, &path.segments);
        let (def, bound) = match (&item.tree, whole) {
            (ast::UseTree::Whole { alias }, Some(def)) => (def, alias.as_ref().unwrap_or(last)),
            (ast::UseTree::Whole { alias }, None) => {
                let parent = &path.segments[..path.segments.len() - 1];
                let found = self
                    .find_module(module, parent)
                    .and_then(|parent| self.module_member(parent, &last.name));
                match found {
                    Some(def) => (def, alias.as_ref().unwrap_or(last)),
                    None => {
                        self.unresolved_use(&path.text(), path.span);
                        (Def::Error, alias.as_ref().unwrap_or(last))
                    }
                }
            }
            (ast::UseTree::All, Some(Def::Module(from))) => {
                let names: Vec<(String, Def)> = self.modules[from as usize]
                    .names
                    .iter()
                    .map(|(name, def)| (name.clone(), *def))
                    .collect();
                for (name, def) in names {
                    self.modules[module as usize].names.entry(name).or_insert(def);
                }
                return;
            }
            (ast::UseTree::All, Some(Def::StdModule(std))) => {
                for (name, what) in library::members(std) {
                    let names = &mut self.modules[module as usize].names;
                    names.entry((*name).to_owned()).or_insert(Def::Std(*what));
                }
                return;
            }
            (ast::UseTree::Names { names, all, .. }, Some(parent)) => {
                for name in names {
                    let bound = name.alias.as_ref().unwrap_or(&name.name);
                    let def = match self.module_member(parent, &name.name.name) {
                        Some(def) => def,
                        None => {
                            let text = format!("{}.{}", path.text(), name.name.name);
                            self.unresolved_use(&text, name.name.span);
                            Def::Error
                        }
                    };
                    self.bind(module, bound, def);
                }
                if *all {
                    self.unsupported("`*` among the names of a use", path.span);
                }
                return;
            }
            (tree, _) => {
                self.unresolved_use(&path.text(), path.span);
                if let ast::UseTree::Names { names, .. } = tree {
                    for name in names {
                        self.bind(module, name.alias.as_ref().unwrap_or(&name.name), Def::Error);
                    }
                }
                return;
            }
        };
        self.bind(module, bound, def);
    }

    fn unresolved_use(&mut self, text: &str, span: Span) {
        self.diags.push(
            Diagnostic::error("SEMA_E_UNRESOLVED_USE", format!("there is no `{text}` to use"))
                .at(span, "no module of the program or of std has this name")
                .note("modules of std: net, io, time, fs, task, string, list, math")
                .help("check the spelling, and that the file with that `space` is given, too"),
        );
    }
}
