//! stub
use super::hir;
/// Prints.
pub fn print(program: &hir::Program) -> String {
    format!("{program:#?}")
}
