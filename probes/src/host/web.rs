//! `webserver`: health, versions, metrics.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::CONTENT_TYPE;
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};
use lithify::rules::{BUILT_IN_PLUGINS, ENGINE_VERSION};
use serde_json::json;

use super::metrics::Registry;
use crate::config::Webserver;
use crate::http::{Handler, Reply};

/// Answers for the host.
pub(super) struct Web {
    pub(super) settings: Webserver,
    pub(super) registry: Arc<Registry>,
}

impl Handler for Web {
    fn admit(&self, head: &Parts) -> Result<usize, Box<Reply>> {
        if head.method == Method::GET || head.method == Method::HEAD {
            Ok(0)
        } else {
            Err(Box::new(reply(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "only GET is answered\n")))
        }
    }

    fn answer(&self, head: &Parts, _: Bytes) -> Reply {
        let path = head.uri.path();
        if path == self.settings.health {
            return reply(StatusCode::OK, "application/json", json!({"status": "ok"}).to_string());
        }
        match path {
            "/versions" => reply(StatusCode::OK, "application/json", versions().to_string()),
            "/metrics" if self.settings.metrics => match self.registry.prometheus() {
                Some(text) => reply(StatusCode::OK, "text/plain; version=0.0.4", text),
                None => reply(StatusCode::NOT_FOUND, "text/plain", "`metrics.enabled` is off\n"),
            },
            _ => reply(StatusCode::NOT_FOUND, "text/plain", "not found\n"),
        }
    }
}

/// Our version, and that of Falco's engine whose rules are understood.
fn versions() -> serde_json::Value {
    let plugins: serde_json::Map<String, serde_json::Value> = BUILT_IN_PLUGINS
        .iter()
        .map(|(name, version)| ((*name).to_owned(), version.to_string().into()))
        .collect();
    json!({
        "lithify_probe_version": env!("CARGO_PKG_VERSION"),
        "engine_version": ENGINE_VERSION.1.to_string(),
        "engine_version_semver": ENGINE_VERSION.to_string(),
        "plugin_versions": plugins,
    })
}

fn reply(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    reply
}
