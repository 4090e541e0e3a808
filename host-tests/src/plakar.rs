//! The real Plakar, if it is installed: from $PLAKAR or the PATH, with a temporary home.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;

use anyhow::{Context, ensure};
use tokio::process::{Child, Command};

use crate::program::{Outcome, workspace};

/// Finds a program through an environment variable or the PATH. Prints a line if there is none.
#[must_use]
pub fn find(name: &str, variable: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = || std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    let found = named.filter(|file| file.is_file()).or_else(on_path);
    if found.is_none() {
        println!("SKIPPED: {name} is neither in ${variable} nor on the PATH");
    }
    found
}

/// A Plakar with a temporary home.
pub struct Plakar {
    program: PathBuf,
    home: tempfile::TempDir,
}

impl Plakar {
    /// Finds a Plakar, and installs the package of this workspace in it. Returns none, and prints the reason, if there
    /// is no Plakar 1.1 or later.
    pub async fn install() -> anyhow::Result<Option<Self>> {
        let Some(plakar) = Self::find().await? else { return Ok(None) };
        let package = package()?;
        plakar.run(&["pkg", "create", &package.manifest, &package.version]).await?.done()?;
        plakar.run(&["pkg", "add", &format!("./{}", package.file())]).await?.done()?;
        Ok(Some(plakar))
    }

    /// Finds a Plakar without installing the package. Returns none, and prints the reason, if there is no Plakar 1.1
    /// or later.
    pub async fn find() -> anyhow::Result<Option<Self>> {
        let Some(program) = find("plakar", "PLAKAR") else { return Ok(None) };
        let plakar = Self { program, home: tempfile::Builder::new().prefix("p").tempdir()? };
        // Otherwise Plakar prints a notice in its first run.
        plakar.run(&["-disable-security-check"]).await?;
        let version = plakar.run(&["version"]).await?.out;
        let numbers: Vec<u32> = version
            .trim()
            .trim_start_matches("plakar/v")
            .split('.')
            .map_while(|number| number.parse().ok())
            .collect();
        if numbers.as_slice() < [1, 1].as_slice() {
            println!(
                "SKIPPED: {} is {}; version 1.1 or later is required",
                plakar.program.display(),
                version.trim()
            );
            return Ok(None);
        }
        Ok(Some(plakar))
    }

    /// Returns the home directory, in which Plakar keeps all of its files.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Prepares a command in the home directory, without the environment of the caller.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        let home = self.home();
        command
            .args(arguments)
            .current_dir(home)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", home)
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("XDG_CACHE_HOME", home.join("cache"))
            .env("XDG_DATA_HOME", home.join("data"))
            .env("TERM", "dumb")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Runs a command and waits for its end.
    pub async fn run(&self, arguments: &[&str]) -> anyhow::Result<Outcome> {
        finish(self.command(arguments).spawn()?).await
    }

    /// Runs a command on a store in the home directory.
    pub async fn at(&self, store: &str, arguments: &[&str]) -> anyhow::Result<Outcome> {
        let store = self.home().join(store).display().to_string();
        self.run(&[&["at", &store], arguments].concat()).await
    }
}

/// Waits for the end of a process, and returns its exit code and output.
pub async fn finish(child: Child) -> anyhow::Result<Outcome> {
    Ok(Outcome::of("plakar", &child.wait_with_output().await?))
}

/// Returns the identifier of the snapshot that a backup has made, from the last line of its output.
pub fn snapshot(backup: &Outcome) -> anyhow::Result<String> {
    let last = backup.out.lines().last().context("no output")?;
    let (snapshot, _) = last.split_once(':').context("no snapshot")?;
    ensure!(snapshot.len() == 8, "{last}");
    Ok(snapshot.to_owned())
}

/// Input of `plakar pkg create`, as `make` has built it.
pub struct Package {
    /// Path of the manifest.
    pub manifest: String,
    /// Version of this workspace with a leading `v`.
    pub version: String,
}

impl Package {
    /// Returns the file name that `plakar pkg create` gives to the package.
    #[must_use]
    pub fn file(&self) -> String {
        let system = if cfg!(target_os = "macos") { "darwin" } else { std::env::consts::OS };
        let processor = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        format!("caldav_{}_{system}_{processor}.ptar", self.version)
    }
}

/// Builds the input of the package as `plakar pkg build` does, once per process.
pub fn package() -> anyhow::Result<Package> {
    static MAKING: Mutex<bool> = Mutex::new(false);
    let mut is_made = MAKING.lock().map_err(|_| anyhow::anyhow!("make failed"))?;
    if !*is_made {
        let make = std::process::Command::new("make").arg("-C").arg(workspace()).output()?;
        ensure!(make.status.success(), "{}", String::from_utf8_lossy(&make.stderr));
        *is_made = true;
    }
    let manifest = workspace().join("manifest.yaml").display().to_string();
    Ok(Package { manifest, version: concat!("v", env!("CARGO_PKG_VERSION")).to_owned() })
}
