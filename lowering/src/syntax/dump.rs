//! The tree as text.

use super::ast::File;

/// Writes a file's tree as text.
pub fn dump(file: &File) -> String {
    format!("{file:#?}")
}
