//! `vitte test`.

use super::{TestArgs, exit, report};
use crate::driver::Compilation;

pub(super) fn run(args: &TestArgs) -> u8 {
    let _ = (args, report::error);
    let _: Option<Compilation> = None;
    exit::ERROR
}
