//! The coroutine ABI - status codes, context, leaf, site, the pop loop and the layout record.
