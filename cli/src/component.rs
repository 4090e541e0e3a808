//! The component file: finding, loading, inspecting and compiling it.

use std::path::{Path, PathBuf};

use connector_host::Limits;
use connector_host::engine::{CodeSource, CompileTarget, Connector, EngineError};
use serde_json::json;

use crate::Exit;
use crate::output::Output;

/// The component's name; it lies beside the program.
const NAME: &str = "caldav.wasm";

/// Where the component is.
pub(crate) fn find(chosen: Option<PathBuf>) -> Result<PathBuf, String> {
    if let Some(file) = chosen {
        return Ok(file);
    }
    let program = std::env::current_exe()
        .map_err(|error| format!("cannot find this program's own folder: {error}."))?;
    let beside = program.with_file_name(NAME);
    if beside.exists() {
        Ok(beside)
    } else {
        Err(format!(
            "{} is missing. Build it with `just build`, or name another with --component.",
            beside.display()
        ))
    }
}

/// Loads the component. That it had to be compiled is said, because it is slow.
pub(crate) fn load(file: &Path, json: bool) -> Result<Connector, Exit> {
    let connector = Connector::load(file).map_err(|error| refuse(json, &error))?;
    if let CodeSource::CompiledAtLoad(why) = connector.code_source()
        && !json
    {
        eprintln!(
            "Compiled the component for this run ({why}); `plakar-caldav compile` does it once for all."
        );
    }
    Ok(connector)
}

fn refuse(json: bool, error: &EngineError) -> Exit {
    Output::new(json, false).refuse(&format!("{error}."), Exit::Configuration)
}

/// Writes the compiled file.
pub(crate) fn compile(file: &Path, portable: bool) -> Exit {
    let code_for = if portable { CompileTarget::AnyMachine } else { CompileTarget::ThisMachine };
    match Connector::compile(file, code_for) {
        Ok(compiled) => {
            println!("{}", compiled.display());
            Exit::Done
        }
        Err(error) => refuse(false, &error),
    }
}

/// Tells what is known of the component without running it.
pub(crate) fn inspect(file: &Path, json: bool) -> Exit {
    let connector = match Connector::load(file) {
        Ok(connector) => connector,
        Err(error) => return refuse(json, &error),
    };
    let limits = Limits::default();
    let code = match connector.code_source() {
        CodeSource::File(path) => format!("from {}", path.display()),
        CodeSource::CompiledAtLoad(why) => format!("compiled for this run ({why})"),
    };
    if json {
        let value = json!({
            "component": file, "sha256": connector.digest(), "code": code, "version": env!("CARGO_PKG_VERSION"),
            "imports": connector.imports(), "exports": connector.exports(), "limits": format!("{limits:?}"),
        });
        Output::new(true, false).object("component", value);
        return Exit::Done;
    }
    println!("component  {}\nsha256     {}\ncode       {code}", file.display(), connector.digest());
    for (title, names) in [("exports", connector.exports()), ("imports", connector.imports())] {
        println!("{title}");
        for name in names {
            println!("           {name}");
        }
    }
    println!(
        "limits of one job\n           {}",
        format!("{limits:#?}").lines().collect::<Vec<_>>().join("\n           ")
    );
    Exit::Done
}
