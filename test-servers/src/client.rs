//! A small HTTP client that writes to a server and reads from it without the connector.

use anyhow::{Context, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use connector_host::TlsConfig;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// A client with the credentials of one user, or none.
#[derive(Clone)]
pub struct Client {
    base: String,
    authorization: Option<String>,
    pool: Pool<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Client {
    /// Creates a client for `base`, which is `http://HOST:PORT` or `https://HOST:PORT`. The client trusts any
    /// certificate. `user` is a name and a password.
    pub fn new(base: &str, user: Option<(&str, &str)>) -> anyhow::Result<Self> {
        let authorization = user.map(|(name, password)| {
            format!("Basic {}", BASE64_STANDARD.encode(format!("{name}:{password}")))
        });
        let tls = TlsConfig::builder().trust_any_certificate().build()?.client_config();
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
        Ok(Self {
            base: base.to_owned(),
            authorization,
            pool: Pool::builder(TokioExecutor::new()).build(connector),
        })
    }

    /// Sends a request, and returns the status and the body of the answer.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> anyhow::Result<(u16, Bytes)> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        let response = self
            .pool
            .request(request.body(Full::new(body.into()))?)
            .await
            .with_context(|| format!("{method} {path}"))?;
        let status = response.status().as_u16();
        Ok((status, response.into_body().collect().await?.to_bytes()))
    }

    /// Stores a calendar object resource.
    pub async fn put(&self, path: &str, text: impl Into<Bytes>) -> anyhow::Result<()> {
        let (status, body) =
            self.send("PUT", path, &[("content-type", "text/calendar; charset=utf-8")], text).await?;
        ensure!(matches!(status, 201 | 204 | 207), "PUT {path}: {status} {}", String::from_utf8_lossy(&body));
        Ok(())
    }

    /// Returns the content of a resource.
    pub async fn get(&self, path: &str) -> anyhow::Result<Bytes> {
        let (status, body) = self.send("GET", path, &[], "").await?;
        ensure!(status == 200, "GET {path}: {status}");
        Ok(body)
    }

    /// Deletes a resource.
    pub async fn delete(&self, path: &str) -> anyhow::Result<()> {
        let (status, _) = self.send("DELETE", path, &[], "").await?;
        ensure!(matches!(status, 200 | 204), "DELETE {path}: {status}");
        Ok(())
    }

    /// Creates a calendar with these properties, given as XML (RFC 4791, section 5.3.1).
    pub async fn mkcalendar(&self, path: &str, properties: &str) -> anyhow::Result<()> {
        let body = format!(
            r#"<?xml version="1.0"?><C:mkcalendar xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:A="http://apple.com/ns/ical/"><D:set><D:prop>{properties}</D:prop></D:set></C:mkcalendar>"#
        );
        let (status, answer) =
            self.send("MKCALENDAR", path, &[("content-type", "application/xml")], body).await?;
        ensure!(status == 201, "MKCALENDAR {path}: {status} {}", String::from_utf8_lossy(&answer));
        Ok(())
    }

    /// Returns the hrefs of a collection's members, as the server spells them, without collections.
    pub async fn members(&self, path: &str) -> anyhow::Result<Vec<String>> {
        let body = r#"<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>"#;
        let (status, answer) =
            self.send("PROPFIND", path, &[("depth", "1"), ("content-type", "application/xml")], body).await?;
        ensure!(status == 207, "PROPFIND {path}: {status}");
        let text = String::from_utf8(answer.to_vec())?;
        // The element may have any prefix.
        let hrefs = text.split("href>").skip(1).step_by(2).filter_map(|part| part.split('<').next());
        Ok(hrefs.filter(|href| !href.ends_with('/')).map(str::to_owned).collect())
    }
}
