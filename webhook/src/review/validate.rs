//! The order of a validation: what passes unseen, what cannot be judged, what is demanded, what is done.

use std::collections::HashSet;

use lithify::checks::Finding;
use lithify::config::Mode;
use lithify::k8s::{Object, Tree as _, pod_specs};

use super::Surroundings;
use super::admission::Review;
use super::demand::{Demand, demands};
use super::exempt::Exempt;
use super::judge::{Judged, judge};
use super::object::{self, is_mirror};
use super::open::{Opened, open, start};
use super::owner;
use super::policy::Policy;
use super::text;
use super::verdict::{Decision, Refusal, Verdict};
use crate::json::Node;

/// Said of every static pod's mirror.
const MIRROR: &str = "a mirror pod: the static pod itself lives on its node's disk and runs whatever is said here; \
    judge it with `lithify lint --static-pods`";

/// Judges the object of a review by what its namespace demands.
pub fn validate(review: &Review<'_>, policy: &Policy, surroundings: Surroundings<'_>) -> Verdict {
    let mut validation = Validation {
        review,
        policy,
        surroundings,
        verdict: start(review),
        said: HashSet::new(),
        problems: Vec::new(),
        repair: None,
    };
    if let Err(refusal) = validation.run() {
        validation.verdict.record.decision = Decision::Unjudged;
        validation.verdict.refusal = Some(refusal);
    }
    validation.verdict
}

struct Validation<'v> {
    review: &'v Review<'v>,
    policy: &'v Policy,
    surroundings: Surroundings<'v>,
    verdict: Verdict,
    /// What has been done about which violation.
    said: HashSet<(u8, String)>,
    /// What is wrong with the namespace's labels.
    problems: Vec<String>,
    /// How to repair what is warned about.
    repair: Option<String>,
}

impl Validation<'_> {
    fn run(&mut self) -> Result<(), Refusal> {
        let (review, policy) = (self.review, self.policy);
        let (object, old) = match open(review, policy)? {
            Opened::Passes(decision) => {
                self.pass(decision);
                return Ok(());
            }
            Opened::Judge { object, old } => (object, old),
        };
        self.verdict.name(&object);
        let labels = self.surroundings.labels.ok_or_else(|| {
            let namespace = &review.namespace;
            Refusal::internal(format!(
                "the labels of namespace `{namespace}` cannot be read, and with them its level"
            ))
        })?;
        let demands = demands(policy, &review.namespace, labels);
        self.verdict.warnings.extend(demands.problems.iter().map(|problem| format!("lithify: {problem}")));
        self.problems = demands.problems;
        let old = old.map(|tree| Object { tree, ..object.clone() });
        let exempt =
            Exempt { policy, object: &object, namespace: &review.namespace, today: self.surroundings.today };
        if is_mirror(review, &object) {
            self.mirror(&exempt, &demands.demands);
            return Ok(());
        }
        let is_same = old.as_ref().is_some_and(|old| self.has_same_pods(&object, old));
        for demand in &demands.demands {
            let judged = judge(&exempt, old.as_ref(), demand);
            self.apply(demand, judged, is_same);
        }
        self.close();
        Ok(())
    }

    fn pass(&mut self, decision: Decision) {
        self.verdict.record.decision = decision;
    }

    /// A static pod runs already: refusing its mirror would only hide it from the API.
    fn mirror(&mut self, exempt: &Exempt<'_, '_>, demands: &[Demand<'_>]) {
        let judged = demands.iter().map(|demand| judge(exempt, None, demand));
        let violations: Vec<Finding> = judged.flat_map(|judged| judged.new).collect();
        if !violations.is_empty() {
            self.verdict.warnings.push(format!("lithify: {MIRROR}"));
            self.annotate("violations", &violations);
        }
        self.verdict.annotations.push(("mirror", MIRROR.to_owned()));
        self.pass(Decision::Mirror);
    }

    fn has_same_pods(&self, new: &Object<Node<'_>>, old: &Object<Node<'_>>) -> bool {
        let kinds = &self.policy.context().kinds;
        let pods = |object| {
            let specs = pod_specs(object, kinds).into_iter();
            specs.map(|pod| pod.map(|pod| (pod.spec, annotations(pod.metadata)))).collect::<Vec<_>>()
        };
        pods(new) == pods(old)
    }

    /// What is done at most, by the kind of request.
    fn mode(&self, demand: &Demand<'_>) -> Mode {
        let webhook = &self.policy.config().webhook;
        let most = if self.review.subresource == object::EPHEMERAL_CONTAINERS {
            webhook.ephemeral_containers
        } else if self.review.kind.kind == "Pod" {
            Mode::Deny
        } else {
            webhook.workloads
        };
        if strength(most) < strength(demand.mode) { most } else { demand.mode }
    }

    fn apply(&mut self, demand: &Demand<'_>, judged: Judged, is_same: bool) {
        let mode = self.mode(demand);
        let Judged { new, mut old, exempt } = judged;
        if !exempt.is_empty() {
            let shown =
                exempt.iter().map(|(finding, reason)| format!("{}: {reason}", text::violation(finding)));
            self.verdict.annotations.push(("exempt", shown.collect::<Vec<_>>().join("\n")));
        }
        if self.review.subresource == object::EPHEMERAL_CONTAINERS {
            old.clear(); // nothing that this request could change
        }
        let mut counts: Vec<Finding> = match mode {
            Mode::Off => return,
            Mode::Deny => {
                if new.is_empty() && !old.is_empty() {
                    self.let_through(demand, &old, is_same);
                }
                new
            }
            Mode::Warn | Mode::Audit if is_same => {
                if !old.is_empty() {
                    self.let_through(demand, &old, is_same);
                }
                return;
            }
            Mode::Warn | Mode::Audit => new.into_iter().chain(old).collect(),
        };
        // Two demands of one level need not say the same twice.
        counts.retain(|finding| self.said.insert((strength(mode), text::violation(finding))));
        if counts.is_empty() {
            return;
        }
        self.verdict.record.violations.extend(counts.iter().map(|finding| (finding.check, mode)));
        match mode {
            Mode::Deny => {
                self.annotate("denied", &counts);
                self.deny(demand, &counts);
            }
            Mode::Warn => {
                self.annotate("warned", &counts);
                self.warn(demand, &counts);
            }
            Mode::Audit | Mode::Off => {
                self.annotate("audited", &counts);
                self.decide(Decision::Audited);
            }
        }
        // The strongest demand comes first: it is the one that decides.
        if self.verdict.annotations.iter().all(|(key, _)| *key != "level") {
            self.verdict.annotations.push(("level", demand.name.clone()));
        }
    }

    /// Says that violations pass because they are not new.
    fn let_through(&mut self, demand: &Demand<'_>, old: &[Finding], is_same: bool) {
        self.annotate("no-worse", old);
        self.decide(Decision::NoWorse);
        if !is_same {
            let mut checks: Vec<&str> = old.iter().map(|finding| finding.check).collect();
            checks.dedup();
            let warning = format!(
                "lithify {}: let through, for the stored object violates it already and this update makes nothing \
                 worse: {}",
                demand.name,
                checks.join(", ")
            );
            self.verdict.warnings.push(warning);
        }
    }

    fn deny(&mut self, demand: &Demand<'_>, findings: &[Finding]) {
        let name = &self.verdict.record.name;
        let mut message = format!(
            "{} `{name}` violates lithify {} ({})",
            self.review.kind.kind, demand.name, demand.source
        );
        for finding in findings {
            message.push_str("\n- ");
            message.push_str(&text::placed(finding));
        }
        message.push('\n');
        message.push_str(&text::repair(findings));
        for problem in &self.problems {
            message.push('\n');
            message.push_str(problem);
        }
        self.verdict.refusal = Some(Refusal::forbidden(message));
        self.verdict.record.owner = self.review.object().and_then(owner::controller);
        self.decide(Decision::Denied);
    }

    fn warn(&mut self, demand: &Demand<'_>, findings: &[Finding]) {
        let is_workload = self.review.kind.kind != "Pod";
        let prefix = if demand.mode == Mode::Deny && is_workload {
            format!("its pods will be denied by lithify {}", demand.name)
        } else {
            format!("lithify {}", demand.name)
        };
        for finding in findings {
            self.verdict.warnings.push(format!("{prefix}: {}", text::violation(finding)));
        }
        self.repair.get_or_insert_with(|| text::repair(findings));
        self.decide(Decision::Warned);
    }

    /// The last words, once all demands have been applied.
    fn close(&mut self) {
        if self.verdict.refusal.is_some() {
            // Warnings about what does not come to be would only hide the refusal.
            self.verdict.warnings.clear();
        } else if let Some(repair) = &self.repair {
            self.verdict.warnings.push(format!("lithify: {repair}"));
        }
    }

    fn annotate(&mut self, key: &'static str, findings: &[Finding]) {
        let lines: Vec<String> = findings.iter().map(text::violation).collect();
        self.verdict.annotations.push((key, lines.join("\n")));
    }

    /// The gravest decision stays.
    fn decide(&mut self, decision: Decision) {
        let grave = |decision| match decision {
            Decision::Denied => 4,
            Decision::Warned => 3,
            Decision::Audited => 2,
            Decision::NoWorse => 1,
            _ => 0,
        };
        if grave(decision) > grave(self.verdict.record.decision) {
            self.verdict.record.decision = decision;
        }
    }
}

/// Some checks read annotations of the pod.
fn annotations(metadata: Option<Node<'_>>) -> Option<Node<'_>> {
    metadata.and_then(|metadata| metadata.get("annotations"))
}

fn strength(mode: Mode) -> u8 {
    match mode {
        Mode::Deny => 3,
        Mode::Warn => 2,
        Mode::Audit => 1,
        Mode::Off => 0,
    }
}
