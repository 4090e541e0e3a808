//! Runs of the peer in `plakar-peer/`, which drives the plugin as Plakar does, with the same gRPC library.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::program::{built, workspace};

/// Environment variable that makes a missing Go toolchain a failure instead of a reason to skip.
const REQUIRED: &str = "REQUIRE_PEER";

/// The built peer.
pub struct Peer {
    program: PathBuf,
}

/// Report of a run: the JSON object in the last line that the peer prints.
pub struct Outcome(Value);

impl std::fmt::Debug for Outcome {
    /// Shows the report with the first three errors only: there may be thousands.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut short = self.0.clone();
        if let Some(errors) = short["errors"].as_object() {
            short["errors"] = errors.clone().into_iter().take(3).collect();
        }
        write!(f, "{short}")
    }
}

impl Peer {
    /// Builds the peer. Returns none, and prints the reason, if there is no Go 1.25 or later.
    pub fn build() -> anyhow::Result<Option<Self>> {
        static BUILDING: Mutex<()> = Mutex::new(());
        let _building = BUILDING.lock();
        let version = Command::new("go").args(["env", "GOVERSION"]).env("GOTOOLCHAIN", "local").output();
        let version = version.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        let minor =
            version.as_ref().ok().and_then(|v| v.strip_prefix("go1.")?.split('.').next()?.parse().ok());
        if minor.is_none_or(|minor: u32| minor < 25) {
            let found = version.map_or_else(|error| error.to_string(), |version| format!("found {version}"));
            ensure!(std::env::var_os(REQUIRED).is_none(), "the peer needs Go 1.25 or later: {found}");
            println!("SKIPPED: the peer that plays Plakar needs Go 1.25 or later ({found})");
            return Ok(None);
        }
        let program = workspace().join("target/peer/plakar-peer");
        let build = Command::new("go")
            .args(["build", "-o"])
            .arg(&program)
            .arg(".")
            .current_dir(workspace().join("host-tests/plakar-peer"))
            .env("GOTOOLCHAIN", "local")
            .env("GOFLAGS", "-mod=readonly -buildvcs=false")
            .output()?;
        ensure!(build.status.success(), "{}", String::from_utf8_lossy(&build.stderr));
        Ok(Some(Self { program }))
    }

    /// Plays one run against the plugin. `flags` are for the peer, `options` are for the plugin.
    pub async fn play(&self, flags: &[&str], options: &[&str]) -> anyhow::Result<Outcome> {
        self.play_with(&built("plakar-caldav")?, flags, options).await
    }

    /// Plays one run against another copy of the program.
    pub async fn play_with(
        &self,
        plugin: &Path,
        flags: &[&str],
        options: &[&str],
    ) -> anyhow::Result<Outcome> {
        let output = tokio::process::Command::new(&self.program)
            .args(flags)
            .args(options.iter().flat_map(|option| ["-o", option]))
            .arg("--")
            .arg(plugin)
            .arg("plugin")
            .env_clear()
            .kill_on_drop(true)
            .output()
            .await?;
        // A plugin must not print: Plakar copies its standard error into the middle of its own display.
        ensure!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout)?;
        Ok(Outcome(serde_json::from_str(&text).with_context(|| format!("the peer printed {text:?}"))?))
    }
}

impl Outcome {
    /// Returns a number of the report, or -1 if there is no such number.
    #[must_use]
    pub fn figure(&self, name: &str) -> i64 {
        self.0[name].as_i64().unwrap_or(-1)
    }

    /// Returns the code of the gRPC status that ended the run; empty after success.
    #[must_use]
    pub fn code(&self) -> &str {
        self.0["code"].as_str().unwrap_or_default()
    }

    /// Returns the message of the gRPC status that ended the run; empty after success.
    #[must_use]
    pub fn message(&self) -> &str {
        self.0["message"].as_str().unwrap_or_default()
    }

    /// Returns the error that was reported for a path.
    #[must_use]
    pub fn error(&self, path: &str) -> Option<&str> {
        self.0["errors"][path].as_str()
    }

    /// Returns the number of paths with an error.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.0["errors"].as_object().map_or(0, serde_json::Map::len)
    }

    /// Returns the plugin's answer to `Init`: `origin`, `type`, `root` and `flags`.
    #[must_use]
    pub fn identity(&self) -> &Value {
        &self.0["init"]
    }

    /// Returns a measurement of the report, in milliseconds: `start` from spawning the plugin to its answer to `Init`,
    /// `played` from there to the end, `processor` for the processor time of the plugin.
    #[must_use]
    pub fn milliseconds(&self, name: &str) -> f64 {
        self.0[name].as_f64().unwrap_or(f64::NAN)
    }

    /// Fails unless the run succeeded, no path has an error, and the plugin ended by itself.
    pub fn well(self) -> anyhow::Result<Self> {
        ensure!(self.code().is_empty(), "the run ended with a status: {self:?}");
        ensure!(self.errors() == 0, "{} paths have an error: {self:?}", self.errors());
        ensure!(self.figure("exit") == 0, "the plugin did not end by itself: {self:?}");
        Ok(self)
    }

    /// Fails unless the run ended with this status, and its message contains `words`.
    pub fn ended(self, code: &str, words: &str) -> anyhow::Result<Self> {
        ensure!(self.code() == code, "the status is {:?} instead of {code:?}: {self:?}", self.code());
        ensure!(self.message().contains(words), "the message does not contain {words:?}: {}", self.message());
        Ok(self)
    }

    /// Fails unless a number of the report has this value.
    pub fn counts(self, name: &str, expected: usize) -> anyhow::Result<Self> {
        let found = self.figure(name);
        ensure!(found == i64::try_from(expected)?, "{name} is {found} instead of {expected}: {self:?}");
        Ok(self)
    }

    /// Fails unless the number of paths with an error is `paths`.
    pub fn says_about(self, paths: usize) -> anyhow::Result<Self> {
        ensure!(self.errors() == paths, "{} paths have an error instead of {paths}: {self:?}", self.errors());
        Ok(self)
    }

    /// Fails unless every record was acknowledged: Plakar waits for all acknowledgements.
    pub fn acknowledged(self) -> anyhow::Result<Self> {
        let (records, acknowledged) = (self.figure("records"), self.figure("acks"));
        ensure!(acknowledged == records, "{acknowledged} of {records} records were acknowledged: {self:?}");
        Ok(self)
    }

    /// Fails unless the error of a path contains `words`.
    pub fn says_of(self, path: &str, words: &str) -> anyhow::Result<Self> {
        let said = self.error(path).with_context(|| format!("{path} has no error: {self:?}"))?;
        ensure!(said.contains(words), "the error of {path} does not contain {words:?}: {said}");
        Ok(self)
    }

    /// Fails if the call succeeded, or if the plugin ended by itself.
    pub fn was_killed(&self) -> anyhow::Result<()> {
        ensure!(!self.code().is_empty(), "the call succeeded: {self:?}");
        ensure!(self.figure("exit") != 0, "the plugin ended by itself: {self:?}");
        Ok(())
    }
}

/// Returns the files in a folder that the peer has written, without the peer's own state.
pub fn tree(folder: &Path) -> anyhow::Result<std::collections::BTreeMap<String, Vec<u8>>> {
    let mut files = crate::program::tree(folder)?;
    files.remove(".peer.json");
    Ok(files)
}
