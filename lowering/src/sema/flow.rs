//! stub
use super::body::Fx;
use super::hir;
pub(super) fn check(_fx: &mut Fx<'_, '_, '_>, _body: &hir::Body) {}
