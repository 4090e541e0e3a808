//! Tells the library which target it is built for: the one that code is compiled for when it is carried elsewhere.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-env=TARGET={}", std::env::var("TARGET")?);
    Ok(())
}
