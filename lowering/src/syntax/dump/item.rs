//! Items.

use super::super::ast::{
    AttrArg, Attribute, ConstItem, Field, FormKind, GenericParam, GenericParamKind, Item, ItemKind,
    Param, ParamMode, PickArm, Proc, TestKind, TypeExpr, TypeItem, TypeItemKind, UseTree,
    Visibility, WhereBound,
};
use super::expr::{expr, pattern, ty, type_param};
use super::stmt::block;
use super::{Build, Node, atom, ident, node, path, quoted};

pub(super) fn item(i: &Item) -> Node {
    let found = item_kind(&i.kind);
    let visibility = match i.visibility {
        Visibility::Inherited => None,
        Visibility::Public => Some("pub"),
        Visibility::Private => Some("priv"),
        Visibility::Shared => Some("share"),
    };
    if i.attributes.is_empty() && visibility.is_none() {
        return found;
    }
    node("with")
        .all(visibility.map(atom))
        .all(i.attributes.iter().map(|a| attribute("#", a)))
        .with(found)
        .end()
}

pub(super) fn attribute(head: &str, a: &Attribute) -> Node {
    let arg = |a: &AttrArg| match (&a.name, &a.value) {
        (Some(name), Some(value)) => node("=").name(name).with(expr(value)).end(),
        (Some(name), None) => atom(ident(name)),
        (None, value) => value.as_ref().map_or_else(|| atom("_"), expr),
    };
    node(head).with(path(&a.path)).all(a.args.iter().map(arg)).end()
}

fn item_kind(kind: &ItemKind) -> Node {
    match kind {
        ItemKind::Space(name) => node("space").with(path(name)).end(),
        ItemKind::Use(found) => {
            let build = node("use").with(path(&found.path));
            match &found.tree {
                UseTree::Whole { alias } => build.maybe(alias.as_ref().map(renamed)).end(),
                UseTree::All => build.word("*").end(),
                UseTree::Names { names, all, alias } => build
                    .all(names.iter().map(|n| match &n.alias {
                        Some(alias) => node("as").name(&n.name).name(alias).end(),
                        None => node("name").name(&n.name).end(),
                    }))
                    .flag(*all, "*")
                    .maybe(alias.as_ref().map(renamed))
                    .end(),
            }
        }
        ItemKind::Export(found) => node("export")
            .flag(found.all, "*")
            .all(found.names.iter().map(|n| match &n.alias {
                Some(alias) => node("as").with(path(&n.path)).name(alias).end(),
                None => path(&n.path),
            }))
            .end(),
        ItemKind::Share(names) => node("share").all(names.iter().map(|n| atom(ident(n)))).end(),
        ItemKind::Const(found) => constant("const", found),
        ItemKind::Static(found) => constant("static", found),
        ItemKind::Proc(found) => procedure(found),
        ItemKind::Form(found) => {
            let head = match found.kind {
                FormKind::Form => "form",
                FormKind::Class => "class",
                FormKind::Union => "union",
            };
            node(head)
                .name(&found.name)
                .maybe(generics(&found.generics))
                .maybe(bounds(&found.bounds))
                .all(found.fields.iter().map(field))
                .all(found.members.iter().map(item))
                .end()
        }
        ItemKind::Pick(found) => node("pick-item")
            .name(&found.name)
            .maybe(generics(&found.generics))
            .maybe(found.repr.as_ref().map(|t| node(":").with(ty(t)).end()))
            .maybe(bounds(&found.bounds))
            .all(found.arms.iter().map(pick_arm))
            .all(found.members.iter().map(item))
            .end(),
        ItemKind::Type(found) => type_item(found),
        ItemKind::Trait(found) => node("trait")
            .flag(found.is_unsafe, "unsafe")
            .name(&found.name)
            .maybe(generics(&found.generics))
            .maybe(listed(":", &found.supers))
            .maybe(bounds(&found.bounds))
            .all(found.members.iter().map(item))
            .end(),
        ItemKind::Impl(found) => node("impl")
            .flag(found.is_unsafe, "unsafe")
            .maybe(generics(&found.generics))
            .maybe(found.of_trait.as_ref().map(|t| node("trait").with(ty(t)).end()))
            .with(node("for").with(ty(&found.ty)).end())
            .maybe(bounds(&found.bounds))
            .all(found.members.iter().map(item))
            .end(),
        ItemKind::Extern(found) => {
            node("extern").with(quoted(&found.abi)).all(found.members.iter().map(item)).end()
        }
        ItemKind::Test(found) => node(if found.kind == TestKind::Test { "test" } else { "bench" })
            .with(quoted(&found.name))
            .with(block(&found.body))
            .end(),
        ItemKind::StaticAssert { cond, message } => {
            node("static-assert").with(expr(cond)).maybe(message.as_ref().map(expr)).end()
        }
        ItemKind::Meta(found) => node("meta")
            .name(&found.word)
            .maybe(found.name.as_ref().map(|n| atom(ident(n))))
            .flag(found.body.is_some(), "{…}")
            .end(),
        ItemKind::Error => atom("<error>"),
    }
}

fn renamed(name: &super::super::ast::Ident) -> Node {
    node("as").name(name).end()
}

fn constant(head: &str, c: &ConstItem) -> Node {
    node(head)
        .flag(c.mutable, "mut")
        .name(&c.name)
        .maybe(c.ty.as_ref().map(|t| node(":").with(ty(t)).end()))
        .with(c.value.as_ref().map_or_else(|| atom("<missing>"), expr))
        .end()
}

fn listed(head: &str, types: &[TypeExpr]) -> Option<Node> {
    (!types.is_empty()).then(|| node(head).all(types.iter().map(ty)).end())
}

fn generics(params: &[GenericParam]) -> Option<Node> {
    let param = |p: &GenericParam| match &p.kind {
        GenericParamKind::Type { bounds, default } if bounds.is_empty() && default.is_none() => {
            atom(ident(&p.name))
        }
        GenericParamKind::Type { bounds, default } => node("type")
            .name(&p.name)
            .maybe(listed(":", bounds))
            .maybe(default.as_ref().map(|t| node("=").with(ty(t)).end()))
            .end(),
        GenericParamKind::Const { ty: of } => node("const").name(&p.name).with(ty(of)).end(),
        GenericParamKind::Lifetime => atom(format!("'{}", p.name.name)),
    };
    (!params.is_empty()).then(|| node("generics").all(params.iter().map(param)).end())
}

fn bounds(bounds: &[WhereBound]) -> Option<Node> {
    let bound = |b: &WhereBound| {
        node("bound")
            .with(ty(&b.subject))
            .all(b.bounds.iter().map(ty))
            .maybe(b.equals.as_ref().map(|t| node("==").with(ty(t)).end()))
            .end()
    };
    (!bounds.is_empty()).then(|| node("where").all(bounds.iter().map(bound)).end())
}

/// A procedure, or a procedure value (which has no name).
pub(super) fn procedure(p: &Proc) -> Node {
    let receiver = p.receiver.as_ref().map(|r| {
        node("self")
            .flag(r.by_ref, "&")
            .flag(r.mutable, "mut")
            .maybe(r.ty.as_ref().map(|t| node(":").with(ty(t)).end()))
            .end()
    });
    let mut build = node("proc")
        .flag(p.modifiers.is_async.is_some(), "async")
        .flag(p.modifiers.is_unsafe.is_some(), "unsafe")
        .flag(p.modifiers.is_const.is_some(), "const")
        .all(p.modifiers.others.iter().map(|w| atom(ident(w))))
        .maybe(p.modifiers.abi.as_deref().map(|abi| node("extern").with(quoted(abi)).end()));
    if !p.name.name.is_empty() {
        build = build.name(&p.name);
    }
    build
        .maybe(generics(&p.generics))
        .maybe(receiver)
        .all(p.params.iter().map(param))
        .maybe(p.result.as_ref().map(|t| node("->").with(ty(t)).end()))
        .maybe(bounds(&p.bounds))
        .maybe(
            (!p.effects.is_empty()).then(|| node("effects").all(p.effects.iter().map(path)).end()),
        )
        .maybe(p.body.as_ref().map(block))
        .end()
}

pub(super) fn param(p: &Param) -> Node {
    let mode = match p.mode {
        ParamMode::Plain => None,
        ParamMode::Mut => Some("mut"),
        ParamMode::Owned => Some("owned"),
        ParamMode::Borrow => Some("borrow"),
        ParamMode::Move => Some("move"),
        ParamMode::Ref => Some("ref"),
    };
    node("param")
        .all(mode.map(atom))
        .flag(p.variadic, "...")
        .with(pattern(&p.pattern))
        .maybe(p.ty.as_ref().map(ty))
        .maybe(p.default.as_ref().map(|e| node("=").with(expr(e)).end()))
        .end()
}

fn field(f: &Field) -> Node {
    let mut build: Build = node("field");
    build = match f.visibility {
        Visibility::Inherited => build,
        Visibility::Public | Visibility::Shared => build.word("pub"),
        Visibility::Private => build.word("priv"),
    };
    build
        .all(f.attributes.iter().map(|a| attribute("#", a)))
        .flag(f.mutable, "mut")
        .name(&f.name)
        .with(ty(&f.ty))
        .maybe(f.default.as_ref().map(|e| node("=").with(expr(e)).end()))
        .end()
}

fn pick_arm(a: &PickArm) -> Node {
    node("arm")
        .name(&a.name)
        .all(a.payload.iter().map(type_param))
        .maybe(a.tag.as_ref().map(|e| node("=").with(expr(e)).end()))
        .end()
}

fn type_item(t: &TypeItem) -> Node {
    let head = match t.kind {
        TypeItemKind::Alias => "type",
        TypeItemKind::Opaque => "opaque-type",
        TypeItemKind::Extern => "extern-type",
        TypeItemKind::Associated => "associated-type",
    };
    node(head)
        .name(&t.name)
        .maybe(generics(&t.generics))
        .maybe(listed(":", &t.bounds))
        .maybe(t.ty.as_ref().map(ty))
        .end()
}
