//! What the program does, shown on a real server: an account is made up, backed up, looked at, changed,
//! and backed up again.

use std::path::Path;

use anyhow::ensure;
use host_tests::program::{self, workspace};
use host_tests::seed;
use host_tests::servers::radicale::Radicale;
use host_tests::servers::{PASSWORD, TestServer, USER};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    println!("== A real server: Radicale 3.9.0, with three calendars");
    let server = Radicale::start(false)?;
    let client = server.client()?;
    let account = seed::account(server.odd_names());
    seed::plant(&client, server.home(), &account).await?;
    let folder = workspace().join("target/demo");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    say(&["calendars", &server.location()]).await?;
    backup(&server, &folder).await?;
    show(&folder)?;

    println!("\n== Two events change, one goes, and it is backed up again");
    client.put("/alice/work/meeting-000.ics", seed::event("meeting-0@seed", "Moved to Monday", "")).await?;
    client.put("/alice/family/family-00.ics", seed::event("family-0@seed", "Dentist, at last", "")).await?;
    client.delete("/alice/work/meeting-001.ics").await?;
    backup(&server, &folder).await?;

    println!("\n== And once more, with nothing changed");
    backup(&server, &folder).await?;

    println!("\n== A calendar is deleted by mistake");
    client.delete("/alice/family/").await?;
    let (location, dir) = (server.location(), folder.display().to_string());
    let diff = program::run(&["diff", &dir, &location, "-o", "insecure=true"], &WHO).await?;
    ensure!(diff.code == 3, "{diff:?}");
    println!("\n$ plakar-caldav diff {dir} {location} -o insecure=true");
    let lines: Vec<&str> = diff.out.lines().collect();
    lines.iter().take(4).for_each(|line| println!("{line}"));
    println!("  ...\n{}", lines.last().unwrap_or(&""));

    println!("\n== It is restored, and nothing differs any more");
    say(&["restore", &dir, &location]).await?;
    say(&["diff", &dir, &location]).await?;
    println!("\nThe backup is in {dir}.");
    Ok(())
}

/// Who signs in, as the environment says it.
const WHO: [(&str, &str); 2] = [("CALDAV_USERNAME", USER), ("CALDAV_PASSWORD", PASSWORD)];

async fn backup(server: &Radicale, folder: &Path) -> anyhow::Result<()> {
    say(&["backup", &server.location(), &folder.display().to_string()]).await
}

/// Runs the program and shows the command and what it printed.
async fn say(arguments: &[&str]) -> anyhow::Result<()> {
    println!("\n$ plakar-caldav {} -o insecure=true", arguments.join(" "));
    let arguments = [arguments, &["-o", "insecure=true"]].concat();
    let outcome = program::run(&arguments, &WHO).await?;
    print!("{}{}", outcome.err, outcome.out);
    ensure!(outcome.code == 0, "it ended with {}", outcome.code);
    Ok(())
}

/// The folders, and the first files of each.
fn show(folder: &Path) -> anyhow::Result<()> {
    println!("\n{}", folder.display());
    let files = program::tree(folder)?;
    let mut last = "";
    let mut shown = 0;
    for (path, bytes) in &files {
        let (directory, name) = path.split_once('/').unwrap_or(("", path));
        if directory != last {
            let count = files
                .keys()
                .filter(|path| path.split_once('/').is_some_and(|(own, _)| own == directory))
                .count();
            println!("  {directory}/  ({count} files)");
            (last, shown) = (directory, 0);
        }
        shown += 1;
        if shown <= 8 {
            println!("    {:>9}  {name}", bytes.len());
        }
    }
    Ok(())
}
