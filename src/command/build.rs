//! `vitte build`.

use super::{BuildArgs, exit, report};
use crate::driver::Compilation;

pub(super) fn run(args: &BuildArgs) -> u8 {
    let _ = (args, report::error);
    let _: Option<Compilation> = None;
    exit::ERROR
}
