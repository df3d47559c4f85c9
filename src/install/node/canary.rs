//! A request that leaves an audit event, so that the log is proven to work without anybody else's doing.

use std::borrow::Cow;

use crate::audit::{Level, Policy, Request, Resource, Stage, Target, Text, User};

/// A request that changes nothing, and whether it is about an object of the API.
struct Canary {
    path: &'static str,
    is_resource: bool,
}

const CANARIES: [Canary; 2] = [
    Canary { path: "/readyz", is_resource: false },
    Canary { path: "/api/v1/namespaces/kube-system", is_resource: true },
];

/// The path of the first canary that the policy logs, whoever we are to the apiserver; `None` where it logs
/// neither.
///
/// `is_known`: whether we ask with a certificate.
pub(super) fn logged_by(policy: &Policy, is_known: bool) -> Option<&'static str> {
    let users = users(is_known);
    let is_logged = |canary: &&Canary| {
        users.iter().all(|user| {
            let target = if canary.is_resource { namespace() } else { Target::Path(canary.path.into()) };
            let verdict = policy.evaluate(&Request { user: Some(user.clone()), verb: "get", target });
            verdict.level != Level::None && !verdict.omit_stages.contains(Stage::ResponseComplete)
        })
    };
    CANARIES.iter().find(is_logged).map(|canary| canary.path)
}

fn namespace() -> Target<'static> {
    let name = "kube-system";
    Target::Resource(Resource {
        resource: "namespaces".into(),
        namespace: name.into(),
        name: name.into(),
        ..Resource::default()
    })
}

/// As whom the apiserver may see us. The subjects of certificates are not read: kubeadm's usual user stands for
/// them, and one that has nothing but the group that all have.
fn users(is_known: bool) -> Vec<User<'static>> {
    if is_known {
        vec![
            User { name: "kubernetes-admin", groups: ADMIN_GROUPS },
            User { name: "lithify", groups: &ADMIN_GROUPS[2..] },
        ]
    } else {
        vec![User { name: "system:anonymous", groups: ANONYMOUS_GROUPS }]
    }
}

const ADMIN_GROUPS: &[Text<'static>] = &[
    Text(Cow::Borrowed("kubeadm:cluster-admins")),
    Text(Cow::Borrowed("system:masters")),
    Text(Cow::Borrowed("system:authenticated")),
];
const ANONYMOUS_GROUPS: &[Text<'static>] = &[Text(Cow::Borrowed("system:unauthenticated"))];

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(rules: &str, is_known: bool) -> Option<&'static str> {
        let text = format!("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n{rules}");
        logged_by(&crate::audit::load(text.as_bytes()).unwrap().policy.unwrap(), is_known)
    }

    #[test]
    fn takes_the_request_that_the_policy_logs() {
        assert_eq!(chosen("- level: Metadata\n", false), Some("/readyz"));
        let quiet = "- {level: None, nonResourceURLs: [/readyz*]}\n- level: Metadata\n";
        assert_eq!(chosen(quiet, false), Some("/api/v1/namespaces/kube-system"));
        assert_eq!(chosen("- {level: Metadata, verbs: [delete]}\n", true), None);
    }

    #[test]
    fn does_not_count_on_who_we_are() {
        let rules = "- {level: None, userGroups: [system:masters]}\n- level: Metadata\n";
        assert_eq!((chosen(rules, false), chosen(rules, true)), (Some("/readyz"), None));
        let omitted = "- {level: Metadata, omitStages: [ResponseComplete]}\n";
        assert_eq!(chosen(omitted, false), None);
    }
}
