//! What the apiserver reads out of a request's URL.
//!
//! Source: kubernetes `staging/src/k8s.io/apiserver/pkg/endpoints/request/requestinfo.go`, v1.34.

use std::borrow::Cow;

use super::request::{Resource, Target};

/// Verbs that a path may begin with, behind the version: `/api/v1/watch/pods`.
const PATH_VERBS: [&str; 2] = ["proxy", "watch"];

/// What of a namespace is no resource in it: `/api/v1/namespaces/a/status`.
const NAMESPACE_SUBRESOURCES: [&str; 2] = ["status", "finalize"];

/// A URL as the apiserver resolves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The verb that the policy sees.
    pub verb: String,
    /// What is asked for.
    pub target: Target<'static>,
}

/// The path of a URI without its query, with `%41` read as `A`.
pub(crate) fn path(uri: &str) -> Cow<'_, str> {
    unescape(uri.split(['?', '#']).next().unwrap_or_default())
}

/// Whether the path of a resource request holds the name of an object.
pub(crate) fn names_object(uri: &str) -> bool {
    // Escapes make no new segments: a decoded slash would, and the apiserver would split there too.
    let path = path(uri);
    object_parts(&path).is_some_and(|parts| parts.parts.len() > 1)
}

/// Resolves a path, with or without query, for a verb of Kubernetes or an HTTP method in any case.
///
/// `get` of a collection becomes `list`, or `watch` where the query asks for it; `delete` of one becomes
/// `deletecollection`; methods become verbs. Verbs that say more, such as `list`, stay.
pub fn resolve(verb: &str, uri: &str) -> Resolved {
    let path = path(uri);
    let lower = verb.to_lowercase();
    let Some(parts) = object_parts(&path) else {
        return Resolved { verb: lower, target: Target::Path(path.into_owned().into()) };
    };
    let mut segments = parts.parts.iter().copied();
    let resource = segments.next().unwrap_or_default();
    let mut name = segments.next().unwrap_or_default().to_owned();
    let subresource = if parts.path_verb == Some("proxy") { None } else { segments.next() };
    let mut verb = match parts.path_verb {
        Some(verb) => verb.to_owned(),
        None => object_verb(&lower, !name.is_empty()),
    };
    let is_read = ["get", "head", "list"].contains(&lower.as_str());
    if name.is_empty() && verb == "list" && is_read {
        let query = Query::of(uri);
        if query.watch {
            "watch".clone_into(&mut verb);
        }
        name = query.name.unwrap_or_default();
    }
    let target = Target::Resource(Resource {
        group: parts.group.to_owned().into(),
        resource: resource.to_owned().into(),
        subresource: subresource.unwrap_or_default().to_owned().into(),
        namespace: parts.namespace.to_owned().into(),
        name: name.into(),
    });
    Resolved { verb, target }
}

/// The verb of a resource request, from a verb of Kubernetes or an HTTP method in lower case: `get` and
/// `delete` without a name are `list` and `deletecollection`.
pub fn object_verb(verb: &str, is_named: bool) -> String {
    let verb = verb.to_lowercase();
    match (verb.as_str(), is_named) {
        ("post", _) => "create".to_owned(),
        ("put", _) => "update".to_owned(),
        ("get" | "head", true) => "get".to_owned(),
        ("get" | "head", false) => "list".to_owned(),
        ("delete", false) => "deletecollection".to_owned(),
        _ => verb,
    }
}

/// The segments of a resource request's path.
struct ObjectParts<'p> {
    group: &'p str,
    namespace: &'p str,
    path_verb: Option<&'p str>,
    /// The resource, the name, the subresource and what follows; at least the resource.
    parts: Vec<&'p str>,
}

fn object_parts(path: &str) -> Option<ObjectParts<'_>> {
    let mut parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let group = match parts[0] {
        "api" if parts.len() >= 3 => "",
        "apis" if parts.len() >= 4 => parts.remove(1),
        _ => return None,
    };
    parts.drain(..2);
    let path_verb = PATH_VERBS.into_iter().find(|verb| *verb == parts[0] && parts.len() > 1);
    if path_verb.is_some() {
        parts.remove(0);
    }
    let mut namespace = "";
    if parts[0] == "namespaces" && parts.len() > 1 {
        namespace = parts[1];
        if parts.len() > 2 && !NAMESPACE_SUBRESOURCES.contains(&parts[2]) {
            parts.drain(..2);
        }
    }
    Some(ObjectParts { group, namespace, path_verb, parts })
}

/// What a query says about a list.
#[derive(Default)]
struct Query {
    watch: bool,
    name: Option<String>,
}

impl Query {
    fn of(uri: &str) -> Self {
        let mut found = Self::default();
        let Some((_, query)) = uri.split_once('?') else { return found };
        for (key, value) in query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, ""))) {
            let value = value.replace('+', " ");
            let value = unescape(&value);
            match &*unescape(key) {
                "watch" => found.watch = !["false", "0"].contains(&value.to_lowercase().as_str()),
                "fieldSelector" => found.name = selected_name(&value),
                _ => {}
            }
        }
        found
    }
}

/// The name that a field selector asks for.
fn selected_name(selector: &str) -> Option<String> {
    let terms = selector.split(',').filter(|term| !term.contains("!="));
    let mut terms = terms.filter_map(|term| term.split_once('='));
    let (_, name) = terms.find(|(field, _)| *field == "metadata.name")?;
    let name = name.strip_prefix('=').unwrap_or(name);
    (!name.is_empty() && !name.contains(['/', '%']) && ![".", ".."].contains(&name)).then(|| name.to_owned())
}

/// Reads `%41` as `A`; what is no escape, or no UTF-8, stays.
fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let digit = |index: usize| bytes.get(index).and_then(|byte| (*byte as char).to_digit(16));
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match (bytes[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                plain.push(u8::try_from(high * 16 + low).expect("two hexadecimal digits make a byte"));
                at += 3;
            }
            (byte, ..) => {
                plain.push(byte);
                at += 1;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&plain).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `verb group/resource/subresource namespace name`, with `-` for what is empty.
    fn resolved(verb: &str, uri: &str) -> String {
        let resolved = resolve(verb, uri);
        match resolved.target {
            Target::Path(path) => format!("{} {path}", resolved.verb),
            Target::Resource(resource) => {
                let shown = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
                let Resource { group, resource, subresource, namespace, name } = resource;
                let words: Vec<_> =
                    [&group, &resource, &subresource, &namespace, &name].map(|word| shown(word)).to_vec();
                format!("{} {}", resolved.verb, words.join(" "))
            }
        }
    }

    #[test]
    fn resolves_paths_as_the_apiserver_does() {
        for (verb, uri, expected) in [
            ("GET", "/api/v1/namespaces/other/pods", "list - pods - other -"),
            ("GET", "/api/v1/namespaces/other/pods/foo", "get - pods - other foo"),
            ("HEAD", "/api/v1/pods", "list - pods - - -"),
            ("GET", "/api/v1/namespaces/other", "get - namespaces - other other"),
            ("GET", "/api/v1/namespaces", "list - namespaces - - -"),
            ("PUT", "/api/v1/namespaces/other/finalize", "update - namespaces finalize other other"),
            ("GET", "/api/v1/watch/namespaces/other/pods", "watch - pods - other -"),
            ("GET", "/api/v1/proxy/namespaces/other/pods/foo/bar", "proxy - pods - other foo"),
            ("POST", "/api/v1/namespaces/a/pods/foo/eviction", "create - pods eviction a foo"),
            ("DELETE", "/apis/apps/v1/namespaces/a/deployments", "deletecollection apps deployments - a -"),
            ("DELETE", "/apis/apps/v1/namespaces/a/deployments/x", "delete apps deployments - a x"),
            ("PATCH", "/apis/batch/v1/namespaces/a/jobs/x/status", "patch batch jobs status a x"),
            ("GET", "/api/v1/pods?watch=1", "watch - pods - - -"),
            ("GET", "/api/v1/pods?watch=false&fieldSelector=metadata.name%3Dweb", "list - pods - - web"),
            ("list", "/api/v1/pods", "list - pods - - -"),
            ("GET", "/api/v1", "get /api/v1"),
            ("GET", "/apis/apps/v1/", "get /apis/apps/v1/"),
            ("POST", "/healthz?verbose", "post /healthz"),
            ("GET", "/", "get /"),
        ] {
            assert_eq!(resolved(verb, uri), expected, "{verb} {uri}");
        }
    }

    #[test]
    fn tells_objects_from_collections() {
        assert!(names_object("/api/v1/namespaces/a/pods/pods"));
        assert!(!names_object("/api/v1/namespaces/a/pods?name=x") && !names_object("/healthz"));
    }

    #[test]
    fn survives_broken_escapes() {
        assert_eq!(path("/a%2Fb%zz%4"), "/a/b%zz%4");
        assert_eq!(path("/%ff"), "/\u{fffd}");
    }
}
