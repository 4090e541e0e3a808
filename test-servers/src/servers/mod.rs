//! Real servers, each in a file of its own. Python ones live in one virtual environment below
//! `target/servers`, made on first use.

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

/// A server that runs, with an account `alice` / `secret`, and what tests need to know of it.
pub trait TestServer: Served + Send + Sync {
    /// Its name and version, for messages.
    fn name(&self) -> &'static str;
    /// Where the account's calendars are.
    fn home(&self) -> &'static str;
    /// A client past the connector, signed in.
    fn client(&self) -> anyhow::Result<Client>;
    /// Names of objects, as path segments, that it takes although they are odd.
    fn odd_names(&self) -> &'static [&'static str];
}

/// The account's name.
pub const USER: &str = "alice";
/// The account's password.
pub const PASSWORD: &str = "secret";

/// What the environment installs: exact versions.
const PACKAGES: [&str; 4] = ["radicale==3.9.0", "xandikos==0.4.10", "bcrypt==4.3.0", "cryptography==44.0.3"];

/// The virtual environment's folder, made if it is not there. One at a time: tests run side by side.
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

/// A port for a server that cannot say which one it got. It is below those that a system gives out by itself, so
/// that nobody else gets it before the server has started.
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

/// A server's process and its files; both go when it is dropped.
pub struct Process {
    child: Child,
    /// Its folder.
    pub folder: tempfile::TempDir,
    /// The port it listens on.
    pub port: u16,
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Process {
    /// Starts a server in a new folder, on a free port, and waits until it takes connections.
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
