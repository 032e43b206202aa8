//! `#[vitte::main]` and `#[vitte::test]`.
//!
//! ```text
//! fn main() -> R {
//!     async fn main() -> R { the user's body }
//!     ::vitte::__private::Entry::main().workers(4).block_on(main())
//! }
//! ```

use crate::ast::{Function, facade};
use crate::attr::{self, EntryOptions};
use crate::{fallback, valid};
use proc_macro2::TokenStream;
use quote::quote;

/// Which attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Point {
    Main,
    Test,
}

pub(crate) fn expand(point: Point, options: TokenStream, item: TokenStream) -> TokenStream {
    let of_test = point == Point::Test;
    let function: Function = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(error) => return not_a_function(point, error, &item),
    };
    let attribute = if of_test { "test" } else { "main" };
    let (options, mut error) = attr::entry(options, of_test);
    if let Some(more) = valid::entry(attribute, &function) {
        match &mut error {
            Some(all) => all.combine(more),
            None => error = Some(more),
        }
    }
    match error {
        Some(error) => fallback::entry_point(&error, &function, of_test),
        None => expanded(of_test, &options, function),
    }
}

fn expanded(of_test: bool, options: &EntryOptions, function: Function) -> TokenStream {
    let krate = facade(options.krate.clone());
    let start = if of_test { quote!(test) } else { quote!(main) };
    let mut set = TokenStream::new();
    if let Some(threads) = &options.threads {
        let threads = threads.value;
        set.extend(quote!(.threads(#threads)));
    } else if of_test && options.workers.is_some() {
        set.extend(quote!(.threads(true)));
    }
    if let Some(workers) = &options.workers {
        let workers = workers.value;
        set.extend(quote!(.workers(#workers)));
    }
    if let Some(seed) = &options.seed {
        let seed = seed.value;
        set.extend(quote!(.seed(#seed)));
    } else if options.start_paused.as_ref().is_some_and(|p| p.value) && options.seeds.is_none() {
        set.extend(quote!(.seed(0)));
    }
    let Function { attrs, vis, sig, block, .. } = function;
    let (name, output) = (&sig.ident, &sig.output);
    let run = match &options.seeds {
        Some(seeds) => {
            let seeds = seeds.value;
            quote!(#krate::__private::Entry::#start() #set.seeds(#seeds).for_each_seed(#name))
        }
        None => quote!(#krate::__private::Entry::#start() #set.block_on(#name())),
    };
    let test = of_test.then(|| quote!(#[::core::prelude::v1::test]));
    let outer = attrs.iter().filter(|a| matches!(a.style, syn::AttrStyle::Outer));
    let inner = attrs.iter().filter(|a| matches!(a.style, syn::AttrStyle::Inner(_)));
    let unsafety = &sig.unsafety;
    quote! {
        #(#outer)*
        #test
        #vis #unsafety fn #name() #output {
            async fn #name() #output {
                #(#inner)*
                #block
            }
            #run
        }
    }
}

fn not_a_function(point: Point, error: syn::Error, item: &TokenStream) -> TokenStream {
    let name = if point == Point::Test { "test" } else { "main" };
    let mut error = error;
    if !item.to_string().contains("fn ") {
        let text = format!("`#[vitte::{name}]` goes on an `async fn`");
        error = syn::Error::new_spanned(item, text);
    }
    fallback::as_written(&error, item)
}
