//! Demonstration of the program on a real server: generates an account, backs it up, lists the files, changes the
//! account, backs it up again, and restores a deleted calendar.

use std::path::Path;

use test_servers::program::{self, Cli, workspace};
use test_servers::seed;
use test_servers::servers::TestServer;
use test_servers::servers::radicale::Radicale;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    println!("== A real server: Radicale 3.9.0, with three calendars");
    let server = Radicale::start()?;
    let client = server.client()?;
    let account = seed::account(server.odd_names());
    seed::plant(&client, server.home(), &account).await?;
    let folder = workspace().join("target/demo");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    say(&Cli::new(&server).calendars()).await?;
    let backup = Cli::new(&server).backup(&folder);
    say(&backup).await?;
    show(&folder)?;

    println!("\n== Two events change, one is deleted, and a second backup follows");
    client.put("/alice/work/meeting-000.ics", seed::event("meeting-0@seed", "Moved to Monday", "")).await?;
    client.put("/alice/family/family-00.ics", seed::event("family-0@seed", "Dentist, at last", "")).await?;
    client.delete("/alice/work/meeting-001.ics").await?;
    say(&backup).await?;

    println!("\n== A third backup, with nothing changed");
    say(&backup).await?;

    println!("\n== A calendar is deleted by mistake");
    client.delete("/alice/family/").await?;
    let diff = Cli::new(&server).diff(&folder);
    println!("\n$ {}", diff.line());
    let differences = diff.exits(DIFFERS).await?.out;
    let lines: Vec<&str> = differences.lines().collect();
    lines.iter().take(4).for_each(|line| println!("{line}"));
    println!("  ...\n{}", lines.last().unwrap_or(&""));

    println!("\n== The calendar is restored, and nothing differs any more");
    say(&Cli::new(&server).restore(&folder)).await?;
    say(&diff).await?;
    println!("\nThe backup is in {}.", folder.display());
    Ok(())
}

/// Exit code of `diff` if something differs.
const DIFFERS: i32 = 3;

/// Runs the program, and prints the command line and the output.
async fn say(cli: &Cli) -> anyhow::Result<()> {
    println!("\n$ {}", cli.line());
    let outcome = cli.succeeds().await?;
    print!("{}{}", outcome.err, outcome.out);
    Ok(())
}

/// Prints the folders, and the first eight files of each.
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
