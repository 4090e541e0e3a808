//! `restore LOCATION`: a tar on standard input, to an account.

use futures::channel::mpsc;
use futures::future::join3;
use futures::{SinkExt, StreamExt};

use super::{Outcome as Ended, tar, tell};
use crate::destination::{Exporter, Item, ItemBody, Outcome, WriteItem};

pub(super) async fn run(exporter: &Exporter) -> Ended {
    let (mut sender, items) = mpsc::channel(0);
    let read = async move {
        let mut input = std::io::stdin();
        loop {
            let entry = match tar::next(&mut input) {
                Ok(Some(entry)) => entry,
                Ok(None) => return Ok(()),
                Err(error) => return Err(["standard input: ", &error.to_string()].concat()),
            };
            let body = entry.bytes.map_or(ItemBody::Directory, |bytes| ItemBody::File(bytes.into()));
            if sender.send(vec![Item { path: entry.path, body }]).await.is_err() {
                return Ok(());
            }
        }
    };
    let (out, mut reports) = mpsc::channel::<Vec<WriteItem>>(0);
    let mut counts = [0_u32; 5];
    let tell_all = async {
        while let Some(reports) = reports.next().await {
            for report in reports {
                count(&mut counts, report);
            }
        }
    };
    let (read, written, ()) = join3(read, exporter.write(items, out), tell_all).await;
    let [created, updated, unchanged, skipped, failed] = counts;
    tell(&format!(
        "{created} created, {updated} updated, {unchanged} unchanged, {skipped} skipped, {failed} failed"
    ));
    read.and(written.map_err(|error| error.to_string()))?;
    if failed == 0 { Ok(()) } else { Err("Everything is restored but for what is named above.".to_owned()) }
}

fn count(counts: &mut [u32; 5], report: WriteItem) {
    let (at, why) = match report {
        WriteItem::Notice(path, message) => {
            return tell(&["note: ", path.as_deref().unwrap_or_default(), ": ", &message].concat());
        }
        WriteItem::Extra(path) => return tell(&["only on the server: ", &path].concat()),
        WriteItem::Done(path, outcome) => match outcome {
            Outcome::Created => (0, None),
            Outcome::Updated => (1, None),
            Outcome::Unchanged => (2, None),
            Outcome::Skipped(why) => (3, Some(["skipped: ", &path, ": ", &why].concat())),
            Outcome::Failed(error) => (4, Some(["failed: ", &path, ": ", error.message()].concat())),
        },
    };
    if let Some(count) = counts.get_mut(at) {
        *count += 1;
    }
    if let Some(why) = why {
        tell(&why);
    }
}
