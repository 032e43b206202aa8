//! Options of the attributes.
//!
//! In: the tokens in an attribute's parentheses. Out: options with their spans. Every mistake is
//! told, and each message lists what is valid.

use proc_macro2::{Span, TokenStream};
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Error, Expr, ExprLit, Ident, Lit, Path, Token};

/// An option's value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Given<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

/// `name` or `name = value`.
struct Setting {
    name: Ident,
    value: Option<Expr>,
}

impl Parse for Setting {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = input.call(syn::ext::IdentExt::parse_any)?;
        let value = match input.parse::<Option<Token![=]>>()? {
            Some(_) => Some(input.parse()?),
            None => None,
        };
        Ok(Setting { name, value })
    }
}

/// Parses the list, answers its settings and how it is malformed, if it is.
fn settings(options: TokenStream, valid: &str) -> Result<Vec<Setting>, Error> {
    Punctuated::<Setting, Token![,]>::parse_terminated
        .parse2(options)
        .map(|list| list.into_iter().collect())
        .map_err(|e| Error::new(e.span(), format!("malformed options ({e}); {valid}")))
}

/// How an entry point runs.
#[derive(Default)]
pub(crate) struct EntryOptions {
    pub(crate) workers: Option<Given<usize>>,
    pub(crate) threads: Option<Given<bool>>,
    pub(crate) seed: Option<Given<u64>>,
    pub(crate) seeds: Option<Given<u64>>,
    pub(crate) start_paused: Option<Given<bool>>,
    pub(crate) krate: Option<Path>,
}

/// Reads the options of an entry point; `of_test` allows `seeds`.
pub(crate) fn entry(options: TokenStream, of_test: bool) -> (EntryOptions, Option<Error>) {
    let names = if of_test {
        "the options are `workers`, `flavor`, `seed`, `seeds`, `start_paused` and `crate`"
    } else {
        "the options are `workers`, `flavor`, `seed`, `start_paused` and `crate`"
    };
    let mut out = EntryOptions::default();
    let mut errors = Errors::default();
    let list = match settings(options, names) {
        Ok(list) => list,
        Err(e) => return (out, Some(e)),
    };
    for Setting { name, value } in list {
        let span = name.span();
        match name.to_string().as_str() {
            "workers" => {
                let what = "`workers` takes a number of threads, at least 1: `workers = 4`";
                let n = errors.take(number(&name, value.as_ref(), what));
                if let Some(0) = n {
                    errors.push(Error::new(span, what));
                }
                let n = n.filter(|n| *n > 0).map(|n| n as usize);
                errors.set(&mut out.workers, n, span, "workers");
            }
            "flavor" => {
                let threads = errors.take(flavor(&name, value.as_ref()));
                errors.set(&mut out.threads, threads, span, "flavor");
            }
            "seed" => {
                let what = "`seed` takes a whole number: `seed = 7`";
                let n = errors.take(number(&name, value.as_ref(), what));
                errors.set(&mut out.seed, n, span, "seed");
            }
            "seeds" if of_test => {
                let what = "`seeds` takes how many seeds to try, at least 1: `seeds = 20`";
                let n = errors.take(number(&name, value.as_ref(), what));
                if let Some(0) = n {
                    errors.push(Error::new(span, what));
                }
                errors.set(&mut out.seeds, n.filter(|n| *n > 0), span, "seeds");
            }
            "seeds" => {
                errors.push(Error::new(span, "`seeds` is for tests; `main` runs once: use `seed`"));
            }
            "start_paused" => {
                let paused = errors.take(boolean(&name, value.as_ref()));
                errors.set(&mut out.start_paused, paused, span, "start_paused");
            }
            "crate" => out.krate = errors.take(krate(&name, value.as_ref())),
            other => {
                errors.push(Error::new(span, format!("unknown option `{other}`; {names}")));
            }
        }
    }
    errors.conflicts(&out);
    (out, errors.0)
}

/// Which machine a task asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Cautious,
    Explicit,
    Native,
    Jit,
}

/// Reads the options of a task.
pub(crate) fn task(options: TokenStream) -> (Form, Option<Path>, Option<Error>) {
    let names = "the options are `explicit`, `native`, `jit` and `crate = path`";
    let (mut form, mut path) = (None, None);
    let mut errors = Errors::default();
    let list = match settings(options, names) {
        Ok(list) => list,
        Err(e) => return (Form::Cautious, None, Some(e)),
    };
    for Setting { name, value } in list {
        let asked = match name.to_string().as_str() {
            "explicit" => Form::Explicit,
            "native" => Form::Native,
            "jit" => Form::Jit,
            "crate" => {
                path = errors.take(krate(&name, value.as_ref()));
                continue;
            }
            other => {
                let text = format!("unknown option `{other}`; {names}");
                errors.push(Error::new(name.span(), text));
                continue;
            }
        };
        if value.is_some() {
            errors.push(Error::new(name.span(), format!("`{name}` takes no value")));
        }
        match form {
            Some(before) if before == asked => {
                errors.push(Error::new(name.span(), format!("`{name}` is given twice")));
            }
            Some(_) => {
                let text = "`explicit`, `native` and `jit` exclude each other; leave all off to let \
                            the macro choose";
                errors.push(Error::new(name.span(), text));
            }
            None => form = Some(asked),
        }
    }
    (form.unwrap_or(Form::Cautious), path, errors.0)
}

/// Several errors as one.
#[derive(Default)]
struct Errors(Option<Error>);

impl Errors {
    fn push(&mut self, error: Error) {
        match &mut self.0 {
            Some(all) => all.combine(error),
            None => self.0 = Some(error),
        }
    }

    fn take<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|e| self.push(e)).ok()
    }

    fn set<T>(&mut self, to: &mut Option<Given<T>>, value: Option<T>, span: Span, name: &str) {
        if to.is_some() {
            self.push(Error::new(span, format!("`{name}` is given twice")));
        } else if let Some(value) = value {
            *to = Some(Given { value, span });
        }
    }

    fn conflicts(&mut self, o: &EntryOptions) {
        if let (Some(_), Some(seeds)) = (&o.seed, &o.seeds) {
            self.push(Error::new(seeds.span, "`seed` and `seeds` exclude each other"));
        }
        let virtual_time = o.seed.as_ref().map(|s| s.span).or(o.seeds.as_ref().map(|s| s.span));
        if let (Some(flavor), Some(_)) = (&o.threads, virtual_time) {
            let text = "a seeded run has virtual workers only: `flavor` has no meaning beside a \
                        seed; leave it off";
            self.push(Error::new(flavor.span, text));
        }
        if let (Some(Given { value: false, .. }), Some(workers)) = (&o.threads, &o.workers) {
            let text = "a current-thread runtime has no workers: leave `workers` off, or use \
                        `flavor = \"multi_thread\"`";
            self.push(Error::new(workers.span, text));
        }
    }
}

fn number(name: &Ident, value: Option<&Expr>, what: &str) -> syn::Result<u64> {
    match value {
        Some(Expr::Lit(ExprLit { lit: Lit::Int(n), .. })) => {
            n.base10_parse().map_err(|_| Error::new(n.span(), what))
        }
        Some(other) => Err(Error::new_spanned(other, what)),
        None => Err(Error::new(name.span(), what)),
    }
}

fn boolean(name: &Ident, value: Option<&Expr>) -> syn::Result<bool> {
    let what = format!("`{name}` takes `true` or `false`");
    match value {
        Some(Expr::Lit(ExprLit { lit: Lit::Bool(b), .. })) => Ok(b.value),
        Some(other) => Err(Error::new_spanned(other, what)),
        None => Err(Error::new(name.span(), what)),
    }
}

fn flavor(name: &Ident, value: Option<&Expr>) -> syn::Result<bool> {
    let what = "`flavor` takes \"multi_thread\" or \"current_thread\"";
    match value {
        Some(Expr::Lit(ExprLit { lit: Lit::Str(s), .. })) => match s.value().as_str() {
            "multi_thread" => Ok(true),
            "current_thread" => Ok(false),
            _ => Err(Error::new(s.span(), what)),
        },
        Some(other) => Err(Error::new_spanned(other, what)),
        None => Err(Error::new(name.span(), what)),
    }
}

fn krate(name: &Ident, value: Option<&Expr>) -> syn::Result<Path> {
    let what = "`crate` takes the path of vitte: `crate = my_vitte`";
    match value {
        Some(Expr::Path(p)) if p.qself.is_none() => Ok(p.path.clone()),
        Some(Expr::Lit(ExprLit { lit: Lit::Str(s), .. })) => {
            s.parse().map_err(|_| Error::new(s.span(), what))
        }
        Some(other) => Err(Error::new_spanned(other, what)),
        None => Err(Error::new(name.span(), what)),
    }
}
