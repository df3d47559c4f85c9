//! Which `WriteProfile`s of a cluster may steer the webhook.
//!
//! A profile that lies breaks pods: an emptyDir over a directory that the image fills hides what is in it. So
//! whoever may write profiles must not thereby steer. What an author writes himself proves nothing: `spec`, labels,
//! annotations, and the manager's name in `managedFields`, which every client chooses. `status` is another matter:
//! the apiserver takes it through the subresource `writeprofiles/status` alone, which is a right of its own in RBAC.
//! An approval names the generation that was looked at, so that it ends when the spec changes, and a profile of the
//! same name made anew has none.

use kube::api::DynamicObject;
use lithify::profile::{API_VERSION, FieldError, KIND, WriteProfile, read_object};
use serde_json::json;

/// Whether somebody with the right to has approved the spec as it is now.
pub(super) fn is_approved(object: &DynamicObject) -> bool {
    let status = &object.data["status"];
    let generation = object.metadata.generation;
    status["approved"] == true && generation.is_some() && status["approvedGeneration"].as_i64() == generation
}

/// The profile in an object of the API.
///
/// # Errors
/// [`FieldError`], for what the definition's schema cannot express.
pub(super) fn read(object: &DynamicObject) -> Result<WriteProfile, FieldError> {
    let object = json!({
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": object.metadata.name, "namespace": object.metadata.namespace},
        "spec": object.data["spec"],
    });
    read_object(&object)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn object(status: &Value) -> DynamicObject {
        let metadata = json!({"name": "web", "namespace": "web", "generation": 3,
            "annotations": {"lithify.dev/approved": "true"}});
        let spec = json!({"image": "nginx", "approved": true, "complete": true});
        serde_json::from_value(json!({"metadata": metadata, "spec": spec, "status": status}))
            .expect("an object")
    }

    #[test]
    fn only_an_approval_of_the_spec_of_now_counts() {
        assert!(is_approved(&object(&json!({"approved": true, "approvedGeneration": 3}))));
        for status in [
            json!(null),
            json!({}),
            json!({"approved": true}),
            json!({"approved": "true", "approvedGeneration": 3}),
            json!({"approved": false, "approvedGeneration": 3}),
            json!({"approved": true, "approvedGeneration": 2}),
            json!({"approved": true, "approvedGeneration": "3"}),
        ] {
            assert!(!is_approved(&object(&status)), "{status}");
        }
        let mut nameless = object(&json!({"approved": true}));
        nameless.metadata.generation = None;
        assert!(!is_approved(&nameless), "nothing equals nothing");
    }

    #[test]
    fn a_profile_is_of_its_namespace() {
        let profile = read(&object(&json!({}))).expect("a profile");
        assert_eq!((profile.name.as_str(), profile.namespace.as_deref()), ("web", Some("web")));
    }
}
