//! From bytes to a [`Config`], with the place of whatever is wrong.

use std::fmt::Display;
use std::str::FromStr;

use globset::{GlobBuilder, GlobMatcher};

use super::{Config, Enforcement, Exemption, Mode, Mutation, Webhook, Writable};
use crate::checks::Check;
use crate::k8s::{CustomKind, Kinds, quantity_bytes};
use crate::nearest::nearest;
use crate::profile::ContainerPath;
use crate::yaml::{Kind, Node, Position, Stream};

/// What is wrong with a configuration, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{position}: {message}")]
pub struct ConfigError {
    /// The place in the file.
    pub position: Position,
    /// What was found and what was expected.
    pub message: String,
}

/// Reads a configuration; an empty file is one that says nothing.
///
/// # Errors
/// [`ConfigError`] for what is no YAML, an unknown key (with the one that was meant), a value of another type
/// than expected, an unknown check, and an exemption without a reason.
pub fn read(source: &[u8]) -> Result<Config, ConfigError> {
    let stream = Stream::parse(source)
        .map_err(|error| ConfigError { position: error.position(), message: error.reason().to_string() })?;
    let documents = stream.documents().len();
    if let Some(second) = stream.document(1).and_then(|document| document.root()) {
        let message = format!("a configuration is one document, found {documents}");
        return Err(ConfigError { position: second.position(), message });
    }
    match stream.document(0).and_then(|document| document.root()) {
        None => Ok(Config::default()),
        Some(root) => config(root),
    }
}

fn config(root: Node<'_>) -> Result<Config, ConfigError> {
    const KEYS: &[&str] = &[
        "level",
        "select",
        "ignore",
        "pssVersion",
        "mutation",
        "writable",
        "enforcement",
        "exemptions",
        "kinds",
        "webhook",
    ];
    let mut config = Config::default();
    for (key, value) in entries(root, KEYS)? {
        match key {
            "level" => config.level = Some(parsed(value)?),
            "select" => config.select = checks(value)?,
            "ignore" => config.ignore = checks(value)?,
            "pssVersion" => config.pss_version = Some(parsed(value)?),
            "mutation" => config.mutation = one_of(value, MUTATIONS)?,
            "writable" => config.writable = writable(value)?,
            "enforcement" => config.enforcement = enforcement(value)?,
            "exemptions" => config.exemptions = items(value)?.map(exemption).collect::<Result<_, _>>()?,
            "webhook" => config.webhook = webhook(value)?,
            _ => config.kinds = Kinds { custom: items(value)?.map(kind).collect::<Result<_, _>>()? },
        }
    }
    Ok(config)
}

const MUTATIONS: &[(&str, Mutation)] =
    &[("off", Mutation::Off), ("profiled", Mutation::Profiled), ("all", Mutation::All)];
const MODES: &[(&str, Mode)] =
    &[("deny", Mode::Deny), ("warn", Mode::Warn), ("audit", Mode::Audit), ("off", Mode::Off)];

fn writable(node: Node<'_>) -> Result<Writable, ConfigError> {
    let mut writable = Writable::default();
    for (key, value) in entries(node, &["default", "profiles", "sizeLimit", "medium"])? {
        match key {
            "default" => writable.default = items(value)?.map(container_path).collect::<Result<_, _>>()?,
            "profiles" => writable.profiles = texts(value)?,
            "sizeLimit" => writable.size_limit = size(value)?,
            _ => one_of(value, &[("", ""), ("Memory", "Memory")])?.clone_into(&mut writable.medium),
        }
    }
    Ok(writable)
}

fn enforcement(node: Node<'_>) -> Result<Enforcement, ConfigError> {
    let mut enforcement = Enforcement::default();
    for (key, value) in entries(node, &["default", "namespaces"])? {
        if key == "default" {
            enforcement.default = one_of(value, MODES)?;
        } else {
            expect(value, Kind::Mapping, "a mapping of namespaces to modes")?;
            let modes = value.entries().map(|(name, mode)| Ok((text(name)?, one_of(mode, MODES)?)));
            enforcement.namespaces = modes.collect::<Result<_, ConfigError>>()?;
        }
    }
    Ok(enforcement)
}

fn webhook(node: Node<'_>) -> Result<Webhook, ConfigError> {
    const KEYS: &[&str] =
        &["workloads", "ephemeralContainers", "annotations", "exemptUsers", "mutateWorkloads", "probeImage"];
    let mut webhook = Webhook::default();
    for (key, value) in entries(node, KEYS)? {
        match key {
            "workloads" => webhook.workloads = one_of(value, MODES)?,
            "ephemeralContainers" => webhook.ephemeral_containers = one_of(value, MODES)?,
            "annotations" => webhook.annotations = truth(value)?,
            "exemptUsers" => webhook.exempt_users = texts(value)?,
            "mutateWorkloads" => webhook.mutate_workloads = truth(value)?,
            _ => webhook.probe_image = Some(image_by_digest(value)?),
        }
    }
    Ok(webhook)
}

/// A tag is whatever somebody pushed last; a digest is one build.
fn image_by_digest(node: Node<'_>) -> Result<String, ConfigError> {
    let image = text(node)?;
    let digest = image.split_once("@sha256:").filter(|(repository, _)| !repository.is_empty());
    let is_digest =
        digest.is_some_and(|(_, hex)| hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()));
    if is_digest {
        Ok(image)
    } else {
        let found = shown(node);
        Err(error(
            node,
            format!("expected an image with its digest, like registry/name@sha256:…, found {found}"),
        ))
    }
}

fn exemption(node: Node<'_>) -> Result<Exemption, ConfigError> {
    const KEYS: &[&str] = &["checks", "namespaces", "names", "containers", "images", "reason", "expires"];
    let mut exemption = Exemption {
        checks: Vec::new(),
        namespaces: None,
        names: None,
        containers: None,
        images: None,
        reason: String::new(),
        expires: None,
        position: node.position(),
    };
    for (key, value) in entries(node, KEYS)? {
        match key {
            "checks" => exemption.checks = checks(value)?,
            "namespaces" => exemption.namespaces = Some(globs(value)?),
            "names" => exemption.names = Some(globs(value)?),
            "containers" => exemption.containers = Some(globs(value)?),
            "images" => exemption.images = Some(globs(value)?),
            "reason" => exemption.reason = text(value)?,
            _ => {
                let date = text(value)?;
                let parsed = date.parse().ok();
                let wrong = || error(value, format!("expected a date like 2027-06-30, found `{date}`"));
                exemption.expires = Some(parsed.ok_or_else(wrong)?);
            }
        }
    }
    if exemption.checks.is_empty() {
        return Err(error(node, "an exemption names its `checks`"));
    }
    if exemption.reason.trim().is_empty() {
        return Err(error(node, "an exemption gives its `reason`"));
    }
    Ok(exemption)
}

fn kind(node: Node<'_>) -> Result<CustomKind, ConfigError> {
    let mut kind = CustomKind { group: String::new(), kind: String::new(), template: Vec::new() };
    for (key, value) in entries(node, &["group", "kind", "template"])? {
        match key {
            "group" => kind.group = text(value)?,
            "kind" => kind.kind = text(value)?,
            _ => kind.template = text(value)?.split('.').map(str::to_owned).collect(),
        }
    }
    if kind.kind.is_empty() || kind.template.iter().any(String::is_empty) {
        let message =
            "a kind names its `kind`, and the keys to its pod template as `template: spec.template`";
        return Err(error(node, message));
    }
    Ok(kind)
}

fn entries<'a>(node: Node<'a>, known: &[&'static str]) -> Result<Vec<(&'static str, Node<'a>)>, ConfigError> {
    expect(node, Kind::Mapping, "a mapping")?;
    let name = |(key, value): (Node<'a>, Node<'a>)| {
        let written = key.key().unwrap_or_default();
        match known.iter().find(|name| **name == written) {
            Some(name) => Ok((*name, value)),
            None => Err(error(key, unknown("key", &written, known))),
        }
    };
    node.entries().map(name).collect()
}

fn unknown(what: &str, written: &str, known: &[&str]) -> String {
    match nearest(written, known.iter().copied()) {
        Some(near) => format!("unknown {what} `{written}`; did you mean `{near}`?"),
        None => format!("unknown {what} `{written}`, expected one of {}", known.join(", ")),
    }
}

fn expect(node: Node<'_>, kind: Kind, what: &str) -> Result<(), ConfigError> {
    if node.kind() == kind {
        Ok(())
    } else {
        Err(error(node, format!("expected {what}, found {}", shown(node))))
    }
}

fn items(node: Node<'_>) -> Result<impl Iterator<Item = Node<'_>>, ConfigError> {
    expect(node, Kind::Sequence, "a list").map(|()| node.items())
}

fn text(node: Node<'_>) -> Result<String, ConfigError> {
    // A date is text to YAML 1.2 and to us; a number or a bool is not.
    let text = node.as_str().map(std::borrow::Cow::into_owned);
    text.ok_or_else(|| error(node, format!("expected text, found {}", shown(node))))
}

fn truth(node: Node<'_>) -> Result<bool, ConfigError> {
    node.to_value()
        .as_bool()
        .ok_or_else(|| error(node, format!("expected true or false, found {}", shown(node))))
}

fn texts(node: Node<'_>) -> Result<Vec<String>, ConfigError> {
    items(node)?.map(text).collect()
}

fn checks(node: Node<'_>) -> Result<Vec<String>, ConfigError> {
    let known: Vec<&str> = crate::checks::CHECKS.iter().map(|check| check.id).collect();
    let check = |node| {
        let id = text(node)?;
        if Check::find(&id).is_some() { Ok(id) } else { Err(error(node, unknown("check", &id, &known))) }
    };
    items(node)?.map(check).collect()
}

fn container_path(node: Node<'_>) -> Result<ContainerPath, ConfigError> {
    ContainerPath::parse(&text(node)?).map_err(|wrong| error(node, wrong.to_string()))
}

fn size(node: Node<'_>) -> Result<String, ConfigError> {
    let size = text(node)?;
    if size.is_empty() || quantity_bytes(&size).is_some() {
        Ok(size)
    } else {
        Err(error(node, format!("expected a quantity like 64Mi, found `{size}`")))
    }
}

fn globs(node: Node<'_>) -> Result<Vec<GlobMatcher>, ConfigError> {
    let glob = |node| {
        let pattern = text(node)?;
        let glob = GlobBuilder::new(&pattern).literal_separator(false).build();
        glob.map(|glob| glob.compile_matcher()).map_err(|wrong| error(node, wrong.to_string()))
    };
    items(node)?.map(glob).collect()
}

fn parsed<T: FromStr<Err: Display>>(node: Node<'_>) -> Result<T, ConfigError> {
    text(node)?.parse().map_err(|wrong: T::Err| error(node, wrong.to_string()))
}

fn one_of<T: Copy>(node: Node<'_>, known: &[(&str, T)]) -> Result<T, ConfigError> {
    // YAML 1.1 reads a bare `off` as false.
    let word = if node.to_value() == serde_json::Value::Bool(false) { "off".to_owned() } else { text(node)? };
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    let found = known.iter().find(|(name, _)| *name == word);
    found.map(|(_, value)| *value).ok_or_else(|| error(node, unknown("value", &word, &names)))
}

fn shown(node: Node<'_>) -> String {
    match node.kind() {
        Kind::Mapping => "a mapping".to_owned(),
        Kind::Sequence => "a list".to_owned(),
        Kind::Scalar => format!("`{}`", node.to_value()),
    }
}

fn error(node: Node<'_>, message: impl Into<String>) -> ConfigError {
    ConfigError { position: node.position(), message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Level;
    use crate::config::Subject;

    const CONTRACT: &str = "\
level: immutable
select: []
ignore: []
pssVersion: latest
mutation: off
writable:
  default: [/tmp]
  profiles: [profiles/*.yaml]
  sizeLimit: \"\"
  medium: \"\"
enforcement:
  default: warn
  namespaces: {prod: deny}
exemptions:
- checks: [privileged]
  namespaces: [kube-system]
  images: [\"registry.k8s.io/kube-proxy:*\"]
  reason: kube-proxy programs the host's netfilter
  expires: 2027-06-30
kinds:
- {group: argoproj.io, kind: Rollout, template: spec.template}
webhook:
  workloads: deny
  ephemeralContainers: off
  annotations: false
  exemptUsers: [system:serviceaccount:ops:installer]
  mutateWorkloads: true
";

    fn message(source: &str) -> String {
        read(source.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn reads_the_contract() {
        let config = read(CONTRACT.as_bytes()).unwrap();
        assert_eq!((config.level, config.mutation), (Some(Level::Immutable), Mutation::Off));
        assert_eq!(config.enforcement.namespaces, [("prod".to_owned(), Mode::Deny)]);
        assert_eq!(config.kinds.custom[0].template, ["spec", "template"]);
        assert_eq!(config.webhook.workloads, Mode::Deny);
        assert_eq!(config.webhook.ephemeral_containers, Mode::Off);
        assert!(config.webhook.mutate_workloads && !config.webhook.annotations);
        assert_eq!(config.exemptions[0].expires.map(|date| date.to_string()).as_deref(), Some("2027-06-30"));
    }

    #[test]
    fn exempts_whom_it_names() {
        let config = read(CONTRACT.as_bytes()).unwrap();
        let exemption = &config.exemptions[0];
        let proxy = ["registry.k8s.io/kube-proxy:v1.34.4"];
        let both = [proxy[0], "docker.io/library/nginx"];
        let subject = Subject { namespace: "kube-system", images: &proxy, ..Subject::default() };
        assert!(exemption.covers("privileged", &subject));
        assert!(!exemption.covers("host-ports", &subject));
        assert!(!exemption.covers("privileged", &Subject { namespace: "web", ..subject }));
        assert!(
            !exemption.covers("privileged", &Subject { images: &both, ..subject }),
            "one image is another"
        );
        assert!(exemption.is_expired("2027-07-01".parse().unwrap()));
        assert!(!exemption.is_expired("2027-06-30".parse().unwrap()));
    }

    #[test]
    fn names_the_place_and_what_was_meant() {
        assert_eq!(
            message("levle: strict\n"),
            "line 1, column 1: unknown key `levle`; did you mean `level`?"
        );
        assert_eq!(
            message("exemptions:\n- checks: [privileged]\n"),
            "line 2, column 3: an exemption gives its `reason`"
        );
        assert_eq!(
            message("ignore: [priviledged]\n"),
            "line 1, column 10: unknown check `priviledged`; did you mean `privileged`?"
        );
        assert_eq!(
            message("select: privileged\n"),
            "line 1, column 9: expected a list, found `\"privileged\"`"
        );
        assert_eq!(
            message("writable: {default: [tmp]}\n"),
            "line 1, column 22: expected an absolute path, found `tmp`"
        );
        assert_eq!(
            message("writable: {sizeLimit: 1MB}\n"),
            "line 1, column 23: expected a quantity like 64Mi, found `1MB`"
        );
    }

    #[test]
    fn an_empty_file_says_nothing() {
        assert!(read(b"# nothing\n").unwrap().level.is_none());
    }
}
