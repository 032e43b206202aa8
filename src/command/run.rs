//! `vitte run`.

use super::{RunArgs, exit, report};
use crate::driver::Compilation;

pub(super) fn run(args: &RunArgs) -> u8 {
    let _ = (args, report::error);
    let _: Option<Compilation> = None;
    exit::ERROR
}
