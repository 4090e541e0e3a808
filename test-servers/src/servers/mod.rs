//! Real servers, each in a file of its own. Those in Python share a virtual environment below `target/servers`, which
//! is created on first use.

pub mod radicale;
pub mod xandikos;

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use crate::client::Client;
use crate::program::{Served, workspace};

/// A running server with the account `alice`, password `secret`.
pub trait TestServer: Served + Send + Sync {
    /// Returns the name and the version of the server, for messages.
    fn name(&self) -> &'static str;
    /// Returns the path of the account's calendar home set.
    fn home(&self) -> &'static str;
    /// Returns an HTTP client with the account's credentials, independent of the connector.
    fn client(&self) -> anyhow::Result<Client>;
    /// Returns unusual names of objects, as path segments, that the server accepts.
    fn odd_names(&self) -> &'static [&'static str];
}

/// User name of the account.
pub const USER: &str = "alice";
/// Password of the account.
pub const PASSWORD: &str = "secret";

/// Packages of the virtual environment, with exact versions.
const PACKAGES: [&str; 4] = ["radicale==3.9.0", "xandikos==0.4.10", "bcrypt==4.3.0", "cryptography==44.0.3"];

/// Returns the folder of the virtual environment, which is created if necessary. A lock makes tests that run side by
/// side wait for each other.
pub fn environment() -> anyhow::Result<PathBuf> {
    static MAKING: Mutex<()> = Mutex::new(());
    let _making = MAKING.lock();
    let folder = workspace().join("target/servers/venv");
    let done = folder.join("packages");
    let wanted = PACKAGES.join("\n");
    if std::fs::read_to_string(&done).is_ok_and(|have| have == wanted) {
        return Ok(folder);
    }
    command(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    command(
        Command::new(folder.join("bin/pip"))
            .args(["install", "--quiet", "--disable-pip-version-check"])
            .args(PACKAGES),
    )?;
    std::fs::write(done, wanted)?;
    Ok(folder)
}

fn command(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Returns a free port, for servers that do not report the port that the system has chosen. The port is below the
/// ephemeral range, so that no other process gets it before the server has started.
fn free_port() -> anyhow::Result<u16> {
    static TRIED: AtomicU32 = AtomicU32::new(0);
    (0..1000)
        .find_map(|_| {
            let number =
                std::process::id().wrapping_mul(97).wrapping_add(TRIED.fetch_add(1, Ordering::Relaxed));
            let port = u16::try_from(20_000 + number % 10_000).ok()?;
            TcpListener::bind(("127.0.0.1", port)).is_ok().then_some(port)
        })
        .context("no free port between 20000 and 30000")
}

/// Process and files of a server. Dropping it kills the process and removes the files.
pub struct Process {
    child: Child,
    /// Temporary folder with the server's configuration, data and log.
    pub folder: tempfile::TempDir,
    /// Port on 127.0.0.1 that the server listens on.
    pub port: u16,
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Process {
    /// Starts a server in a new folder and on a free port, and waits up to 60 s until it accepts connections.
    /// `prepare` gets both and returns the command.
    pub fn start(prepare: impl FnOnce(&Path, u16) -> anyhow::Result<Command>) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let port = free_port()?;
        let log = std::fs::File::create(folder.path().join("log"))?;
        let mut command = prepare(folder.path(), port)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("{command:?}"))?;
        let mut process = Self { child, folder, port };
        let until = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let log = || std::fs::read_to_string(process.folder.path().join("log")).unwrap_or_default();
            if let Some(status) = process.child.try_wait()? {
                bail!("{command:?} ended ({status}): {}", log());
            }
            ensure!(Instant::now() < until, "{command:?} does not listen: {}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(process)
    }
}
