//! Encrypted connections: HTTP/2 where the server has it, and certificates that are not trusted.

use anyhow::ensure;
use host_tests::certificates::Certificates;
use host_tests::fake::Fake;
use host_tests::program;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_http_2_gets_it() -> anyhow::Result<()> {
    let own = Certificates::new()?;
    let fake = Fake::start_tls(&[("work", 300)], &own).await?;
    let scratch = tempfile::tempdir()?;
    own.write(scratch.path())?;
    let folder = scratch.path().join("backup").display().to_string();
    let trust = format!("tls_ca={}", scratch.path().join("ca.pem").display());
    let outcome = program::run(&["backup", &fake.url(), &folder, "--json", "-o", &trust], &[]).await?;
    ensure!(outcome.code == 0 && outcome.summary()?["new"] == 302, "{outcome:?}");
    let seen = fake.take_seen();
    ensure!(!seen.is_empty() && seen.iter().all(|seen| seen.version == http::Version::HTTP_2), "{seen:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_certificate_is_refused_before_the_password_is_sent() -> anyhow::Result<()> {
    let (own, other) = (Certificates::new()?, Certificates::new()?);
    let fake = Fake::start_tls(&[("work", 1)], &own).await?;
    let scratch = tempfile::tempdir()?;
    other.write(scratch.path())?;
    let trust = format!("tls_ca={}", scratch.path().join("ca.pem").display());
    let outcome = program::run(&["check", &fake.url(), "-o", &trust], &[]).await?;
    ensure!(outcome.code == 78 && outcome.err.contains("certificate"), "{outcome:?}");
    ensure!(fake.take_seen().is_empty());
    let outcome = program::run(&["check", &fake.url(), "-o", "tls_no_verify=true"], &[]).await?;
    ensure!(outcome.code == 0 && !fake.take_seen().is_empty(), "{outcome:?}");
    Ok(())
}
