//! Limits of the component: its imports, its size, and the compiled files that are used for it.

use anyhow::ensure;
use connector_host::engine::{CodeSource, CompileTarget, Connector};
use host_tests::program::{Cli, built};
use host_tests::scratch::{Scratch, files};

/// Interfaces that the component may import, by name without version.
const ALLOWED: [&str; 18] = [
    // The network, through the host.
    "wasi:http/types",
    "wasi:http/client",
    // Pauses between repetitions. This clock does not have the time of day.
    "wasi:clocks/types",
    "wasi:clocks/monotonic-clock",
    // Types only.
    "plakar:connector/types",
    // Imports of Rust's standard library, which the component does not use.
    "wasi:io/poll",
    "wasi:io/error",
    "wasi:io/streams",
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/stderr",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:cli/terminal-stderr",
];

#[test]
fn it_imports_nothing_but_http_a_clock_and_what_std_needs() -> anyhow::Result<()> {
    let connector = Connector::load(&built("caldav.wasm")?)?;
    for import in connector.imports() {
        let name = import.split('@').next().unwrap_or_default();
        ensure!(ALLOWED.contains(&name), "{import} is not on the list");
    }
    for export in ["plakar:connector/source@0.2.0", "plakar:connector/destination@0.2.0"] {
        ensure!(connector.exports().iter().any(|name| name == export), "{export} is missing");
    }
    ensure!(
        connector.exports().iter().any(|name| name.starts_with("wasi:cli/run@0.3")),
        "wasi:cli/run is missing"
    );
    Ok(())
}

#[test]
fn it_is_small() -> anyhow::Result<()> {
    for (name, most) in [("caldav-backup.wasm", 720 << 10), ("caldav.wasm", 1000 << 10)] {
        let size = std::fs::metadata(built(name)?)?.len();
        println!("{name} has {size} bytes");
        ensure!(size <= most, "{name}: {size} bytes");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_one_that_only_backs_up_does_that_and_refuses_to_write() -> anyhow::Result<()> {
    const OBJECTS: usize = 70;
    let scratch = Scratch::new(&[("work", OBJECTS)]).await?;
    let component = built("caldav-backup.wasm")?.display().to_string();
    let with_component = |cli: Cli| cli.flag("--component").flag(component.clone()).json();
    with_component(scratch.backup()).succeeds().await?.counts("new", files(1, OBJECTS))?;
    drop(scratch.server.take_requests());
    with_component(scratch.restore()).exits(1).await?.says("only backs up")?;
    ensure!(scratch.server.take_requests().is_empty(), "a request was sent");
    Ok(())
}

#[test]
fn a_compiled_file_is_used_only_for_the_component_it_was_made_from() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let wasm = folder.path().join("caldav.wasm");
    std::fs::copy(built("caldav.wasm")?, &wasm)?;
    let origin = || Connector::load(&wasm).map(|connector| connector.code_source().clone());
    ensure!(matches!(origin()?, CodeSource::CompiledAtLoad(_)));
    let compiled = Connector::compile(&wasm, CompileTarget::ThisMachine)?;
    ensure!(origin()? == CodeSource::File(compiled.clone()));
    // A file compiled for all machines of this architecture is used on this machine too.
    ensure!(Connector::compile(&wasm, CompileTarget::AnyMachine)? == compiled);
    ensure!(origin()? == CodeSource::File(compiled.clone()));
    // With one more custom section, it is another component.
    let mut other = std::fs::read(&wasm)?;
    other.extend([0, 2, 1, b'x']);
    std::fs::write(&wasm, other)?;
    ensure!(matches!(origin()?, CodeSource::CompiledAtLoad(why) if why.contains("another component")));
    // A truncated file, and one that is not a compiled component.
    std::fs::copy(built("caldav.wasm")?, &wasm)?;
    let whole = std::fs::read(&compiled)?;
    for content in [&whole[..60], b"hello"] {
        std::fs::write(&compiled, content)?;
        ensure!(matches!(origin()?, CodeSource::CompiledAtLoad(_)));
    }
    Ok(())
}
