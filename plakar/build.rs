//! Turns `proto/` into Rust, without the `protoc` program.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto");
    let files = protox::compile(["importer.proto", "exporter.proto"], ["proto"])?;
    // Bytes are passed on without a copy; the order of options, which may be in messages, is always the same.
    tonic_prost_build::configure()
        .bytes(".")
        .btree_map(".")
        .include_file("protocol.rs")
        .compile_fds(files)?;
    Ok(())
}
