//! The attributes as functions of tokens.
