//! A small HTTP client, for putting things on a server and for reading them back past the connector.

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

/// A client that signs in as one user.
#[derive(Clone)]
pub struct Client {
    base: String,
    authorization: Option<String>,
    pool: Pool<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Client {
    /// A client for `base` (`http://host:port`, or https with any certificate), as this user if one is
    /// given.
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

    /// Sends a request; gives status and body.
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

    /// Stores a calendar object.
    pub async fn put(&self, path: &str, text: impl Into<Bytes>) -> anyhow::Result<()> {
        let (status, body) =
            self.send("PUT", path, &[("content-type", "text/calendar; charset=utf-8")], text).await?;
        ensure!(matches!(status, 201 | 204 | 207), "PUT {path}: {status} {}", String::from_utf8_lossy(&body));
        Ok(())
    }

    /// The bytes of a resource.
    pub async fn get(&self, path: &str) -> anyhow::Result<Bytes> {
        let (status, body) = self.send("GET", path, &[], "").await?;
        ensure!(status == 200, "GET {path}: {status}");
        Ok(body)
    }

    /// Removes a resource.
    pub async fn delete(&self, path: &str) -> anyhow::Result<()> {
        let (status, _) = self.send("DELETE", path, &[], "").await?;
        ensure!(matches!(status, 200 | 204), "DELETE {path}: {status}");
        Ok(())
    }

    /// Makes a calendar with these properties (RFC 4791 5.3.1).
    pub async fn mkcalendar(&self, path: &str, properties: &str) -> anyhow::Result<()> {
        let body = format!(
            r#"<?xml version="1.0"?><C:mkcalendar xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:A="http://apple.com/ns/ical/"><D:set><D:prop>{properties}</D:prop></D:set></C:mkcalendar>"#
        );
        let (status, answer) =
            self.send("MKCALENDAR", path, &[("content-type", "application/xml")], body).await?;
        ensure!(status == 201, "MKCALENDAR {path}: {status} {}", String::from_utf8_lossy(&answer));
        Ok(())
    }

    /// The hrefs of a collection's members, as the server spells them.
    pub async fn members(&self, path: &str) -> anyhow::Result<Vec<String>> {
        let body = r#"<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>"#;
        let (status, answer) =
            self.send("PROPFIND", path, &[("depth", "1"), ("content-type", "application/xml")], body).await?;
        ensure!(status == 207, "PROPFIND {path}: {status}");
        let text = String::from_utf8(answer.to_vec())?;
        // The tag may have any prefix.
        let hrefs = text.split("href>").skip(1).step_by(2).filter_map(|part| part.split('<').next());
        Ok(hrefs.filter(|href| !href.ends_with('/')).map(str::to_owned).collect())
    }
}
