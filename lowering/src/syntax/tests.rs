//! Tests of the lexer and parser.

mod corpus;
