//! Where each field of an audit event stands.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::Value as Json;

use super::super::field::{Field, FieldId};
use super::super::time::Timestamp;
use super::pod;

/// A field's value in a document.
pub(super) enum Found<'e> {
    /// A text that stands there.
    Borrowed(&'e str),
    /// A text that had to be made.
    Made(String),
    /// Several.
    Several(Vec<Cow<'e, str>>),
}

#[derive(Clone, Copy)]
enum Rule {
    /// The value at these keys.
    At(&'static [&'static str]),
    /// The items of the list at these keys.
    ListAt(&'static [&'static str]),
    /// The subjects of a role binding of a kind.
    Subjects(&'static str),
    /// A key of every rule of a role, flattened.
    RoleRules(&'static str),
    /// The item of `ListAt` that the argument names, or all.
    Items(&'static [&'static str]),
    /// A key of every volume of a pod.
    Volumes(&'static [&'static str]),
    VolumeTypes,
    HasVolume,
    /// The first container's.
    FirstContainer(pod::Part),
    AnyPrivileged,
    Containers(&'static str, pod::Part),
    Parameter,
    PodName,
    True,
    Pointer,
    Document,
    RawTime,
}

use Rule::{At, ListAt};

const SPEC: &str = "spec";
const OBJECT: &str = "requestObject";

const RULES: &[(&str, Rule)] = &[
    ("ka.auditid", At(&["auditID"])),
    ("ka.stage", At(&["stage"])),
    ("ka.auth.decision", At(&["annotations", "authorization.k8s.io/decision"])),
    ("ka.auth.reason", At(&["annotations", "authorization.k8s.io/reason"])),
    ("ka.auth.openshift.decision", At(&["annotations", "authentication.openshift.io/decision"])),
    ("ka.auth.openshift.username", At(&["annotations", "authentication.openshift.io/username"])),
    (
        "ka.validations.admission.policy.failure",
        At(&["annotations", "validation.policy.admission.k8s.io/validation_failure"]),
    ),
    ("ka.security.pod.violations", At(&["annotations", "pod-security.kubernetes.io/audit-violations"])),
    ("ka.user.name", At(&["user", "username"])),
    ("ka.user.groups", ListAt(&["user", "groups"])),
    ("ka.impuser.name", At(&["impersonatedUser", "username"])),
    ("ka.verb", At(&["verb"])),
    ("ka.uri", At(&["requestURI"])),
    ("ka.uri.param", Rule::Parameter),
    ("ka.target.name", At(&["objectRef", "name"])),
    ("ka.target.namespace", At(&["objectRef", "namespace"])),
    ("ka.target.resource", At(&["objectRef", "resource"])),
    ("ka.target.subresource", At(&["objectRef", "subresource"])),
    ("ka.target.pod.name", Rule::PodName),
    ("ka.req.binding.subjects", ListAt(&[OBJECT, "subjects"])),
    ("ka.req.binding.subjects.user_names", Rule::Subjects("User")),
    ("ka.req.binding.subjects.serviceaccount_names", Rule::Subjects("ServiceAccount")),
    ("ka.req.binding.subjects.serviceaccount_ns_names", Rule::Subjects("namespaced ServiceAccount")),
    ("ka.req.binding.subjects.group_names", Rule::Subjects("Group")),
    ("ka.req.binding.role", At(&[OBJECT, "roleRef", "name"])),
    ("ka.req.binding.subject.has_name", Rule::True),
    ("ka.req.configmap.name", At(&["objectRef", "name"])),
    ("ka.req.configmap.obj", At(&[OBJECT, "data"])),
    ("ka.req.container.image", Rule::FirstContainer(pod::Part::Image)),
    ("ka.req.container.image.repository", Rule::FirstContainer(pod::Part::Repository)),
    ("ka.req.container.host_network", At(&[OBJECT, SPEC, "hostNetwork"])),
    ("ka.req.container.privileged", Rule::AnyPrivileged),
    ("ka.req.pod.host_ipc", At(&[OBJECT, SPEC, "hostIPC"])),
    ("ka.req.pod.host_network", At(&[OBJECT, SPEC, "hostNetwork"])),
    ("ka.req.pod.host_pid", At(&[OBJECT, SPEC, "hostPID"])),
    ("ka.req.pod.run_as_user", At(&[OBJECT, SPEC, "securityContext", "runAsUser"])),
    ("ka.req.pod.run_as_group", At(&[OBJECT, SPEC, "securityContext", "runAsGroup"])),
    ("ka.req.pod.fs_group", At(&[OBJECT, SPEC, "securityContext", "fsGroup"])),
    ("ka.req.pod.supplemental_groups", ListAt(&[OBJECT, SPEC, "securityContext", "supplementalGroups"])),
    ("ka.req.role.rules", ListAt(&[OBJECT, "rules"])),
    ("ka.req.role.rules.apiGroups", Rule::RoleRules("apiGroups")),
    ("ka.req.role.rules.nonResourceURLs", Rule::RoleRules("nonResourceURLs")),
    ("ka.req.role.rules.verbs", Rule::RoleRules("verbs")),
    ("ka.req.role.rules.resources", Rule::RoleRules("resources")),
    ("ka.req.service.type", At(&[OBJECT, SPEC, "type"])),
    ("ka.req.service.ports", Rule::Items(&[OBJECT, SPEC, "ports"])),
    ("ka.req.pod.volumes.hostpath", Rule::Volumes(&["hostPath", "path"])),
    ("ka.req.pod.volumes.flexvolume_driver", Rule::Volumes(&["flexVolume", "driver"])),
    ("ka.req.pod.volumes.volume_type", Rule::VolumeTypes),
    ("ka.req.volume.hostpath", Rule::HasVolume),
    ("ka.resp.name", At(&["responseObject", "metadata", "name"])),
    ("ka.response.code", At(&["responseStatus", "code"])),
    ("ka.response.reason", At(&["responseStatus", "reason"])),
    ("ka.useragent", At(&["userAgent"])),
    ("ka.sourceips", Rule::Items(&["sourceIPs"])),
    ("ka.cluster.name", At(&["annotations", "cluster_name"])),
    ("json.value", Rule::Pointer),
    ("jevt.value", Rule::Pointer),
    ("json.obj", Rule::Document),
    ("jevt.obj", Rule::Document),
    ("json.rawtime", Rule::RawTime),
    ("jevt.rawtime", Rule::RawTime),
];

static BY_FIELD: LazyLock<Box<[Option<Rule>]>> = LazyLock::new(|| {
    let named: HashMap<&str, Rule> = RULES.iter().copied().collect();
    let rule = |id: FieldId| {
        let of_containers = || {
            let (list, part) = id.name().strip_prefix("ka.req.pod.")?.split_once('.')?;
            Some(Rule::Containers(list, pod::Part::of(part)?))
        };
        named.get(id.name()).copied().or_else(of_containers)
    };
    FieldId::all().map(rule).collect()
});

/// The value of a field in a document; `None` where it has none.
pub(super) fn extract<'e>(json: &'e Json, field: &Field, time: Timestamp) -> Option<Found<'e>> {
    let rule = BY_FIELD[field.id().index()]?;
    let index = field.number().map(|number| number as usize);
    match rule {
        Rule::Pointer => return pointed(json, field.key()?).map(text),
        Rule::Document => return serde_json::to_string_pretty(json).ok().map(Found::Made),
        Rule::RawTime => return Some(Found::Made(time.0.to_string())),
        _ => json.get("auditID")?,
    };
    match rule {
        At(keys) => at(json, keys).map(text),
        ListAt(keys) | Rule::Items(keys) => {
            let items = at(json, keys)?.as_array()?.iter();
            Some(Found::Several(chosen(items, index)?.map(written).collect()))
        }
        Rule::Subjects(kind) => Some(Found::Several(subjects(json, kind)?)),
        Rule::RoleRules(key) => {
            let rules = at(json, &[OBJECT, "rules"])?.as_array()?.iter();
            let lists = chosen(rules, index)?.filter_map(|rule| rule.get(key)?.as_array());
            Some(Found::Several(lists.flatten().map(written).collect()))
        }
        Rule::Volumes(keys) => {
            let volumes = at(json, &[OBJECT, SPEC, "volumes"])?.as_array()?.iter();
            let found = chosen(volumes, index)?.filter_map(|volume| at(volume, keys)).map(written);
            Some(Found::Several(found.collect()))
        }
        Rule::VolumeTypes => {
            let volumes = at(json, &[OBJECT, SPEC, "volumes"])?.as_array()?.iter();
            let keys = chosen(volumes, index)?.filter_map(Json::as_object).flat_map(|volume| volume.keys());
            Some(Found::Several(keys.filter(|key| *key != "name").map(Cow::from).collect()))
        }
        Rule::HasVolume => has_volume(json, field.key()?).map(|found| Found::Borrowed(truth(found))),
        Rule::FirstContainer(part) => {
            let mut values = part.of_containers(json, "containers", Some(0))?;
            (!values.is_empty()).then(|| Found::Made(values.swap_remove(0).into_owned()))
        }
        Rule::AnyPrivileged => {
            let values = pod::Part::of("privileged")?.of_containers(json, "containers", None)?;
            Some(Found::Borrowed(truth(values.iter().any(|value| value == "true"))))
        }
        Rule::Containers(list, part) => Some(Found::Several(part.of_containers(json, list, index)?)),
        Rule::Parameter => parameter(json.get("requestURI")?.as_str()?, field.key()?).map(Found::Made),
        Rule::PodName => pod_name(json).map(Found::Borrowed),
        Rule::True => Some(Found::Borrowed("true")),
        Rule::Pointer | Rule::Document | Rule::RawTime => None,
    }
}

/// The value at these keys.
pub(super) fn at<'e>(json: &'e Json, keys: &[&str]) -> Option<&'e Json> {
    keys.iter().try_fold(json, |json, key| json.get(key)).filter(|json| !json.is_null())
}

/// All items, or the one that was asked for; `None` where there is no such item.
pub(super) fn chosen(
    items: std::slice::Iter<'_, Json>,
    index: Option<usize>,
) -> Option<std::slice::Iter<'_, Json>> {
    let Some(index) = index else { return Some(items) };
    Some(items.as_slice().get(index..=index)?.iter())
}

/// A value as text: texts as they are, anything else as JSON.
pub(super) fn written(json: &Json) -> Cow<'_, str> {
    match json {
        Json::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

fn text(json: &Json) -> Found<'_> {
    match written(json) {
        Cow::Borrowed(text) => Found::Borrowed(text),
        Cow::Owned(text) => Found::Made(text),
    }
}

const fn truth(flag: bool) -> &'static str {
    if flag { "true" } else { "false" }
}

/// The value at a JSON pointer, whose leading slash may be missing.
fn pointed<'e>(json: &'e Json, pointer: &str) -> Option<&'e Json> {
    if pointer.starts_with('/') { json.pointer(pointer) } else { json.pointer(&format!("/{pointer}")) }
}

fn subjects<'e>(json: &'e Json, kind: &str) -> Option<Vec<Cow<'e, str>>> {
    let subjects = at(json, &[OBJECT, "subjects"])?.as_array()?;
    let (kind, namespaced) = match kind.strip_prefix("namespaced ") {
        Some(kind) => (kind, true),
        None => (kind, false),
    };
    let of_kind = subjects.iter().filter(|subject| subject.get("kind").and_then(Json::as_str) == Some(kind));
    let names = of_kind.filter_map(|subject| {
        let name = subject.get("name")?.as_str()?;
        if !namespaced {
            return Some(Cow::Borrowed(name));
        }
        Some(Cow::Owned(format!("{}:{name}", subject.get("namespace")?.as_str()?)))
    });
    Some(names.collect())
}

fn has_volume(json: &Json, wanted: &str) -> Option<bool> {
    let volumes = at(json, &[OBJECT, SPEC, "volumes"])?.as_array()?.iter();
    let mut paths = volumes.filter_map(|volume| at(volume, &["hostPath", "path"])?.as_str());
    Some(match wanted.strip_suffix('*') {
        Some(prefix) => paths.any(|path| path.starts_with(prefix)),
        None => paths.any(|path| path == wanted),
    })
}

/// The name of the pod that a request works on: the target, the created object, or the pod of a binding.
fn pod_name(json: &Json) -> Option<&str> {
    if at(json, &["objectRef", "resource"])?.as_str()? != "pods" {
        return None;
    }
    let named = |keys: &[&str]| at(json, keys).and_then(Json::as_str);
    named(&["objectRef", "name"]).or_else(|| named(&["responseObject", "metadata", "name"]))
}

/// The first value of a query parameter, decoded.
fn parameter(uri: &str, wanted: &str) -> Option<String> {
    let query = uri.split_once('?')?.1.split('#').next()?;
    query.split('&').find_map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name)? == wanted).then(|| decode(value)).flatten()
    })
}

/// Percent-decodes, with `+` as a blank; `None` where it is malformed.
fn decode(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            byte => byte,
        });
    }
    Some(String::from_utf8_lossy(&decoded).into_owned())
}
