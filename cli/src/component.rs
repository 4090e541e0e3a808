//! The component file: finding, loading, inspecting and compiling it.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use connector_host::Limits;
use connector_host::engine::{CodeSource, CompileTarget, Connector};
use serde_json::json;

use crate::output::Output;

/// Name of the component's file, in the folder of the program.
const NAME: &str = "caldav.wasm";

/// Returns the component to run: the chosen one, or the one beside the program.
pub(crate) fn find(chosen: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    if let Some(file) = chosen {
        return Ok(file);
    }
    let program = std::env::current_exe().context("cannot find the folder of this program")?;
    let beside = program.with_file_name(NAME);
    ensure!(
        beside.exists(),
        "{} is missing. Build it with `just build`, or name another with --component",
        beside.display()
    );
    Ok(beside)
}

/// Loads the component, and prints if it had to be compiled, because that is slow.
pub(crate) fn load(file: &Path, output: Output) -> anyhow::Result<Connector> {
    let connector = Connector::load(file)?;
    if let CodeSource::CompiledAtLoad(why) = connector.code_source()
        && !output.json
    {
        eprintln!(
            "Compiled the component for this run ({why}). `plakar-caldav compile` compiles it once for all runs."
        );
    }
    Ok(connector)
}

/// Writes the compiled file, and prints its name.
pub(crate) fn compile(file: &Path, portable: bool) -> anyhow::Result<()> {
    let code_for = if portable { CompileTarget::AnyMachine } else { CompileTarget::ThisMachine };
    let compiled = Connector::compile(file, code_for)?;
    println!("{}", compiled.display());
    Ok(())
}

/// Prints what is known of the component without running it.
pub(crate) fn inspect(file: &Path, json: bool) -> anyhow::Result<()> {
    let connector = Connector::load(file)?;
    let code = match connector.code_source() {
        CodeSource::File(path) => format!("from {}", path.display()),
        CodeSource::CompiledAtLoad(why) => format!("compiled for this run ({why})"),
    };
    if json {
        print_json(file, &connector, &code);
    } else {
        print_text(file, &connector, &code);
    }
    Ok(())
}

fn print_json(file: &Path, connector: &Connector, code: &str) {
    let value = json!({
        "component": file, "sha256": connector.digest(), "code": code, "version": env!("CARGO_PKG_VERSION"),
        "imports": connector.imports(), "exports": connector.exports(),
        "limits": format!("{:?}", Limits::default()),
    });
    Output::new(true, false).print_object("component", value);
}

fn print_text(file: &Path, connector: &Connector, code: &str) {
    println!("component  {}\nsha256     {}\ncode       {code}", file.display(), connector.digest());
    print_list("exports", connector.exports().iter().map(String::as_str));
    print_list("imports", connector.imports().iter().map(String::as_str));
    print_list("limits of one job", format!("{:#?}", Limits::default()).lines());
}

fn print_list<'a>(title: &str, items: impl Iterator<Item = &'a str>) {
    println!("{title}");
    for item in items {
        println!("           {item}");
    }
}
