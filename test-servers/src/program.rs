//! The program under test: the built executable beside the built component.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::ensure;
use tokio::process::Command;

pub use crate::outcome::Outcome;

/// A server that the program can connect to.
pub trait Served {
    /// Returns the address of the server, as a location.
    fn location(&self) -> String;
    /// Returns the options that the program needs besides the credentials, such as `insecure=true`.
    fn options(&self) -> Vec<String>;
    /// Returns the user name and the password; none if the server does not require a sign-in.
    fn credentials(&self) -> Option<(&str, &str)>;
}

/// A run of the program that has not started.
#[derive(Clone, Debug)]
pub struct Cli {
    location: String,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Cli {
    /// Prepares a run on a server, with the server's options and credentials.
    #[must_use]
    pub fn new(server: &(impl Served + ?Sized)) -> Self {
        let mut cli = Self::at(&server.location());
        for option in server.options() {
            cli = cli.flag("-o").flag(option);
        }
        match server.credentials() {
            Some((name, password)) => {
                cli.variable("CALDAV_USERNAME", name).variable("CALDAV_PASSWORD", password)
            }
            None => cli,
        }
    }

    /// Prepares a run on a location, without any option.
    #[must_use]
    pub fn at(location: &str) -> Self {
        Self { location: location.to_owned(), arguments: Vec::new(), environment: Vec::new() }
    }

    /// Makes the command `backup LOCATION FOLDER`.
    #[must_use]
    pub fn backup(self, folder: &Path) -> Self {
        let location = self.location.clone();
        self.command(["backup".to_owned(), location, folder.display().to_string()])
    }

    /// Makes the command `restore FOLDER LOCATION`.
    #[must_use]
    pub fn restore(self, folder: &Path) -> Self {
        let location = self.location.clone();
        self.command(["restore".to_owned(), folder.display().to_string(), location])
    }

    /// Makes the command `diff FOLDER LOCATION`.
    #[must_use]
    pub fn diff(self, folder: &Path) -> Self {
        let location = self.location.clone();
        self.command(["diff".to_owned(), folder.display().to_string(), location])
    }

    /// Makes the command `check LOCATION`.
    #[must_use]
    pub fn check(self) -> Self {
        let location = self.location.clone();
        self.command(["check".to_owned(), location])
    }

    /// Makes the command `calendars LOCATION`.
    #[must_use]
    pub fn calendars(self) -> Self {
        let location = self.location.clone();
        self.command(["calendars".to_owned(), location])
    }

    fn command<const N: usize>(mut self, words: [String; N]) -> Self {
        self.arguments.splice(0..0, words);
        self
    }

    /// Adds `-o NAME=VALUE`.
    #[must_use]
    pub fn option(self, name: &str, value: impl Display) -> Self {
        self.flag("-o").flag(format!("{name}={value}"))
    }

    /// Adds a flag, or the value of one.
    #[must_use]
    pub fn flag(mut self, flag: impl Into<String>) -> Self {
        self.arguments.push(flag.into());
        self
    }

    /// Adds `--json`.
    #[must_use]
    pub fn json(self) -> Self {
        self.flag("--json")
    }

    /// Sets an environment variable. The program does not inherit any others.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Returns the command line as a user would type it.
    #[must_use]
    pub fn line(&self) -> String {
        format!("plakar-caldav {}", self.arguments.join(" "))
    }

    /// Runs the program and waits for its end.
    pub async fn run(&self) -> anyhow::Result<Outcome> {
        Ok(Outcome::of(&self.arguments.join(" "), &self.process()?.output().await?))
    }

    /// Runs the program. Fails unless the exit code is 0.
    pub async fn succeeds(&self) -> anyhow::Result<Outcome> {
        self.exits(0).await
    }

    /// Runs the program. Fails unless the exit code is `code`.
    pub async fn exits(&self, code: i32) -> anyhow::Result<Outcome> {
        self.run().await?.exited(code)
    }

    /// Returns the command, ready to spawn, for runs that are interrupted.
    pub fn process(&self) -> anyhow::Result<Command> {
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        let environment: Vec<(&str, &str)> =
            self.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        command(&arguments, &environment)
    }
}

/// Returns the root folder of the workspace.
#[must_use]
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

/// Returns the path of a file that `just build` makes.
///
/// # Errors
///
/// Fails if the file does not exist.
pub fn built(name: &str) -> anyhow::Result<PathBuf> {
    let file = workspace().join("target/release").join(name);
    ensure!(file.exists(), "{} is missing. Run `just build`", file.display());
    Ok(file)
}

/// Runs the program with these arguments and only these environment variables.
pub async fn run(arguments: &[&str], environment: &[(&str, &str)]) -> anyhow::Result<Outcome> {
    Ok(Outcome::of(&arguments.join(" "), &command(arguments, environment)?.output().await?))
}

/// Returns a command for the program, ready to spawn, with only these environment variables.
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

/// Backs a server up with the command line, and returns the files of the backup.
pub async fn backed_up(server: &(impl Served + ?Sized)) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let scratch = tempfile::tempdir()?;
    let folder = scratch.path().join("backup");
    Cli::new(server).backup(&folder).succeeds().await?;
    tree(&folder)
}

/// Returns every file below a folder, relative paths to contents, except the index `.mirror.*`.
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
