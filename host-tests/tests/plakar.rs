//! The real Plakar with the package installed, against real servers and the fake one. Without a Plakar, each test
//! prints a line and succeeds. `just test-plakar` runs these tests.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use dav_model::{Reply, Request, object};
use host_tests::certificates::issue;
use host_tests::fake::Fake;
use host_tests::plakar::{self, Plakar, finish, package};
use host_tests::program::{Cli, Outcome, Served, tree};
use host_tests::scratch::entries;
use host_tests::servers::radicale::Radicale;
use host_tests::servers::xandikos::Xandikos;
use host_tests::servers::{PASSWORD, TestServer, USER};
use host_tests::{program, seed};
use tokio::io::AsyncWriteExt;

/// Runs a command, and prints it with its exit code and the last four lines of its output.
async fn show(plakar: &Plakar, arguments: &[&str]) -> anyhow::Result<Outcome> {
    let outcome = plakar.run(arguments).await?;
    let home = plakar.home().display().to_string();
    println!("$ plakar {}", arguments.join(" ").replace(&home, "~"));
    let lines: Vec<&str> = outcome.out.lines().chain(outcome.err.lines()).collect();
    for line in &lines[lines.len().saturating_sub(4)..] {
        println!("  {}", line.replace(&home, "~"));
    }
    println!("  [exit code {}]", outcome.code);
    Ok(outcome)
}

/// Runs `source add` or `destination add` for a server.
async fn add(
    plakar: &Plakar,
    what: &str,
    name: &str,
    location: &str,
    options: &[String],
) -> anyhow::Result<()> {
    let location =
        if location.starts_with("http") { format!("caldav://{location}") } else { location.to_owned() };
    let account = [format!("username={USER}"), format!("password={PASSWORD}")];
    let options: Vec<&str> = account.iter().chain(options).map(String::as_str).collect();
    show(plakar, &[&[what, "add", name, &location], options.as_slice()].concat()).await?.done()?;
    Ok(())
}

async fn add_fake(plakar: &Plakar, fake: &Fake) -> anyhow::Result<()> {
    let options = ["insecure=true".to_owned(), "retries=0".to_owned()];
    add(plakar, "source", "cal", &fake.url(), &options).await?;
    add(plakar, "destination", "cal", &fake.url(), &options).await?;
    plakar.at("store", &["create", "-plaintext"]).await?.done()?;
    Ok(())
}

fn bodies(requests: &[Request]) -> usize {
    requests.iter().map(Request::bodies).sum()
}

/// Returns the number of bytes in all files below a folder.
fn size(folder: &Path) -> anyhow::Result<u64> {
    Ok(tree(folder)?.values().map(|bytes| bytes.len() as u64).sum())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_commands_work() -> anyhow::Result<()> {
    let Some(plakar) = Plakar::find().await? else { return Ok(()) };
    let (from, to) = (Radicale::start_tls(&issue()?)?, Radicale::start_tls(&issue()?)?);
    seed::plant(&from.client()?, from.home(), &seed::account(from.odd_names())).await?;
    let made = package()?;
    show(&plakar, &["pkg", "create", &made.manifest, &made.version]).await?.done()?;
    show(&plakar, &["pkg", "add", &format!("./{}", made.file())]).await?.done()?;
    ensure!(show(&plakar, &["pkg", "list"]).await?.out.contains(&format!("caldav@{}", made.version)));

    add(&plakar, "source", "my-caldav", &from.location(), &from.options()).await?;
    ensure!(!show(&plakar, &["source", "show", "my-caldav"]).await?.out.contains(PASSWORD));
    show(&plakar, &["source", "ping", "my-caldav"]).await?.done()?;
    let (plain, secret, key) =
        (plakar.home().join("plain"), plakar.home().join("secret"), plakar.home().join("key"));
    let [plain, secret, key] = [plain, secret, key].map(|path| path.display().to_string());
    std::fs::write(&key, "correct horse battery staple")?;
    show(&plakar, &["at", &plain, "create", "-plaintext"]).await?.done()?;
    show(&plakar, &["-keyfile", &key, "at", &secret, "create"]).await?.done()?;
    let first = show(&plakar, &["at", &plain, "backup", "@my-caldav"]).await?.done()?;
    ensure!(first.out.contains("backup completed without errors"), "{first:?}");
    let snapshot = plakar::snapshot(&first)?;
    show(&plakar, &["-keyfile", &key, "at", &secret, "backup", "@my-caldav"]).await?.done()?;
    show(&plakar, &["at", &plain, "ls"]).await?.done()?;
    show(&plakar, &["at", &plain, "ls", "-recursive", &format!("{snapshot}:")]).await?.done()?;
    let text = show(&plakar, &["at", &plain, "cat", &format!("{snapshot}:/work/meeting-001.ics")])
        .await?
        .done()?
        .out;
    ensure!(text.starts_with("BEGIN:VCALENDAR\r\n"), "{text}");
    show(&plakar, &["at", &plain, "check", &snapshot]).await?.done()?;
    show(&plakar, &["-keyfile", &key, "at", &secret, "check"]).await?.done()?;
    let out = plakar.home().join("out");
    show(&plakar, &["at", &plain, "restore", "-to", &out.display().to_string(), &snapshot]).await?.done()?;
    ensure!(
        tree(&out)? == program::backed_up(&from).await?,
        "the restored files differ from a backup with the command line"
    );

    // To another account: the whole snapshot, twice; then parts of it, also to other calendars.
    add(&plakar, "destination", "dst", &to.location(), &to.options()).await?;
    show(&plakar, &["destination", "ping", "dst"]).await?.done()?;
    for _ in 0..2 {
        let restored = show(&plakar, &["at", &plain, "restore", "-to", "@dst", &snapshot]).await?.done()?;
        ensure!(!restored.out.contains("KO"), "an entry failed: {restored:?}");
        assert_eq!(restored.err, "", "standard error");
    }
    let (before, after) = (tree(&out)?, program::backed_up(&to).await?);
    ensure!(before.keys().all(|path| after.contains_key(path)), "a file is missing: {:?}", after.keys());
    let client = to.client()?;
    client.delete(&format!("{}work/", to.home())).await?;
    show(&plakar, &["at", &plain, "restore", "-to", "@dst", &format!("{snapshot}:/work")]).await?.done()?;
    ensure!(program::backed_up(&to).await?.contains_key("work/meeting-001.ics"));
    client.delete(&format!("{}work/meeting-001.ics", to.home())).await?;
    let one = format!("{snapshot}:/work/meeting-001.ics");
    show(&plakar, &["at", &plain, "restore", "-to", "@dst", &one]).await?.done()?;
    ensure!(program::backed_up(&to).await?.contains_key("work/meeting-001.ics"));
    client.mkcalendar(&format!("{}other/", to.home()), "<D:displayname>Other</D:displayname>").await?;
    let elsewhere = format!("@dst:{}other/", to.home());
    let one = format!("{snapshot}:/work/meeting-002.ics");
    show(&plakar, &["at", &plain, "restore", "-to", &elsewhere, &one]).await?.done()?;
    let one = format!("{snapshot}:/work/meeting-003.ics");
    show(&plakar, &["at", &plain, "restore", "-o", "into=Rescued", "-to", "@dst", &one]).await?.done()?;
    let there = program::backed_up(&to).await?;
    for path in ["other/meeting-002.ics", "Rescued/meeting-003.ics"] {
        ensure!(there.contains_key(path), "{path}: {:?}", there.keys());
    }
    ensure!(show(&plakar, &["pkg", "rm", "caldav"]).await?.done()?.code == 0);
    ensure!(!show(&plakar, &["pkg", "list"]).await?.out.contains("caldav"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn from_xandikos_to_radicale() -> anyhow::Result<()> {
    let Some(plakar) = Plakar::install().await? else { return Ok(()) };
    let (from, to) = (Xandikos::start()?, Radicale::start()?);
    seed::plant(&from.client()?, from.home(), &seed::account(&[])).await?;
    add(&plakar, "source", "from", &from.location(), &from.options()).await?;
    add(&plakar, "destination", "to", &to.location(), &to.options()).await?;
    plakar.at("store", &["create", "-plaintext"]).await?.done()?;
    let snapshot = plakar::snapshot(&plakar.at("store", &["backup", "@from"]).await?.done()?)?;
    plakar.at("store", &["restore", "-to", "@to", &snapshot]).await?.done()?;
    let (before, after) = (program::backed_up(&from).await?, program::backed_up(&to).await?);
    let missing: Vec<_> = before.keys().filter(|path| !after.contains_key(*path)).collect();
    ensure!(missing.iter().all(|path| path.starts_with("calendar/")), "{missing:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_changed_is_read_again() -> anyhow::Result<()> {
    let Some(plakar) = Plakar::install().await? else { return Ok(()) };
    let fake = Fake::start(&[("home", 100), ("work", 900)]).await?;
    add_fake(&plakar, &fake).await?;
    let store = plakar.home().join("store");
    let mut sizes = vec![size(&store)?];
    for (what, expected) in [("first", 1000), ("unchanged", 0), ("one changed", 1)] {
        if expected == 1 {
            fake.put("work", "000123.ics", object("another"));
        }
        let _ = fake.take_requests();
        plakar.at("store", &["backup", "@cal"]).await?.done()?;
        let seen = fake.take_requests();
        sizes.push(size(&store)?);
        let grown = sizes[sizes.len() - 1] - sizes[sizes.len() - 2];
        println!(
            "{what}: {} bodies in {} requests; the store grew by {} KiB",
            bodies(&seen),
            seen.len(),
            grown >> 10
        );
        ensure!(bodies(&seen) == expected, "{what}");
    }
    ensure!(sizes[2] - sizes[1] < (sizes[1] - sizes[0]) / 2, "{sizes:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_backed_up_is_told_in_one_sentence() -> anyhow::Result<()> {
    let Some(plakar) = Plakar::install().await? else { return Ok(()) };
    let fake = Fake::start(&[("home", 5), ("work", 5)]).await?;
    add_fake(&plakar, &fake).await?;
    let store = plakar.home().join("store").display().to_string();
    let backup = ["at", store.as_str(), "backup", "@cal"];
    fake.fault(|_| Some(Reply::status(401)));
    show(&plakar, &["source", "ping", "cal"]).await?.exited(1)?.says("user name and password")?;
    show(&plakar, &backup).await?.exited(1)?.says("user name and password")?;
    fake.fault(|_| Some(Reply::reset()));
    ensure!(show(&plakar, &backup).await?.code == 1);
    let down = ["at", &store, "backup", "-o", "insecure=true", "caldav://http://127.0.0.1:1"];
    show(&plakar, &down).await?.exited(1)?.says("whether the server is up")?;
    let mistake = ["at", &store, "backup", "-o", "pasword=x", "@cal"];
    show(&plakar, &mistake).await?.exited(1)?.says("did you mean password")?;
    ensure!(plakar.at("store", &["ls"]).await?.out.is_empty(), "there is a snapshot");
    // One forbidden calendar: the snapshot is marked as incomplete.
    fake.fault(|seen| (seen.path == "/cal/work/").then(|| Reply::status(403)));
    let outcome = show(&plakar, &backup).await?;
    ensure!(outcome.out.contains("completed with 1 error"), "{outcome:?}");
    for words in ["/work: ", "403"] {
        ensure!(outcome.err.contains(words), "standard error does not contain {words:?}: {outcome:?}");
    }
    let snapshot = plakar::snapshot(&outcome)?;
    let errors = show(&plakar, &["at", &store, "info", "-errors", &snapshot]).await?.done()?;
    ensure!(errors.out.contains("/work"), "{errors:?}");
    fake.clear_fault();
    ensure!(show(&plakar, &backup).await?.done()?.out.contains("without errors"));
    // A restore prints one line as well, not one for each object.
    for (fault, words) in [(401, "user name and password"), (503, "the server answered 503")] {
        fake.fault(move |_| Some(Reply::status(fault)));
        let outcome =
            show(&plakar, &["at", &store, "restore", "-to", "@cal"]).await?.exited(1)?.says(words)?;
        let lines = outcome.out.lines().chain(outcome.err.lines()).count();
        ensure!(lines == 1, "{lines} lines instead of one: {outcome:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_object_makes_the_restore_fail_and_is_named() -> anyhow::Result<()> {
    let Some(plakar) = Plakar::install().await? else { return Ok(()) };
    let fake = Fake::start(&[("work", 40)]).await?;
    add_fake(&plakar, &fake).await?;
    let snapshot = plakar::snapshot(&plakar.at("store", &["backup", "@cal"]).await?.done()?)?;
    fake.empty();
    fake.fault(|seen| {
        (seen.method == "PUT" && seen.path.ends_with("000007.ics")).then(|| Reply::status(403))
    });
    let store = plakar.home().join("store").display().to_string();
    let outcome = show(&plakar, &["at", &store, "restore", "-to", "@cal", &snapshot]).await?;
    let words = format!("1 of {} could not be restored", entries(1, 40));
    let outcome = outcome.exited(1)?.says(&words)?.says("/work/000007.ics")?;
    ensure!(fake.objects("work").len() == 39, "more than one is missing: {outcome:?}");
    fake.fault(|_| Some(Reply::status(401)));
    show(&plakar, &["at", &store, "restore", "-to", "@cal", &snapshot])
        .await?
        .exited(1)?
        .says("user name and password")?;
    fake.clear_fault();
    show(&plakar, &["at", &store, "restore", "-to", "@cal", &snapshot]).await?.done()?;
    ensure!(fake.objects("work").len() == 40);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_time_the_next_run_is_right() -> anyhow::Result<()> {
    let Some(plakar) = Plakar::install().await? else { return Ok(()) };
    let fake = Fake::start(&[("work", 400)]).await?;
    add_fake(&plakar, &fake).await?;
    let objects = fake.objects("work");
    fake.delay(Duration::from_millis(5));
    let store = plakar.home().join("store").display().to_string();
    let mut killed = 0;
    for milliseconds in [100, 150, 200, 250, 300] {
        let child = plakar.command(&["at", &store, "backup", "@cal"]).spawn()?;
        killed += u32::from(kill_after(child, milliseconds).await?);
    }
    let snapshot = plakar::snapshot(&plakar.at("store", &["backup", "@cal"]).await?.done()?)?;
    let listed = plakar.at("store", &["ls", "-recursive", &format!("{snapshot}:")]).await?.out;
    ensure!(listed.lines().filter(|line| line.contains(".ics")).count() == 400, "{listed}");
    fake.empty();
    for milliseconds in [100, 200, 300, 500, 800] {
        let child = plakar.command(&["at", &store, "restore", "-to", "@cal", &snapshot]).spawn()?;
        killed += u32::from(kill_after(child, milliseconds).await?);
    }
    println!("{killed} of 10 runs were killed before their end");
    plakar.at("store", &["restore", "-to", "@cal", &snapshot]).await?.done()?;
    ensure!(fake.objects("work") == objects, "the objects are not the same");
    ensure!(killed >= 5, "only {killed} runs were killed before their end");
    ensure!(plugins(plakar.home())?.is_empty(), "plugins are left");
    Ok(())
}

/// Sends SIGKILL after this time. Returns true if the process was still running.
async fn kill_after(mut child: tokio::process::Child, milliseconds: u64) -> anyhow::Result<bool> {
    let ended = tokio::time::timeout(Duration::from_millis(milliseconds), child.wait()).await;
    if ended.is_err() {
        child.kill().await?;
    }
    Ok(ended.is_err())
}

/// Returns the peak memory, in KiB, of each process whose program lies below a folder.
fn plugins(folder: &Path) -> anyhow::Result<Vec<u64>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let process = entry?.path();
        let is_ours = std::fs::read_link(process.join("exe")).is_ok_and(|exe| exe.starts_with(folder));
        if is_ours {
            found.extend(peak(&process));
        }
    }
    Ok(found)
}

/// Returns the peak memory of a process in KiB, from its folder in `/proc`.
fn peak(process: &Path) -> Option<u64> {
    let status = std::fs::read_to_string(process.join("status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Runs a command. Returns its time, and the peak memory of Plakar and of the plugin in KiB.
async fn measure(plakar: &Plakar, arguments: &[&str]) -> anyhow::Result<(Duration, u64, u64)> {
    let started = Instant::now();
    let child = plakar.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let process = Path::new("/proc").join(child.id().context("no process")?.to_string());
    let (home, is_over) = (plakar.home().to_owned(), Arc::new(AtomicBool::new(false)));
    let most = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
    let (over, seen) = (Arc::clone(&is_over), Arc::clone(&most));
    let watch = std::thread::spawn(move || {
        while !over.load(Ordering::Relaxed) {
            seen[0].fetch_max(peak(&process).unwrap_or_default(), Ordering::Relaxed);
            let plugin = plugins(&home).unwrap_or_default().into_iter().max();
            seen[1].fetch_max(plugin.unwrap_or_default(), Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    finish(child).await?.done()?;
    let took = started.elapsed();
    is_over.store(true, Ordering::Relaxed);
    watch.join().ok();
    Ok((took, most[0].load(Ordering::Relaxed), most[1].load(Ordering::Relaxed)))
}

#[tokio::test(flavor = "multi_thread")]
async fn five_thousand_objects_beside_the_same_files_from_disk() -> anyhow::Result<()> {
    let Some(plakar) = Plakar::install().await? else { return Ok(()) };
    let fake = Fake::start(&[("home", 2000), ("work", 3000)]).await?;
    add_fake(&plakar, &fake).await?;
    plakar.at("files", &["create", "-plaintext"]).await?.done()?;
    let [store, files] = ["store", "files"].map(|name| plakar.home().join(name).display().to_string());
    let folder = plakar.home().join("folder");
    Cli::new(&fake).backup(&folder).succeeds().await?;
    let folder = folder.display().to_string();
    let _ = fake.take_requests();
    // With one Open at a time, as Plakar works on a machine with one processor.
    for (what, expected) in [("first", 5000), ("unchanged", 0), ("50 changed", 50)] {
        if expected == 50 {
            for i in 0..50 {
                fake.put("work", &format!("{:06}.ics", i * 7919 % 3000), object(&format!("changed-{i}")));
            }
        }
        let (took, own, plugin) = measure(&plakar, &["-cpu", "1", "at", &store, "backup", "@cal"]).await?;
        let seen = fake.take_requests();
        let (disk, disk_own, _) = measure(&plakar, &["-cpu", "1", "at", &files, "backup", &folder]).await?;
        println!(
            "{what}: {} requests, {} bodies; {:.2} s, {} MiB + plugin {} MiB; the same files from disk: {:.2} s, {} MiB",
            seen.len(),
            bodies(&seen),
            took.as_secs_f64(),
            own >> 10,
            plugin >> 10,
            disk.as_secs_f64(),
            disk_own >> 10,
        );
        ensure!(seen.len() <= 5000 / 64 + 20, "{what}: {} requests", seen.len());
        ensure!(bodies(&seen) <= expected.max(100), "{what}: {} bodies", bodies(&seen));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipe_builds_the_package_from_a_tag() -> anyhow::Result<()> {
    let Some(plakar) = Plakar::find().await? else { return Ok(()) };
    let made = package()?;
    // A repository with a tag on the commit that is checked out here.
    let sources = tempfile::tempdir()?;
    let repository = sources.path().join("repository").display().to_string();
    let git = |arguments: &[&str]| {
        let done = std::process::Command::new("git").args(arguments).output()?;
        ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        anyhow::Ok(())
    };
    git(&["clone", "--quiet", &program::workspace().display().to_string(), &repository])?;
    git(&["-C", &repository, "tag", &made.version])?;
    let recipe = std::fs::read_to_string(program::workspace().join("recipe.yaml"))?;
    let at = recipe.find("repository:").context("no repository")?;
    std::fs::write(
        plakar.home().join("recipe.yaml"),
        format!("{}repository: file://{repository}\n", &recipe[..at]),
    )?;
    let mut command = plakar.command(&["pkg", "build", "./recipe.yaml"]);
    // cargo and rustup look for the toolchain in the home directory, which is a temporary one here. The folder for
    // build artefacts is kept between runs.
    for (variable, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
        let own = std::env::home_dir().unwrap_or_default().join(folder);
        command.env(variable, std::env::var_os(variable).unwrap_or(own.into_os_string()));
    }
    command.env("CARGO_TARGET_DIR", program::workspace().join("target/recipe"));
    let built = finish(command.spawn()?).await?.done()?;
    println!("$ plakar pkg build ./recipe.yaml\n  {}", built.out.lines().last().unwrap_or_default());
    show(&plakar, &["pkg", "add", &format!("./{}", made.file())]).await?.done()?;
    let fake = Fake::start(&[("work", 3)]).await?;
    add_fake(&plakar, &fake).await?;
    plakar.at("store", &["backup", "@cal"]).await?.done()?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn plaklet_runs_the_same_package() -> anyhow::Result<()> {
    let Some(plakar) = Plakar::install().await? else { return Ok(()) };
    let Some(plaklet) = plakar::find("plaklet", "PLAKLET") else { return Ok(()) };
    let fake = Fake::start(&[("home", 20), ("work", 200)]).await?;
    let home = plakar.home().display().to_string();
    std::fs::create_dir(plakar.home().join("packages"))?;
    let file = package()?.file();
    std::fs::copy(plakar.home().join(&file), plakar.home().join("packages").join(&file))?;
    let store = serde_json::json!({ "integration": { "name": "fs", "version": "1.1.2" },
        "fields": [{ "key": "location", "val": format!("fs://{home}/store") }] });
    let fields: Vec<_> = [("location", format!("caldav://{}", fake.url())), ("insecure", "true".to_owned())]
        .into_iter()
        .map(|(key, val)| serde_json::json!({ "key": key, "val": val }))
        .collect();
    let calendar = serde_json::json!({ "integration": { "name": "caldav", "version": package()?.version }, "fields": fields });
    let run = async |payload: serde_json::Value| {
        let mut child = tokio::process::Command::new(&plaklet)
            .args(["-pkg", &format!("{home}/packages"), "-cache", &format!("{home}/plaklet")])
            .env_clear()
            .env("HOME", &home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut stdin = child.stdin.take().context("no input")?;
        stdin.write_all(payload.to_string().as_bytes()).await?;
        drop(stdin);
        let outcome = finish(child).await?;
        let last = outcome.out.lines().last().unwrap_or_default().to_owned();
        println!("plaklet {}: {}", payload["op"], last.chars().take(200).collect::<String>());
        ensure!(last.contains("\"success\""), "{outcome:?}");
        anyhow::Ok(())
    };
    run(serde_json::json!({ "op": "create", "task_config": { "no_encryption": "true" }, "source": store }))
        .await?;
    run(serde_json::json!({ "op": "backup", "task_config": {}, "source": calendar, "target": store }))
        .await?;
    let objects = fake.objects("work");
    ensure!(bodies(&fake.take_requests()) == 220);
    fake.empty();
    run(serde_json::json!({ "op": "restore", "task_config": { "latest": "true" }, "source": store, "target": calendar })).await?;
    ensure!(fake.objects("work") == objects);
    Ok(())
}
