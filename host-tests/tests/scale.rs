//! Cost of large accounts: requests, bodies, memory.

use anyhow::ensure;
use dav_model::{Request, object, object_name};
use host_tests::scratch::{Scratch, files};

/// Largest number of requests for the first backup of 10,000 objects.
const MOST_REQUESTS: usize = 200;
/// Largest number of requests when nothing changed: one for each of three calendars, and six to discover them.
const MOST_WHEN_UNCHANGED: usize = 3 + 6;
/// Largest memory of the component, in bytes, for listing 100,000 objects.
const MOST_MEMORY: u64 = 64 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_objects_take_few_requests() -> anyhow::Result<()> {
    let calendars = [("home", 2000), ("school", 3000), ("work", 5000)];
    let scratch = Scratch::new(&calendars).await?;
    let cold = scratch.backup().json().succeeds().await?.counts("new", files(calendars.len(), 10_000))?;
    println!("cold: {}", cold.summary()?);
    let requests = scratch.server.take_requests().len();
    ensure!(requests <= MOST_REQUESTS, "{requests} requests");

    let unchanged = scratch.backup().json().succeeds().await?;
    println!("unchanged: {}", unchanged.summary()?);
    let requests = scratch.server.take_requests();
    ensure!(requests.len() <= MOST_WHEN_UNCHANGED, "{} requests when nothing changed", requests.len());
    let other: Vec<_> = requests.iter().filter(|request| request.method != "PROPFIND").collect();
    ensure!(other.is_empty(), "more than listings when nothing changed: {other:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_changed_is_read_again() -> anyhow::Result<()> {
    const CHANGED: usize = 50;
    let scratch = Scratch::new(&[("work", 5000)]).await?;
    scratch.backup().succeeds().await?;
    drop(scratch.server.take_requests());
    // Changes at scattered places.
    for number in 0..CHANGED {
        scratch.server.put("work", &object_name(number * 97), object(&format!("changed-{number}")));
    }
    scratch.backup().json().succeeds().await?.counts("changed", CHANGED)?;
    let bodies: usize = scratch.server.take_requests().iter().map(Request::bodies).sum();
    assert_eq!(bodies, CHANGED, "bodies");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_objects_are_listed_in_little_memory() -> anyhow::Result<()> {
    const OBJECTS: usize = 100_000;
    let scratch = Scratch::new(&[("work", OBJECTS)]).await?;
    let listed = scratch.backup().flag("--dry-run").json().run().await?.counts("new", files(1, OBJECTS))?;
    let memory = listed.figure("guest_memory")?;
    println!("{OBJECTS} objects listed: {} KiB of guest memory", memory >> 10);
    ensure!(memory <= MOST_MEMORY, "{memory} bytes");
    Ok(())
}
