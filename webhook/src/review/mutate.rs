//! Read-only roots and emptyDirs for what is about to be created, by the same operations as `lithify fix`, and the
//! probe beside pods that ask for it.
//!
//! Only containers with a complete write-path profile are changed, unless the configuration says otherwise; the
//! others keep what they have, and a warning names the way to learn a profile. Applying the patch and asking
//! again gives no patch.

use lithify::checks::read_only_root::{Plan, PodOf, plan_pod};
use lithify::config::Mutation;
use lithify::edit::{Applicability, FieldOp, json_patch};
use lithify::k8s::{FieldPath, Object, PodSpec, Step, Tree, pod_specs, to_value};
use lithify::profile::{Owner, owners};
use lithify::yaml::Pointer;
use serde_json::json;

use super::Surroundings;
use super::admission::{Operation, Review};
use super::exempt::Exempt;
use super::object::{EPHEMERAL_CONTAINERS, is_mirror};
use super::open::{Opened, open, start};
use super::policy::Policy;
use super::sidecar::{self, Injection, POD_SECURITY, SIDECAR};
use super::verdict::{Decision, Refusal, Verdict};
use crate::json::Node;

/// Records on the pod what was added to it, and why.
pub const ANNOTATION: &str = "lithify.dev/mutated";
/// The check whose exemptions leave a container alone.
const CHECK: &str = "writable-root-filesystem";
/// The list of new ephemeral containers.
const EPHEMERAL: &str = "ephemeralContainers";

/// The patch that makes the containers of a review's object read-only, where the configuration wants it.
pub fn mutate(review: &Review<'_>, policy: &Policy, surroundings: Surroundings<'_>) -> Verdict {
    let mut verdict = start(review);
    if let Err(refusal) = run(review, policy, surroundings, &mut verdict) {
        verdict.record.decision = Decision::Unjudged;
        verdict.refusal = Some(refusal);
    }
    verdict
}

fn run(
    review: &Review<'_>,
    policy: &Policy,
    surroundings: Surroundings<'_>,
    verdict: &mut Verdict,
) -> Result<(), Refusal> {
    let (object, old) = match open(review, policy)? {
        Opened::Passes(decision) => {
            verdict.record.decision = decision;
            return Ok(());
        }
        Opened::Judge { object, old } => (object, old),
    };
    verdict.name(&object);
    if is_mirror(review, &object) {
        verdict.record.decision = Decision::Mirror;
        return Ok(());
    }
    let exempt = Exempt { policy, object: &object, namespace: &review.namespace, today: surroundings.today };
    let owners = owners(&object);
    let mutation = Mutate { review, exempt: &exempt, owners: &owners, old };
    let mut ops = Vec::new();
    if policy.config().mutation != Mutation::Off && is_wanted(review, policy) {
        for pod in pod_specs(&object, &policy.context().kinds).into_iter().flatten() {
            ops.extend(mutation.pod(&pod, verdict));
        }
    }
    let injected = probe(review, policy, surroundings, object.tree, &ops, verdict)?;
    ops.extend(injected);
    if !ops.is_empty() {
        verdict.record.decision = Decision::Mutated;
        verdict.patch = Some(json_patch(&ops));
    }
    Ok(())
}

/// The probe beside a new pod that asks for it, once `ops` have been applied; why not, as a warning.
fn probe(
    review: &Review<'_>,
    policy: &Policy,
    surroundings: Surroundings<'_>,
    pod: Node<'_>,
    ops: &[FieldOp],
    verdict: &mut Verdict,
) -> Result<Vec<FieldOp>, Refusal> {
    if review.kind.kind != "Pod" || !review.subresource.is_empty() || review.operation != Operation::Create {
        return Ok(Vec::new());
    }
    let injection = match (sidecar::is_wanted(pod), policy.sidecar(), surroundings.labels) {
        (Ok(false), ..) => Injection::Nothing,
        (Err(reason), ..) => Injection::Refused(reason),
        (_, None, _) => Injection::Refused("webhook.probeImage of lithify.yaml names no image".to_owned()),
        (.., None) => Injection::Refused("the labels of its namespace cannot be read".to_owned()),
        (_, Some(sidecar), Some(labels)) => {
            let mut pod = to_value(pod);
            json_patch::patch(&mut pod, &json_patch(ops))
                .map_err(|error| Refusal::internal(format!("the probe cannot be injected: {error}")))?;
            sidecar.inject(&pod, labels.get(POD_SECURITY).map(String::as_str))
        }
    };
    match injection {
        Injection::Nothing => Ok(Vec::new()),
        Injection::Refused(reason) => {
            verdict.warnings.push(format!("lithify: no probe beside this pod: {reason}"));
            Ok(Vec::new())
        }
        Injection::Ops(ops) => {
            verdict.annotations.push(("injected", SIDECAR.to_owned()));
            Ok(ops)
        }
    }
}

/// Pods when they are made, new ephemeral containers, and workloads where the configuration says so.
fn is_wanted(review: &Review<'_>, policy: &Policy) -> bool {
    if review.subresource == EPHEMERAL_CONTAINERS {
        return true;
    }
    if review.kind.kind == "Pod" {
        // Hardly a field of a pod may change later.
        return review.operation == Operation::Create;
    }
    policy.config().webhook.mutate_workloads
}

struct Mutate<'m> {
    review: &'m Review<'m>,
    exempt: &'m Exempt<'m, 'm>,
    owners: &'m [Owner],
    old: Option<Node<'m>>,
}

impl Mutate<'_> {
    fn pod(&self, pod: &PodSpec<Node<'_>>, verdict: &mut Verdict) -> Vec<FieldOp> {
        let of = PodOf { spec: pod.spec, namespace: &self.review.namespace, owners: self.owners };
        let writable = self.exempt.policy.writable();
        let plan = plan_pod(of, writable, |plan| self.is_accepted(plan));
        let is_ours = |list: &str, name: &str| self.is_asked(list, name) && !self.is_exempt(name);
        for declined in plan.declined.iter().filter(|plan| is_ours(plan.list, &plan.container)) {
            verdict.warnings.push(declined_because(declined));
        }
        for (_, name, reason) in plan.refused.iter().filter(|(list, name, _)| is_ours(list, name)) {
            verdict.warnings.push(format!("lithify: container \"{name}\" keeps a writable root: {reason}"));
        }
        if plan.accepted.is_empty() {
            return Vec::new();
        }
        let said: Vec<String> = plan.accepted.iter().map(why).collect();
        verdict.annotations.push(("mutated", said.join("\n")));
        let base = pointer(&pod.path);
        let mut ops: Vec<FieldOp> = plan.ops.into_iter().map(|op| op.below(&base)).collect();
        // Through this subresource the API takes nothing but containers.
        if self.review.subresource != EPHEMERAL_CONTAINERS
            && let Some(path) = &pod.metadata_path
        {
            ops.push(annotate(pod.metadata, &pointer(path), &said));
        }
        ops
    }

    fn is_accepted(&self, plan: &Plan) -> bool {
        let is_sure = match self.exempt.policy.config().mutation {
            Mutation::Off => false,
            Mutation::Profiled => plan.profile.is_some() && plan.applicability == Applicability::Safe,
            Mutation::All => true,
        };
        is_sure && self.is_asked(plan.list, &plan.container) && !self.is_exempt(&plan.container)
    }

    /// Whether the request brings this container.
    fn is_asked(&self, list: &str, name: &str) -> bool {
        if self.review.subresource != EPHEMERAL_CONTAINERS {
            return true;
        }
        let old = self.old.and_then(|old| old.get("spec")?.field(EPHEMERAL));
        let is_old = old.is_some_and(|old| {
            old.items().any(|container| container.get("name").and_then(Tree::as_str) == Some(name))
        });
        list == EPHEMERAL && !is_old
    }

    fn is_exempt(&self, container: &str) -> bool {
        self.exempt.reason_for(CHECK, Some(container)).is_some()
    }
}

/// What a container lacks, and how to come by it.
fn declined_because(plan: &Plan) -> String {
    let container = &plan.container;
    // Of several reasons, the one that a profile would take away.
    let unprofiled = plan.reasons.iter().find(|reason| reason.contains("write-path profile"));
    match unprofiled {
        Some(reason) => format!(
            "lithify: container \"{container}\" keeps a writable root: {reason}; `lithify-probe learn` makes its profile"
        ),
        None => {
            format!("lithify: container \"{container}\" keeps a writable root: {}", plan.reasons.join("; "))
        }
    }
}

/// What was done to a container, and by which evidence.
fn why(plan: &Plan) -> String {
    let because = match &plan.profile {
        Some(profile) => format!("profile {profile}"),
        None => "no profile, mutation: all".to_owned(),
    };
    format!("{}: {} ({because})", plan.container, plan.title())
}

/// Adds the lines to the annotation; containers that were injected after the first round come in a second.
pub(super) fn annotate<T: Tree>(metadata: Option<T>, at: &Pointer, said: &[String]) -> FieldOp {
    let annotations = metadata.and_then(|metadata| metadata.field("annotations"));
    let before = annotations.and_then(|all| Some(all.get(ANNOTATION)?.as_str()?.as_ref().to_owned()));
    let before = before.filter(|text| !text.is_empty());
    let text = before.iter().chain(said).map(String::as_str).collect::<Vec<_>>().join("\n");
    if metadata.is_none_or(Tree::is_null) {
        return FieldOp::Set { at: at.clone(), value: json!({"annotations": {ANNOTATION: text}}) };
    }
    let at = at.join("annotations");
    match annotations {
        Some(_) => FieldOp::Set { at: at.join(ANNOTATION), value: json!(text) },
        None => FieldOp::Set { at, value: json!({ANNOTATION: text}) },
    }
}

/// The place of a path.
pub(super) fn pointer(path: &FieldPath) -> Pointer {
    path.iter()
        .map(|step| match step {
            Step::Key(key) => key.to_string(),
            Step::Item(index) => index.to_string(),
        })
        .collect()
}

impl Verdict {
    /// Names the object where the request does not: the apiserver is still to make up its name.
    pub(super) fn name(&mut self, object: &Object<Node<'_>>) {
        if self.record.name.is_empty() {
            object.name().unwrap_or_default().clone_into(&mut self.record.name);
        }
    }
}
