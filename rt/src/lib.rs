//! Compact work-stealing, poller-backed runtime that resumes Rust futures and ABI coroutines.
