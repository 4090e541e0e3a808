//! Encrypted connections: HTTP/2 if the server supports it, and certificates that are not trusted.

use anyhow::ensure;
use host_tests::certificates::issue;
use host_tests::fake::Fake;
use host_tests::program::Cli;
use host_tests::scratch::files;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_http_2_gets_it() -> anyhow::Result<()> {
    const OBJECTS: usize = 300;
    let own = issue()?;
    let fake = Fake::start_tls(&[("work", OBJECTS)], &own).await?;
    let scratch = tempfile::tempdir()?;
    own.write(scratch.path())?;
    let backup = Cli::new(&fake).backup(&scratch.path().join("backup")).json();
    let trusting = backup.option("tls_ca", scratch.path().join("ca.pem").display());
    trusting.succeeds().await?.counts("new", files(1, OBJECTS))?;
    let versions = fake.take_versions();
    ensure!(!versions.is_empty(), "the server received no request");
    ensure!(versions.iter().all(|version| *version == http::Version::HTTP_2), "{versions:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_certificate_is_refused_before_the_password_is_sent() -> anyhow::Result<()> {
    let (own, other) = (issue()?, issue()?);
    let fake = Fake::start_tls(&[("work", 1)], &own).await?;
    let scratch = tempfile::tempdir()?;
    other.write(scratch.path())?;
    let check = Cli::new(&fake).check().option("tls_ca", scratch.path().join("ca.pem").display());
    check.exits(78).await?.says("certificate")?;
    ensure!(fake.take_requests().is_empty(), "a request was sent");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_certificate_is_taken_where_none_is_verified() -> anyhow::Result<()> {
    let fake = Fake::start_tls(&[("work", 1)], &issue()?).await?;
    Cli::new(&fake).check().option("tls_no_verify", true).succeeds().await?;
    ensure!(!fake.take_requests().is_empty(), "the server received no request");
    Ok(())
}
