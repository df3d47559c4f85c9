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
            // A workload that waits for this answer is watched from its first instruction.
            let (status, said) = if self.registry.is_watching() {
                (StatusCode::OK, "ok")
            } else {
                (StatusCode::SERVICE_UNAVAILABLE, "starting")
            };
            return reply(status, "application/json", json!({"status": said}).to_string());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::RuleCounters;
    use crate::host::reload::Fingerprint;

    #[test]
    fn is_healthy_when_it_watches_and_not_before() {
        let registry = Arc::new(Registry::new(Arc::new(RuleCounters::default()), "node1".into()));
        let settings =
            Webserver { listen: String::new(), health: "/healthz".to_owned(), tls: None, metrics: false };
        let web = Web { settings, registry: Arc::clone(&registry) };
        let (head, ()) = hyper::Request::get("/healthz").body(()).unwrap().into_parts();
        assert_eq!(web.answer(&head, Bytes::new()).status(), StatusCode::SERVICE_UNAVAILABLE);
        registry.set_loaded(None, 1, &Fingerprint::default(), Vec::new());
        assert_eq!(web.answer(&head, Bytes::new()).status(), StatusCode::OK);
    }
}
