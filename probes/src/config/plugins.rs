//! From `load_plugins` and `plugins` to receivers of audit events.

use std::path::PathBuf;

use lithify::yaml::Stream;

use crate::audit;
use crate::http::ServerTls;

use super::problem::{Place, Problem, Sources};
use super::read::digest;
use super::tree::{self, Tree};
use super::values::Values;

/// Plugins that are built in; k8saudit has settings.
const BUILT_IN: &[&str] = &["k8saudit", "container", "json"];

/// Keys of k8saudit's `init_config`: Falco's, then ours.
const INIT_KEYS: &[&str] =
    &["sslCertificate", "maxEventSize", "webhookMaxBatchSize", "useAsync", "clientCA", "stateFile"];

/// What the plugins ask for.
#[derive(Debug, Default)]
pub(super) struct Plugins {
    /// The receivers; `None` where no k8saudit is loaded.
    pub(super) audit: Option<audit::Settings>,
    pub(super) errors: Vec<Problem>,
    pub(super) warnings: Vec<Problem>,
}

/// Reads the plugins that are to be loaded.
pub(super) fn plugins(values: Values<'_>, sources: &Sources) -> Plugins {
    let mut found = Plugins::default();
    let wanted = values.node("load_plugins").map(Tree::items).unwrap_or_default();
    for name in wanted {
        let written = name.text().unwrap_or_default();
        if !BUILT_IN.contains(&written) {
            let message = format!(
                "there is no plugin `{written}` here: libraries of Falco plugins cannot be loaded, and built in \
                 are k8saudit, container and json"
            );
            found.errors.push(sources.problem(name.place, message));
        } else if written == "k8saudit" {
            load_k8saudit(values, name.place, sources, &mut found);
        }
    }
    found
}

fn load_k8saudit(values: Values<'_>, place: Place, sources: &Sources, found: &mut Plugins) {
    let plugin = values
        .items("plugins", "plugins[]")
        .find(|plugin| plugin.node("name").and_then(Tree::text) == Some("k8saudit"));
    let Some(plugin) = plugin else {
        let message = "`load_plugins` names k8saudit, but `plugins` has no entry of this name";
        found.errors.push(sources.problem(place, message));
        return;
    };
    let settings = match init_config(plugin, sources) {
        Ok((settings, warnings)) => {
            found.warnings.extend(warnings);
            settings
        }
        Err(problem) => {
            found.errors.push(problem);
            return;
        }
    };
    match receivers(&plugin.text("open_params"), settings) {
        Ok(receivers) => found.audit = Some(receivers),
        Err(message) => found.errors.push(sources.problem(plugin.place("open_params"), message)),
    }
}

/// Settings of k8saudit that hold for its receivers.
struct Init {
    certificate: PathBuf,
    client_ca: Option<PathBuf>,
    max_event_bytes: usize,
    max_body_bytes: usize,
    state: Option<PathBuf>,
}

/// `init_config`, a mapping or a text of JSON.
fn init_config(plugin: Values<'_>, sources: &Sources) -> Result<(Init, Vec<Problem>), Problem> {
    let mut warnings = Vec::new();
    let place = plugin.place("init_config");
    let node = plugin.node("init_config");
    let json = match node.and_then(Tree::text) {
        None => None,
        Some(text) if text.trim().is_empty() => None,
        Some(text) => {
            let no_json = |reason: String| sources.problem(place, format!("expected JSON: {reason}"));
            Stream::parse(text.as_bytes()).map_err(|error| no_json(error.to_string()))?;
            let parsed = tree::parse(place.source, text.as_bytes(), sources, &|_| None);
            parsed.map_err(|_| no_json("it is no mapping".to_owned()))?
        }
    };
    let root = json.as_ref().or(node.filter(|node| node.text().is_none()));
    if let Some(tree::Content::Map(entries)) = root.map(|root| &root.content) {
        for (name, at, _) in entries.iter().filter(|entry| !INIT_KEYS.contains(&entry.0.as_str())) {
            let near = lithify::nearest::nearest(name, INIT_KEYS.iter().copied());
            let at = if json.is_some() { place } else { *at };
            let problem = sources.problem(at, format!("unknown key `{name}` in k8saudit's init_config"));
            warnings.push(problem.help(near.map(|near| format!("did you mean `{near}`?"))));
        }
    }
    let text = |key: &str| root.and_then(|root| root.get(key)?.text()).filter(|text| !text.is_empty());
    let size = |key: &str, default: usize| match text(key) {
        None => Ok(default),
        Some(written) => written
            .parse()
            .ok()
            .filter(|bytes| *bytes > 0)
            .ok_or_else(|| sources.problem(place, format!("`{key}`: expected bytes, found `{written}`"))),
    };
    let init = Init {
        certificate: PathBuf::from(text("sslCertificate").unwrap_or("/etc/falco/falco.pem")),
        client_ca: text("clientCA").map(PathBuf::from),
        max_event_bytes: size("maxEventSize", audit::Settings::default().max_event_bytes)?,
        max_body_bytes: size("webhookMaxBatchSize", audit::Http::default().max_body_bytes)?,
        state: text("stateFile").map(PathBuf::from),
    };
    Ok((init, warnings))
}

/// The receivers of an `open_params`.
fn receivers(params: &str, init: Init) -> Result<audit::Settings, String> {
    let mut settings =
        audit::Settings { max_event_bytes: init.max_event_bytes, ..audit::Settings::default() };
    let params = params.trim();
    if params.is_empty() {
        return Err(
            "k8saudit needs `open_params`: `http://ADDRESS:PORT/PATH`, `file://PATH`, a path or `-`".into()
        );
    }
    if params == "-" {
        settings.stdin = true;
    } else if let Some(path) = params.strip_prefix("file://") {
        let state = init.state.unwrap_or_else(|| default_state(path));
        settings.files.push(audit::File {
            path: PathBuf::from(path),
            follow: true,
            start: audit::Start::End,
            state: Some(state),
        });
    } else if let Some((scheme, rest)) = params.split_once("://") {
        let tls = match scheme {
            "http" => None,
            "https" => Some(ServerTls {
                key: init.certificate.clone(),
                certificate: init.certificate,
                client_ca: init.client_ca,
            }),
            _ => return Err(format!("expected http, https or file, found `{scheme}`")),
        };
        let (listen, path) = rest.split_once('/').unwrap_or((rest, ""));
        settings.http.push(audit::Http {
            listen: listen_address(listen)?,
            path: format!("/{path}"),
            tls,
            max_body_bytes: init.max_body_bytes,
            ..audit::Http::default()
        });
    } else {
        settings.files.push(audit::File {
            path: PathBuf::from(params),
            follow: false,
            start: audit::Start::Beginning,
            state: None,
        });
    }
    Ok(settings)
}

/// `:9765` listens on every address, as in Falco.
fn listen_address(written: &str) -> Result<String, String> {
    let (host, port) = written.rsplit_once(':').ok_or_else(|| format!("`{written}` has no port"))?;
    if port.parse::<u16>().is_err() {
        return Err(format!("expected a port after the address, found `{port}`"));
    }
    Ok(if host.is_empty() { format!("0.0.0.0:{port}") } else { written.to_owned() })
}

/// Where it is kept how far a log has been read: by the log's path.
fn default_state(path: &str) -> PathBuf {
    PathBuf::from(format!("/var/lib/lithify/audit-{}.offset", &digest(path.as_bytes())[..16]))
}
