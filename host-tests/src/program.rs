//! The program under test: the built executable, beside the built component.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, ensure};
use serde_json::Value;
use tokio::process::Command;

use crate::servers::{PASSWORD, TestServer, USER};

/// The workspace's folder.
#[must_use]
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

/// A file that `just build` makes.
pub fn built(name: &str) -> anyhow::Result<PathBuf> {
    let file = workspace().join("target/release").join(name);
    ensure!(file.exists(), "{} is missing: run `just build` first", file.display());
    Ok(file)
}

/// What a run came to.
#[derive(Debug)]
pub struct Outcome {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Outcome {
    /// The objects that `--json` printed.
    #[must_use]
    pub fn objects(&self) -> Vec<Value> {
        self.out.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The last object, which is the summary.
    pub fn summary(&self) -> anyhow::Result<Value> {
        let last = self.objects().pop().with_context(|| format!("no output: {self:?}"))?;
        ensure!(last["type"] == "summary", "the last line is no summary: {last}");
        ensure!(
            last["exit"] == self.code,
            "the summary says {} and the exit code is {}",
            last["exit"],
            self.code
        );
        Ok(last)
    }
}

/// Runs the program. Nothing of the caller's environment reaches it.
pub async fn run(arguments: &[&str], environment: &[(&str, &str)]) -> anyhow::Result<Outcome> {
    let output = command(arguments, environment)?.output().await?;
    Ok(Outcome {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// The program, ready to be started.
pub fn command(arguments: &[&str], environment: &[(&str, &str)]) -> anyhow::Result<Command> {
    let mut command = Command::new(built("plakar-caldav")?);
    command
        .args(arguments)
        .env_clear()
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    Ok(command)
}

/// What the command line backs up from a server.
pub async fn backed_up(server: &dyn TestServer) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let scratch = tempfile::tempdir()?;
    let folder = scratch.path().join("backup");
    let (location, target, options) = (server.location(), folder.display().to_string(), server.options());
    let options = options.iter().flat_map(|option| ["-o", option.as_str()]);
    let arguments: Vec<&str> = ["backup", &location, &target].into_iter().chain(options).collect();
    let outcome = run(&arguments, &[("CALDAV_USERNAME", USER), ("CALDAV_PASSWORD", PASSWORD)]).await?;
    ensure!(outcome.code == 0, "{outcome:?}");
    tree(&folder)
}

/// Every file below a folder but the index: relative path and bytes.
pub fn tree(folder: &Path) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in std::fs::read_dir(&at)? {
            let path = entry?.path();
            let relative = path.strip_prefix(folder)?.to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if !relative.starts_with(".mirror.") {
                files.insert(relative, std::fs::read(&path)?);
            }
        }
    }
    Ok(files)
}
