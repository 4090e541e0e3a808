//! Backs up one account into a folder, with the library and without the program:
//!
//! ```text
//! one_backup COMPONENT FOLDER location=https://… username=… password=…
//! ```

use std::path::Path;

use anyhow::Context;
use connector_folder::{BackupEvent, backup_to_folder};
use connector_host::{Connector, Importer, JobConfig, Source};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let component = arguments.next().context("the component is missing")?;
    let folder = arguments.next().context("the folder is missing")?;
    let options = arguments
        .map(|text| text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())))
        .collect::<Option<Vec<_>>>()
        .context("an option is not of the form name=value")?;

    // One connector for the whole program, one job for each account.
    let connector = Connector::load(Path::new(&component))?;
    let config = JobConfig::new().label("one backup").plain_http(true);
    let importer = Importer::open(&connector, options, config).await?;
    let (summary, result) = backup_to_folder(&importer, Path::new(&folder), false, &mut |event| {
        if let BackupEvent::Failed { path, error } = event {
            eprintln!("{path}: {error}");
        }
    })
    .await;
    println!("{}: {} new, {} failed", importer.identity().origin, summary.new, summary.failed);
    println!("{} requests, {} bytes of memory", importer.usage().requests(), importer.usage().memory());
    result?;
    importer.join().await?;
    Ok(())
}
