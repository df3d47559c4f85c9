//! The probe beside a workload: injected on a label, and let through only as it would be injected.
//!
//! CAP_BPF and CAP_PERFMON violate the baseline level and show whoever holds them the whole node. So the exemption is
//! not for a name or an image but for one container to the letter: `manifests/probe/sidecar.yaml` with the configured
//! image, which is named by its digest. Who writes the pod has no say in what runs with these capabilities.

use lithify::checks::Finding;
use lithify::edit::FieldOp;
use lithify::k8s::{Tree, pod_specs, to_value};
use lithify::yaml::{Pointer, Stream};
use serde_json::{Map, Value, json};

use super::exempt::Exempt;
use super::mutate::{annotate, pointer};

/// Set on a pod to ask for it.
pub const LABEL: &str = "lithify.dev/probe";
/// The label's only value.
const WANTED: &str = "sidecar";
/// The label by which Pod Security Admission refuses pods.
pub(super) const POD_SECURITY: &str = "pod-security.kubernetes.io/enforce";
/// The list that a native sidecar is in.
const LIST: &str = "initContainers";
/// Where the ServiceAccount plugin mounts the account's token, in every container.
const TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// The model.
const TEMPLATE: &[u8] = include_bytes!("../../../../manifests/probe/sidecar.yaml");

/// What the pod and the audit log are told of it.
pub(super) const SIDECAR: &str = "lithify-probe: inject it as a sidecar (webhook.probeImage)";

/// Why a finding about it is let through.
pub(super) const REASON: &str = "the probe's sidecar, to the letter, with the image of webhook.probeImage";

/// The rendered template.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sidecar {
    name: String,
    container: Value,
    volumes: Vec<Value>,
}

/// What becomes of a pod that asks for the probe.
#[derive(Debug, PartialEq)]
pub(super) enum Injection {
    /// Nobody asks, or it is there.
    Nothing,
    /// It is asked for, and cannot be.
    Refused(String),
    /// The changes of the pod.
    Ops(Vec<FieldOp>),
}

impl Sidecar {
    /// The template with an image, defaults filled in as the API does.
    pub(super) fn rendered(image: &str) -> Self {
        let stream = Stream::parse(TEMPLATE).expect("the template is YAML");
        let pod = stream.documents().next().map(|document| document.to_value()).unwrap_or_default();
        let mut container = pod["spec"][LIST][0].clone();
        container["image"] = json!(image);
        let is_mounted = |volume: &&Value| {
            let mounts = container["volumeMounts"].as_array();
            mounts.is_some_and(|mounts| mounts.iter().any(|mount| mount["name"] == volume["name"]))
        };
        let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
        let volumes = volumes.filter(is_mounted).cloned().map(with_volume_defaults).collect();
        let name = container["name"].as_str().unwrap_or_default().to_owned();
        Self { name, container: with_defaults(container), volumes }
    }

    /// What a new pod gets. `security`: the level that Pod Security enforces in its namespace.
    pub(super) fn inject(&self, pod: &Value, security: Option<&str>) -> Injection {
        let spec = &pod["spec"];
        if self.genuine(spec).is_some() {
            return Injection::Nothing;
        }
        if let Some(level @ ("baseline" | "restricted")) = security {
            return Injection::Refused(format!(
                "Pod Security enforces `{level}` in this namespace, which refuses CAP_BPF and CAP_PERFMON"
            ));
        }
        if is_shared(spec) {
            return Injection::Refused(
                "it shares its process namespace, where the other containers could reach into the probe"
                    .to_owned(),
            );
        }
        let lists = [LIST, "containers", "ephemeralContainers"];
        let mut containers = lists.into_iter().filter_map(|list| spec.get(list)).flat_map(Tree::items);
        if containers.any(|container| container["name"] == self.name.as_str()) {
            return Injection::Refused(format!("it has another container of the name `{}`", self.name));
        }
        let mut ops = Vec::new();
        let at = |list: &str| Pointer::root().join("spec").join(list);
        match spec.field(LIST) {
            Some(_) => ops.push(FieldOp::Insert { at: at(LIST).join("0"), value: self.container.clone() }),
            None => ops.push(FieldOp::Set { at: at(LIST), value: json!([self.container]) }),
        }
        let there: Vec<&Value> = spec.field("volumes").into_iter().flat_map(Tree::items).collect();
        let mut missing = Vec::new();
        for volume in &self.volumes {
            match there.iter().find(|other| other["name"] == volume["name"]) {
                None => missing.push(volume.clone()),
                Some(other) if with_volume_defaults((*other).clone()) == *volume => {}
                Some(_) => {
                    return Injection::Refused(format!(
                        "it has another volume of the name {}",
                        volume["name"]
                    ));
                }
            }
        }
        if spec.field("volumes").is_some() {
            ops.extend(missing.into_iter().map(|value| FieldOp::Append { at: at("volumes"), value }));
        } else if !missing.is_empty() {
            ops.push(FieldOp::Set { at: at("volumes"), value: Value::Array(missing) });
        }
        let metadata = Pointer::root().join("metadata");
        ops.push(annotate(pod.field("metadata"), &metadata, &[SIDECAR.to_owned()]));
        Injection::Ops(ops)
    }

    /// Whether a finding is about the probe's own container in an object, and nothing else.
    pub(super) fn covers(&self, exempt: &Exempt<'_, '_>, finding: &Finding) -> bool {
        if finding.container.as_deref() != Some(self.name.as_str()) {
            return false;
        }
        let pods = pod_specs(exempt.object, &exempt.policy.context().kinds).into_iter().flatten();
        pods.into_iter().any(|pod| {
            let index = self.genuine(&to_value(pod.spec));
            let place = index.map(|index| pointer(&pod.path).join(LIST).join(Pointer::index(index)));
            place.is_some_and(|place| {
                finding.pointer.tokens().zip(place.tokens()).filter(|(a, b)| a == b).count()
                    == place.tokens().count()
            })
        })
    }

    /// The index of the init container that is the rendered template, in a pod whose volumes are the template's and
    /// whose other containers cannot reach into it.
    fn genuine(&self, spec: &Value) -> Option<usize> {
        let volumes: Vec<Value> =
            spec.field("volumes")?.items().map(|volume| with_volume_defaults(volume.clone())).collect();
        if is_shared(spec) || !self.volumes.iter().all(|volume| volumes.contains(volume)) {
            return None;
        }
        let wanted = essence(self.container.clone());
        spec.field(LIST)?.items().position(|container| essence(container.clone()) == wanted)
    }
}

/// Whether a pod asks for the probe; `Err` for a label that means nothing.
pub(super) fn is_wanted<T: Tree>(pod: T) -> Result<bool, String> {
    let labels = pod.field("metadata").and_then(|metadata| metadata.field("labels"));
    let Some(label) = labels.and_then(|labels| labels.get(LABEL)) else { return Ok(false) };
    let value = label.as_str();
    match value.as_ref().map(AsRef::as_ref) {
        Some(WANTED) => Ok(true),
        other => Err(format!("its label {LABEL} is `{}`, expected {WANTED}", other.unwrap_or_default())),
    }
}

fn is_shared(spec: &Value) -> bool {
    spec["shareProcessNamespace"] == true
}

/// What must be equal. Resources may differ, for a LimitRange fills them in; so may the account's token, which the
/// API mounts everywhere.
fn essence(container: Value) -> Value {
    let mut container = with_defaults(container);
    if let Some(fields) = container.as_object_mut() {
        fields.shift_remove("resources");
    }
    if let Some(mounts) = container["volumeMounts"].as_array_mut() {
        let is_token = |mount: &Value| {
            let keys = mount.as_object().map_or(0, Map::len);
            keys == 3 && mount["mountPath"] == TOKEN && mount["readOnly"] == true && mount["name"].is_string()
        };
        mounts.retain(|mount| !is_token(mount));
    }
    container
}

/// The container as the API stores it.
fn with_defaults(mut container: Value) -> Value {
    let defaults = [
        ("imagePullPolicy", "IfNotPresent"),
        ("terminationMessagePath", "/dev/termination-log"),
        ("terminationMessagePolicy", "File"),
    ];
    if let Some(fields) = container.as_object_mut() {
        for (key, value) in defaults {
            fields.entry(key).or_insert_with(|| json!(value));
        }
    }
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        let Some(Value::Object(fields)) = container.get_mut(probe) else { continue };
        for (key, value) in
            [("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)]
        {
            fields.entry(key).or_insert_with(|| json!(value));
        }
        if let Some(Value::Object(request)) = fields.get_mut("httpGet") {
            request.entry("scheme").or_insert_with(|| json!("HTTP"));
        }
    }
    for variable in container.get_mut("env").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(Value::Object(reference)) = variable.pointer_mut("/valueFrom/fieldRef") {
            reference.entry("apiVersion").or_insert_with(|| json!("v1"));
        }
    }
    container
}

fn with_volume_defaults(mut volume: Value) -> Value {
    if let Some(Value::Object(source)) = volume.get_mut("configMap") {
        source.entry("defaultMode").or_insert_with(|| json!(0o644));
    }
    volume
}

#[cfg(test)]
mod tests;
