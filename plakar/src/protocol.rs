//! Rust code that `build.rs` makes of `proto/`.

#![allow(missing_docs, unreachable_pub, clippy::pedantic, clippy::large_enum_variant)]

include!(concat!(env!("OUT_DIR"), "/protocol.rs"));
