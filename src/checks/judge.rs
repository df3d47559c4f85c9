//! All selected checks over one document.

use std::sync::Arc;

use super::control_plane;
use super::finding::{Finding, Severity};
use super::predicate::{self, Pod, Problem, Remedy, Rule, Scope, Subject, Violation};
use super::read_only_root::{PodOf, Writable, plan_container};
use super::registry::Check;
use super::selection::Selection;
use crate::edit::{Applicability, Fix};
use crate::k8s::{
    Fragment, FragmentOf, Kinds, Object, Origin, PodSpec, Step, Tree, WrongShape, fragments, objects,
    pod_specs,
};
use crate::profile::owners;

/// What else is known of what is judged.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// Kinds that the user's configuration adds.
    pub kinds: Kinds,
    /// The document is a static pod manifest: a kubelet starts it without asking admission.
    pub static_pod: bool,
    /// Judge the control plane's own components like any other pod.
    pub strict_static_pods: bool,
    /// What the fix of a writable root mounts.
    pub writable: Arc<Writable>,
}

/// Said of a pod in a custom resource of a kind that nobody has told us of, and of its fix.
const BY_SHAPE: &str = "found by its shape in a custom resource, whose operator may complete it or read it in another way; \
    `kinds` in lithify.yaml makes it a workload like any other";

/// The findings in a document, be it one object or a list, with pointers from the document's root.
///
/// They come object by object, and within an object check by check. A document that is no Kubernetes object
/// has none.
pub fn judge<T: Tree>(document: T, selection: &Selection, context: &Context) -> Vec<Finding> {
    let objects = objects(document);
    objects.iter().flat_map(|object| judge_object(object, selection, context)).collect()
}

/// The findings in one object of a document; see [`judge`].
pub fn judge_object<T: Tree>(object: &Object<T>, selection: &Selection, context: &Context) -> Vec<Finding> {
    let mut findings = Vec::new();
    for pod in pod_specs(object, &context.kinds) {
        match pod {
            Ok(pod) => judge_pod(object, &pod, selection, context, &mut findings),
            Err(wrong) => findings.extend(selection.pod_checks().map(|pod| unreachable(pod.check, &wrong))),
        }
    }
    for part in fragments(object, &context.kinds) {
        judge_fragment(object, &part, selection, context, &mut findings);
    }
    findings
}

/// What is set, and should not be, in a part of a pod that an operator completes.
fn judge_fragment<T: Tree>(
    object: &Object<T>,
    part: &Fragment<T>,
    selection: &Selection,
    context: &Context,
    findings: &mut Vec<Finding>,
) {
    let source = PodSpec {
        spec: part.tree,
        path: part.path.clone(),
        metadata: None,
        metadata_path: None,
        origin: Origin::Shape,
    };
    let judged = Judged {
        pod: Pod { spec: part.tree, metadata: None },
        source: &source,
        object,
        writable: &context.writable,
        is_own: false,
        is_static: false,
    };
    for selected in selection.pod_checks() {
        for rule in selected.predicate.rules {
            predicate::walk_fragment(rule, part.tree, part.of == FragmentOf::Container, &mut |violation| {
                findings.push(judged.finding(selected.check, rule, &violation));
            });
        }
    }
}

fn judge_pod<T: Tree>(
    object: &Object<T>,
    pod: &PodSpec<T>,
    selection: &Selection,
    context: &Context,
    findings: &mut Vec<Finding>,
) {
    let judged = Judged {
        pod: Pod { spec: pod.spec, metadata: pod.metadata },
        source: pod,
        object,
        writable: &context.writable,
        is_own: context.static_pod && !context.strict_static_pods && control_plane::is_control_plane(pod),
        is_static: context.static_pod,
    };
    let path = &mut Vec::new();
    for selected in selection.pod_checks() {
        let mut exemptions = selected.predicate.exempt.iter();
        if exemptions.any(|exemption| predicate::holds(&exemption.when, pod.spec, pod.spec)) {
            continue;
        }
        for rule in selected.predicate.rules {
            predicate::walk(rule, judged.pod, path, &mut |violation| {
                // The pod's own rule has a finding, at the value that all these containers take.
                if !matches!(violation.problem, Problem::InheritsBad) {
                    findings.push(judged.finding(selected.check, rule, &violation));
                }
            });
        }
    }
}

struct Judged<'p, T: Tree> {
    pod: Pod<T>,
    source: &'p PodSpec<T>,
    object: &'p Object<T>,
    writable: &'p Writable,
    /// A component of the control plane, which cannot do without the host.
    is_own: bool,
    is_static: bool,
}

impl<T: Tree> Judged<'_, T> {
    fn finding(&self, check: &'static Check, rule: &'static Rule, violation: &Violation<'_, T>) -> Finding {
        let base = match rule.scope {
            Scope::Annotation(_) => self.source.metadata_path.as_ref().unwrap_or(&self.source.path),
            _ => &self.source.path,
        };
        let mut notes = self.notes();
        let mut fix = match rule.remedy {
            Remedy::ReadOnlyRoot => self.read_only_root(violation, &mut notes),
            _ => predicate::fix(rule, violation, self.pod, base),
        };
        let is_own = self.is_own && control_plane::NEEDED.contains(&check.id);
        if let Some(fix) = &mut fix {
            self.temper(fix, is_own);
        }
        Finding {
            check: check.id,
            severity: if is_own { Severity::Info } else { check.severity },
            pointer: predicate::pointer(base, violation.path),
            container: container_name(violation),
            message: self.message(rule, violation),
            notes,
            related: Vec::new(),
            fix,
        }
    }

    /// Makes a fix no surer than its object lets it be.
    fn temper(&self, fix: &mut Fix, is_own: bool) {
        if is_own {
            fix.applicability = Applicability::DisplayOnly;
            fix.reasons = vec!["a component of the control plane needs this".to_owned()];
        } else if self.source.origin == Origin::Shape && fix.applicability != Applicability::DisplayOnly {
            fix.applicability = Applicability::Unsafe;
            fix.reasons.push(BY_SHAPE.to_owned());
        }
    }

    /// The repair of a writable root; what it leaves as it is comes to `notes`.
    fn read_only_root(&self, violation: &Violation<'_, T>, notes: &mut Vec<String>) -> Option<Fix> {
        let (Problem::NotAllowed { .. }, [Step::Key(list), Step::Item(index), ..]) =
            (violation.problem, violation.path)
        else {
            return None;
        };
        let (list, _) = predicate::CONTAINER_LISTS.into_iter().find(|(known, _)| known == list)?;
        let namespace = self.object.namespace();
        let namespace = namespace.as_ref().map_or("", AsRef::as_ref);
        // Who owns the pod only matters to profiles.
        let owners = if self.writable.profiles.is_empty() { Vec::new() } else { owners(self.object) };
        let pod = PodOf { spec: self.pod.spec, namespace, owners: &owners };
        let plan = match plan_container(pod, list, *index, self.writable) {
            Ok(plan) => plan,
            Err(refusal) => return Some(Fix::refused(refusal.to_string())),
        };
        let title = plan.title();
        notes.extend(plan.notes.iter().cloned());
        let base = predicate::pointer(&self.source.path, &[]);
        let ops = plan.ops.into_iter().map(|op| op.below(&base)).collect();
        Some(Fix { reasons: plan.reasons, notes: plan.notes, ..Fix::new(title, ops, plan.applicability) })
    }

    fn message(&self, rule: &'static Rule, violation: &Violation<'_, T>) -> String {
        let part = match violation.subject {
            Subject::Pod | Subject::Annotation => self.pod.spec,
            Subject::Volume(part, _) | Subject::Container(_, part, _) => part,
        };
        let mut message = predicate::message(rule, violation);
        if matches!(violation.problem, Problem::WrongType(_)) {
            return message;
        }
        for note in rule.notes.iter().filter(|note| predicate::holds(&note.when, part, self.pod.spec)) {
            message.push_str("; ");
            message.push_str(note.text);
        }
        message
    }

    fn notes(&self) -> Vec<String> {
        let by_shape = (self.source.origin == Origin::Shape).then_some(BY_SHAPE);
        let is_static = self.is_static.then_some(
            "a static pod: the kubelet starts it without asking admission, so no webhook or policy sees this",
        );
        by_shape.into_iter().chain(is_static).map(str::to_owned).collect()
    }
}

fn container_name<T: Tree>(violation: &Violation<'_, T>) -> Option<String> {
    let Subject::Container(_, container, _) = violation.subject else { return None };
    Some(container.get("name")?.as_str()?.as_ref().to_owned())
}

/// A check fails where it cannot be made: the apiserver refuses such an object too.
fn unreachable(check: &'static Check, wrong: &WrongShape) -> Finding {
    let pointer = predicate::pointer(&wrong.path, &[]);
    let place = if wrong.path.is_empty() { "the object".to_owned() } else { pointer.to_string() };
    Finding {
        check: check.id,
        severity: check.severity,
        pointer,
        container: None,
        message: format!("pod spec cannot be judged: {place} is {}, must be {}", wrong.found, wrong.expected),
        notes: Vec::new(),
        related: Vec::new(),
        fix: None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::{Level, PssVersion};
    use super::*;
    use crate::k8s::CustomKind;

    fn selection() -> Selection {
        Selection::only(["privileged", "writable-root-filesystem"], PssVersion::LATEST).unwrap()
    }

    fn findings(document: &Value) -> Vec<(&'static str, String, String)> {
        let findings = judge(document, &selection(), &Context::default());
        let shown = |finding: Finding| (finding.check, finding.pointer.to_string(), finding.message);
        findings.into_iter().map(shown).collect()
    }

    fn pod(spec: &Value) -> Value {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec})
    }

    #[test]
    fn judges_every_kind_of_container() {
        let container = |name: &str| {
            let context = json!({"privileged": true, "readOnlyRootFilesystem": true});
            json!([{"name": name, "securityContext": context}])
        };
        let spec = json!({"containers": container("a"), "initContainers": container("b"),
            "ephemeralContainers": container("c")});
        let found = findings(&pod(&spec));
        let pointers: Vec<_> = found.iter().map(|(_, pointer, _)| pointer.as_str()).collect();
        assert_eq!(
            pointers,
            [
                "/spec/initContainers/0/securityContext/privileged",
                "/spec/containers/0/securityContext/privileged",
                "/spec/ephemeralContainers/0/securityContext/privileged",
            ]
        );
        let message = &found[2].2;
        let expected = "ephemeral container \"c\" is privileged: securityContext.privileged is true, \
            must be unset or false; its read-only root filesystem is void: privileged, it can mount it again \
            for writing";
        assert_eq!(message, expected);
    }

    #[test]
    fn sees_past_wrong_types_elsewhere() {
        let context = json!({"runAsUser": "1000", "privileged": true, "readOnlyRootFilesystem": true});
        let found = findings(&pod(&json!({"hostNetwork": 3, "containers": [{"name": 5, "ports": "x",
            "securityContext": context}]})));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, "privileged");
    }

    #[test]
    fn reports_a_wrong_type_in_the_judged_field_or_above_it() {
        let of = |context: Value| {
            let found = findings(&pod(&json!({"containers": [{"name": "a", "securityContext": context}]})));
            found.into_iter().map(|(_, pointer, message)| (pointer, message)).collect::<Vec<_>>()
        };
        let at = "/spec/containers/0/securityContext".to_owned();
        let context = "container \"a\": securityContext is a list, must be a mapping".to_owned();
        assert_eq!(of(json!([])), [(at.clone(), context.clone()), (at.clone(), context)]);
        let found = of(json!({"privileged": "false", "readOnlyRootFilesystem": true}));
        let message =
            "container \"a\": securityContext.privileged is the string \"false\", must be a boolean";
        assert_eq!(found, [(at + "/privileged", message.to_owned())]);
    }

    #[test]
    fn judges_lists_of_containers_that_are_none() {
        let found = findings(&pod(&json!({"containers": {"name": "a"}})));
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].2, "pod: containers is a mapping, must be a list");
        let found = findings(&pod(&json!({"containers": ["a", null]})));
        let pointers: Vec<_> = found.iter().map(|(_, pointer, _)| pointer.as_str()).collect();
        let root = "/spec/containers/1/securityContext/readOnlyRootFilesystem";
        assert_eq!(pointers, ["/spec/containers/0", "/spec/containers/0", root]);
    }

    #[test]
    fn reports_what_cannot_be_reached() {
        let found = findings(&json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": []}));
        let message = "pod spec cannot be judged: /spec is a list, must be a mapping";
        assert_eq!(found[0], ("privileged", "/spec".to_owned(), message.to_owned()));
    }

    #[test]
    fn what_is_found_by_shape_has_no_safe_fix() {
        let rollout = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "spec": {"template":
            {"spec": {"containers": [{"name": "a", "image": "a", "securityContext": {"privileged": true}}]}}}});
        let found = judge(&rollout, &selection(), &Context::default());
        let fixes: Vec<_> = found.iter().map(|finding| finding.fix.as_ref().unwrap()).collect();
        assert_eq!(fixes.len(), 2);
        assert!(fixes.iter().all(|fix| fix.applicability == Applicability::Unsafe));
        assert!(fixes.iter().all(|fix| fix.reasons.last().unwrap() == BY_SHAPE));
        assert!(found.iter().all(|finding| finding.notes[0].contains("shape")));
        let template = vec!["spec".to_owned(), "template".to_owned()];
        let kind = CustomKind { group: "argoproj.io".into(), kind: "Rollout".into(), template };
        let context = Context { kinds: Kinds { custom: vec![kind] }, ..Context::default() };
        let found = judge(&rollout, &selection(), &context);
        assert_eq!(found[0].fix.as_ref().unwrap().applicability, Applicability::Unsafe);
    }

    #[test]
    fn says_of_static_pods_that_admission_does_not_see_them() {
        let context = Context { static_pod: true, ..Context::default() };
        let spec =
            json!({"containers": [{"name": "a", "securityContext": {"readOnlyRootFilesystem": false}}]});
        let found = judge(&pod(&spec), &Selection::level(Level::Immutable, PssVersion::LATEST), &context);
        assert!(found[0].notes[0].contains("admission"));
    }
}
