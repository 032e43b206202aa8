//! What `use` makes visible.

use super::items::{Cx, Def};
use super::std as library;
use crate::diagnostics::{Diagnostic, Span};
use crate::syntax::ast;
use ::std::collections::BTreeMap;

impl<'a> Cx<'a, '_> {
    /// Finds what a path of a use or type names: module, then item in it.
    fn find_module(&self, from: u32, segments: &[ast::Ident]) -> Option<Def> {
        let text = segments.iter().map(|s| s.name.as_str()).collect::<Vec<_>>().join("/");
        if let Some(name) = text.strip_prefix("std/").or_else(|| text.strip_prefix("vitte/std/")) {
            return library::module(name).map(Def::StdModule);
        }
        if let Some(&id) = self.modules[from as usize].links.get(&text) {
            return Some(Def::Module(id));
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
            Def::Module(id) => {
                let module = &self.modules[id as usize];
                module.names.get(module.exports.get(name)?).copied()
            }
            Def::StdModule(std) => library::member(std, name).map(Def::Std).or_else(|| {
                library::TYPE_NAMES.iter().find(|ty| **ty == name).map(|ty| Def::StdType(ty))
            }),
            _ => None,
        }
    }

    /// Notes what a module shows to others: what `export` and `share` name, and items marked so.
    pub(super) fn exports(&mut self, module: u32, items: &'a [ast::Item]) {
        let mut exports = BTreeMap::new();
        let mut one = |inside: &str, outside: &str| {
            exports.insert(outside.to_owned(), inside.to_owned());
        };
        for item in items {
            match &item.kind {
                ast::ItemKind::Export(export) => {
                    if export.all {
                        self.modules[module as usize].names.keys().for_each(|name| one(name, name));
                    }
                    for name in &export.names {
                        let Some(inside) = name.path.segments.last() else { continue };
                        one(&inside.name, &name.alias.as_ref().unwrap_or(inside).name);
                    }
                }
                ast::ItemKind::Share(names) => names.iter().for_each(|n| one(&n.name, &n.name)),
                kind => {
                    let seen = matches!(
                        item.visibility,
                        ast::Visibility::Public | ast::Visibility::Shared
                    );
                    if let (true, Some(name)) = (seen, item_name(kind)) {
                        one(&name.name, &name.name);
                    }
                }
            }
        }
        self.modules[module as usize].exports = exports;
    }

    /// Whether a module has a name that it does not export.
    pub(super) fn is_hidden(&self, module: Def, name: &str) -> bool {
        match module {
            Def::Module(id) => {
                let module = &self.modules[id as usize];
                module.names.contains_key(name) && !module.exports.contains_key(name)
            }
            _ => false,
        }
    }

    /// Reports a name that a module keeps for itself.
    pub(super) fn hidden_name(&mut self, key: &'static str, name: &str, span: Span) {
        self.diags.push(
            Diagnostic::error(key, format!("`{name}` is not exported"))
                .at(span, "its module has this name for itself")
                .help(format!("write `export {name}` in the file that declares it")),
        );
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
                    None if self.hides(module, parent, &last.name) => {
                        self.hidden_name("SEMA_E_UNRESOLVED_USE", &last.name, path.span);
                        (Def::Error, alias.as_ref().unwrap_or(last))
                    }
                    None => {
                        self.unresolved_use(&path.text(), path.span);
                        (Def::Error, alias.as_ref().unwrap_or(last))
                    }
                }
            }
            (ast::UseTree::All, Some(Def::Module(from))) => {
                let from = &self.modules[from as usize];
                let names: Vec<(String, Def)> = from
                    .exports
                    .iter()
                    .filter_map(|(name, inside)| Some((name.clone(), *from.names.get(inside)?)))
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
                        None if self.is_hidden(parent, &name.name.name) => {
                            let (name, span) = (&name.name.name, name.name.span);
                            self.hidden_name("SEMA_E_UNRESOLVED_USE", name, span);
                            Def::Error
                        }
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

    fn hides(&self, from: u32, parent: &[ast::Ident], name: &str) -> bool {
        self.find_module(from, parent).is_some_and(|parent| self.is_hidden(parent, name))
    }

    fn unresolved_use(&mut self, text: &str, span: Span) {
        self.diags.push(
            Diagnostic::error("SEMA_E_UNRESOLVED_USE", format!("there is no `{text}` to use"))
                .at(span, "no module of the program or of std has this name")
                .note("modules of std: net, io, time, fs, task, string, list, math")
                .help("check the spelling; the file of a module `a/b` is `a/b.vit`, or `b.vit` beside this one"),
        );
    }
}

/// The name that an item declares.
pub(super) fn item_name(kind: &ast::ItemKind) -> Option<&ast::Ident> {
    match kind {
        ast::ItemKind::Proc(item) => Some(&item.name),
        ast::ItemKind::Form(item) => Some(&item.name),
        ast::ItemKind::Pick(item) => Some(&item.name),
        ast::ItemKind::Type(item) => Some(&item.name),
        ast::ItemKind::Trait(item) => Some(&item.name),
        ast::ItemKind::Const(item) | ast::ItemKind::Static(item) => Some(&item.name),
        _ => None,
    }
}
