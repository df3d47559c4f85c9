//! What the configuration lets through, and, only where it says so, what the object's own annotation does.

use jiff::civil::Date;
use lithify::checks::{Context, Finding};
use lithify::config::{Exemption, Subject};
use lithify::k8s::{Object, Tree, pod_specs};

use super::policy::Policy;
use super::sidecar;
use crate::json::Node;

/// `lithify.dev/allow: "privileged, host-ports"`, for the object that carries it.
const ANNOTATION: &str = "lithify.dev/allow";

/// Whose findings may be exempt.
pub(super) struct Exempt<'p, 'o> {
    pub(super) policy: &'p Policy,
    pub(super) object: &'o Object<Node<'o>>,
    /// The request's: the object itself need not name it.
    pub(super) namespace: &'o str,
    pub(super) today: Date,
}

impl<'p> Exempt<'p, '_> {
    /// Why a finding is let through; `None` where it counts.
    pub(super) fn reason(&self, finding: &Finding) -> Option<&'p str> {
        if self.policy.sidecar().is_some_and(|sidecar| sidecar.covers(self, finding)) {
            return Some(sidecar::REASON);
        }
        self.reason_for(finding.check, finding.container.as_deref())
    }

    /// Why what a check finds in a container, or in the whole pod, is let through.
    pub(super) fn reason_for(&self, check: &str, container: Option<&str>) -> Option<&'p str> {
        let config = self.policy.config();
        if config.webhook.annotations && self.allows(check) {
            return Some("the object's annotation lithify.dev/allow");
        }
        if config.exemptions.is_empty() {
            return None;
        }
        let images = images(self.object, self.policy.context(), container);
        let name = self.object.name().unwrap_or_default();
        let subject = Subject { namespace: self.namespace, name, container, images: &images };
        let holds =
            |exemption: &&Exemption| !exemption.is_expired(self.today) && exemption.covers(check, &subject);
        config.exemptions.iter().find(holds).map(|exemption| exemption.reason.as_str())
    }

    fn allows(&self, check: &str) -> bool {
        let annotations = self.object.tree.get("metadata").and_then(|metadata| metadata.get("annotations"));
        let allowed = annotations.and_then(|annotations| annotations.get(ANNOTATION)?.as_str());
        allowed.is_some_and(|allowed| allowed.split([',', ' ']).any(|name| name == check))
    }
}

/// The images of the containers with this name, or of all.
fn images<'o>(object: &Object<Node<'o>>, context: &Context, container: Option<&str>) -> Vec<&'o str> {
    const LISTS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];
    let pods = pod_specs(object, &context.kinds).into_iter().flatten();
    let containers = pods.flat_map(|pod| LISTS.into_iter().filter_map(move |list| pod.spec.get(list)));
    let text = |tree: Node<'o>, key: &str| tree.get(key)?.as_str();
    let named = |tree: &Node<'o>| container.is_none_or(|name| text(*tree, "name") == Some(name));
    containers.flat_map(Tree::items).filter(named).filter_map(|tree| text(tree, "image")).collect()
}
