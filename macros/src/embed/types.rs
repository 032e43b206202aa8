//! Vitte types as Rust types: those of signatures, and the structs and enums that stand for forms and
//! picks.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use std::collections::{BTreeSet, VecDeque};
use vitte_lowering::sema::hir::{Adt, AdtKind, Field, Program};
use vitte_lowering::sema::types::{AdtId, IntTy, TyId, TyKind};

/// The types of a program as Rust sees them.
pub(crate) struct Types<'a> {
    program: &'a Program,
    krate: &'a TokenStream,
    span: Span,
    /// Forms and picks that were named, and those of them that wait to be made.
    seen: BTreeSet<AdtId>,
    todo: VecDeque<AdtId>,
}

impl<'a> Types<'a> {
    /// Types with names at `span`.
    pub(crate) fn new(program: &'a Program, krate: &'a TokenStream, span: Span) -> Self {
        Types { program, krate, span, seen: BTreeSet::new(), todo: VecDeque::new() }
    }

    /// A Vitte name as a Rust one.
    pub(crate) fn ident(&self, name: &str) -> Ident {
        ident(name, self.span)
    }

    /// The Rust type.
    ///
    /// # Errors
    ///
    /// The Vitte type in it that cannot cross.
    pub(crate) fn rust(&mut self, ty: TyId) -> Result<TokenStream, String> {
        Ok(match self.program.types.kind(ty).clone() {
            TyKind::Unit | TyKind::Never => quote!(()),
            TyKind::Bool => quote!(bool),
            TyKind::Char => quote!(char),
            TyKind::String => quote!(::std::string::String),
            TyKind::Int(IntTy::I64) => quote!(i64),
            TyKind::Int(int) => {
                let name = format_ident!("{}", int.name());
                quote!(#name)
            }
            TyKind::F32 => quote!(f32),
            TyKind::F64 => quote!(f64),
            TyKind::List(t) => {
                let t = self.rust(t)?;
                quote!(::std::vec::Vec<#t>)
            }
            TyKind::Tuple(elems) if elems.len() <= 12 => {
                let elems: Vec<_> =
                    elems.into_iter().map(|t| self.rust(t)).collect::<Result<_, _>>()?;
                quote!((#(#elems,)*))
            }
            TyKind::Option(t) => {
                let t = self.rust(t)?;
                quote!(::core::option::Option<#t>)
            }
            TyKind::Result(t, e) => {
                let (t, e) = (self.rust(t)?, self.rust(e)?);
                quote!(::core::result::Result<#t, #e>)
            }
            TyKind::Adt(adt, args) => {
                if self.seen.insert(adt) {
                    self.todo.push_back(adt);
                }
                let name = self.ident(self.program.types.adt_name(adt));
                let args: Vec<_> =
                    args.into_iter().map(|t| self.rust(t)).collect::<Result<_, _>>()?;
                if args.is_empty() { quote!(#name) } else { quote!(#name<#(#args),*>) }
            }
            TyKind::Param { name, .. } => {
                let name = self.ident(&name);
                quote!(#name)
            }
            _ => return Err(self.program.types.name(ty)),
        })
    }

    /// Structs and enums for all forms and picks that were named so far.
    ///
    /// # Errors
    ///
    /// A form or pick, and the type in it that cannot cross.
    pub(crate) fn definitions(&mut self) -> Result<TokenStream, (String, String)> {
        let mut all = TokenStream::new();
        while let Some(adt) = self.todo.pop_front() {
            let data = &self.program.adts[adt.0 as usize];
            let made = match &data.kind {
                AdtKind::Form(fields) => self.form(adt, data, fields),
                AdtKind::Pick(_) => self.pick(adt, data),
            };
            all.extend(made.map_err(|what| (data.name.clone(), what))?);
        }
        Ok(all)
    }

    /// Generic parameters of a definition, and its implementations' head and bounds.
    fn generics(&self, data: &Adt) -> (TokenStream, TokenStream) {
        if data.generics.is_empty() {
            return (TokenStream::new(), TokenStream::new());
        }
        let krate = self.krate;
        let names: Vec<Ident> = data.generics.iter().map(|g| self.ident(g)).collect();
        (quote!(<#(#names),*>), quote!(<#(#names: #krate::__private::embed::Value),*>))
    }

    /// Type of a field: boxed where its type would contain itself.
    fn field(&mut self, of: AdtId, field: &Field) -> Result<TokenStream, String> {
        let ty = self.rust(field.ty)?;
        let boxed = self.contains(field.ty, of, &mut BTreeSet::new());
        Ok(if boxed { self.boxed(field.ty, ty) } else { ty })
    }

    /// Puts the box inside of an option, where it costs nothing.
    fn boxed(&mut self, ty: TyId, rust: TokenStream) -> TokenStream {
        if let TyKind::Option(inner) = *self.program.types.kind(ty)
            && let Ok(inner) = self.rust(inner)
        {
            return quote!(::core::option::Option<::std::boxed::Box<#inner>>);
        }
        quote!(::std::boxed::Box<#rust>)
    }

    /// Whether a value of a type holds a form or pick without a list between.
    fn contains(&self, ty: TyId, of: AdtId, seen: &mut BTreeSet<AdtId>) -> bool {
        match self.program.types.kind(ty) {
            TyKind::List(_) => false,
            TyKind::Adt(adt, _) if *adt == of => true,
            TyKind::Adt(adt, _) => {
                let inside = seen.insert(*adt)
                    && fields_of(&self.program.adts[adt.0 as usize])
                        .any(|f| self.contains(f.ty, of, seen));
                inside || self.program.types.parts(ty).iter().any(|&t| self.contains(t, of, seen))
            }
            _ => self.program.types.parts(ty).iter().any(|&t| self.contains(t, of, seen)),
        }
    }

    fn form(&mut self, adt: AdtId, data: &Adt, fields: &[Field]) -> Result<TokenStream, String> {
        let private = self.private();
        let (name, text) = (self.ident(&data.name), &data.name);
        let (params, bounds) = self.generics(data);
        let names: Vec<Ident> = fields.iter().map(|f| self.ident(&f.name)).collect();
        let types: Vec<_> = fields.iter().map(|f| self.field(adt, f)).collect::<Result<_, _>>()?;
        let doc = format!("The form `{text}`.");
        let docs = fields.iter().map(|f| format!("The field `{}`.", f.name));
        let (pair_type, pair) = (pairs(&types), pairs(&names));
        Ok(quote! {
            #[doc = #doc]
            #[derive(Clone, Debug, PartialEq)]
            pub struct #name #params {
                #(#[doc = #docs] pub #names: #types,)*
            }

            impl #bounds #private::Form for #name #params {
                const NAME: &'static str = #text;
                type Fields = #pair_type;

                fn into_fields(self) -> Self::Fields {
                    let Self { #(#names),* } = self;
                    #pair
                }

                fn from_fields(fields: Self::Fields) -> Self {
                    let #pair = fields;
                    Self { #(#names),* }
                }
            }

            impl #bounds #private::Value for #name #params {
                const PARTS: #private::Parts = #private::OBJECT;

                fn store(self, to: &mut #private::Writer<'_>) {
                    #private::store_form(self, to);
                }

                fn load(from: &mut #private::Reader<'_>) -> Self {
                    #private::load_form(from)
                }
            }
        })
    }

    fn pick(&mut self, adt: AdtId, data: &Adt) -> Result<TokenStream, String> {
        let AdtKind::Pick(arms) = &data.kind else { return Err(data.name.clone()) };
        let private = self.private();
        let (name, text) = (self.ident(&data.name), &data.name);
        let (params, bounds) = self.generics(data);
        let doc = format!("The pick `{text}`.");
        let variants: Vec<Ident> = arms.iter().map(|a| self.ident(&a.name)).collect();
        let docs: Vec<String> = arms.iter().map(|a| format!("The arm `{}`.", a.name)).collect();
        let mut types: Vec<Vec<TokenStream>> = vec![];
        for arm in arms {
            let fields = arm.payload.iter().map(|f| self.field(adt, f));
            types.push(fields.collect::<Result<_, _>>()?);
        }
        let payloads =
            types.iter().map(|t| if t.is_empty() { TokenStream::new() } else { quote!((#(#t),*)) });
        let definition = quote! {
            #[doc = #doc]
            #[derive(Clone, Debug, PartialEq)]
            pub enum #name #params {
                #(#[doc = #docs] #variants #payloads,)*
            }
        };
        let tags: Vec<u32> = (0..arms.len() as u32).collect();
        let unknown = format!("a `{text}` has no such arm");
        let value = if types.iter().all(Vec::is_empty) {
            quote! {
                const PARTS: #private::Parts = <i32 as #private::Value>::PARTS;

                fn store(self, to: &mut #private::Writer<'_>) {
                    let tag: u32 = match self { #(Self::#variants => #tags,)* };
                    #private::Value::store(tag, to);
                }

                fn load(from: &mut #private::Reader<'_>) -> Self {
                    match <u32 as #private::Value>::load(from) {
                        #(#tags => Self::#variants,)*
                        _ => ::core::panic!(#unknown),
                    }
                }
            }
        } else {
            let names: Vec<Vec<Ident>> = types
                .iter()
                .map(|t| (0..t.len()).map(|i| format_ident!("field{}", i)).collect())
                .collect();
            let patterns: Vec<TokenStream> = names
                .iter()
                .map(|n| if n.is_empty() { TokenStream::new() } else { quote!((#(#n),*)) })
                .collect();
            let pair: Vec<TokenStream> = names.iter().map(|n| pairs(n)).collect();
            let pair_types: Vec<TokenStream> = types.iter().map(|t| pairs(t)).collect();
            quote! {
                const PARTS: #private::Parts = #private::OBJECT;

                fn store(self, to: &mut #private::Writer<'_>) {
                    match self {
                        #(Self::#variants #patterns => {
                            #private::store_arm::<Self, #pair_types>(#tags, #pair, to);
                        })*
                    }
                }

                fn load(from: &mut #private::Reader<'_>) -> Self {
                    let arm = #private::load_pick(from);
                    match arm.tag() {
                        #(#tags => {
                            let #pair = arm.fields::<#pair_types>();
                            Self::#variants #patterns
                        })*
                        _ => ::core::panic!(#unknown),
                    }
                }
            }
        };
        let pair_types: Vec<TokenStream> = types.iter().map(|t| pairs(t)).collect();
        Ok(quote! {
            #definition

            impl #bounds #private::Pick for #name #params {
                const NAME: &'static str = #text;
                const ARMS: &'static [#private::ArmOf] =
                    &[#(#private::arm_desc::<#pair_types>()),*];
            }

            impl #bounds #private::Value for #name #params {
                #value
            }
        })
    }

    fn private(&self) -> TokenStream {
        let krate = self.krate;
        quote!(#krate::__private::embed)
    }
}

fn fields_of(data: &Adt) -> impl Iterator<Item = &Field> {
    let (fields, arms) = match &data.kind {
        AdtKind::Form(fields) => (fields.as_slice(), [].as_slice()),
        AdtKind::Pick(arms) => ([].as_slice(), arms.as_slice()),
    };
    fields.iter().chain(arms.iter().flat_map(|a| &a.payload))
}

/// `(a, (b, (c, ())))`: as many as there are, where tuples end at twelve.
pub(crate) fn pairs<T: quote::ToTokens>(list: &[T]) -> TokenStream {
    list.iter().rev().fold(quote!(()), |rest, one| quote!((#one, #rest)))
}

/// A name that Rust accepts.
pub(crate) fn ident(name: &str, span: Span) -> Ident {
    let name: String = name.chars().map(|c| if c == '.' { '_' } else { c }).collect();
    if syn::parse_str::<Ident>(&name).is_ok() {
        return Ident::new(&name, span);
    }
    match name.as_str() {
        "self" | "super" | "crate" | "Self" | "_" => format_ident!("{}_", name, span = span),
        _ if syn::parse_str::<Ident>(&format!("r#{name}")).is_ok() => Ident::new_raw(&name, span),
        _ => Ident::new("unnamed", span),
    }
}
