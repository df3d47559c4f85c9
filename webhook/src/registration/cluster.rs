//! The configurations in the cluster: applied, removed, and their `caBundle`s exchanged.

use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use k8s_openapi::api::rbac::v1::ClusterRole;
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Client, Error};
use serde_json::{Value, json};

use super::{NAME, Registered};

/// Both kinds of configurations.
const KINDS: [&str; 2] = ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"];

/// Whose fields they are.
const MANAGER: &str = "lithify-webhook-register";

fn api(client: &Client, kind: &str) -> Api<DynamicObject> {
    let gvk = GroupVersionKind::gvk("admissionregistration.k8s.io", "v1", kind);
    Api::all_with(client.clone(), &ApiResource::from_gvk(&gvk))
}

/// Applies the configurations, and removes one that is no longer wanted. Where the install's ClusterRole is
/// there, it becomes their owner: whoever deletes the install deletes them.
///
/// # Errors
/// The apiserver's.
pub async fn apply(client: &Client, configurations: &[Value]) -> Result<(), Error> {
    let roles: Api<ClusterRole> = Api::all(client.clone());
    let owner = roles.get_opt(NAME).await?.and_then(|role| role.metadata.uid).map(|uid| {
        json!([{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "name": NAME, "uid": uid}])
    });
    for kind in KINDS {
        match configurations.iter().find(|configuration| configuration["kind"] == kind) {
            None => remove_one(client, kind).await.map(|_| ())?,
            Some(configuration) => {
                let mut configuration = configuration.clone();
                if let Some(owner) = &owner {
                    configuration["metadata"]["ownerReferences"] = owner.clone();
                }
                let parameters = PatchParams::apply(MANAGER).force();
                api(client, kind).patch(NAME, &parameters, &Patch::Apply(&configuration)).await?;
            }
        }
    }
    Ok(())
}

/// Removes both configurations; returns the kinds that were there. Works while the webhook is dead: the
/// apiserver asks no webhook about them.
///
/// # Errors
/// The apiserver's.
pub async fn remove(client: &Client) -> Result<Vec<&'static str>, Error> {
    let mut removed = Vec::new();
    for kind in KINDS {
        if remove_one(client, kind).await? {
            removed.push(kind);
        }
    }
    Ok(removed)
}

async fn remove_one(client: &Client, kind: &str) -> Result<bool, Error> {
    match api(client, kind).delete(NAME, &DeleteParams::default()).await {
        Ok(_) => Ok(true),
        Err(Error::Api(status)) if status.code == 404 => Ok(false),
        Err(error) => Err(error),
    }
}

/// What is registered.
///
/// # Errors
/// The apiserver's.
pub async fn registered(client: &Client) -> Result<Registered, Error> {
    let validating: Api<ValidatingWebhookConfiguration> = Api::all(client.clone());
    let mutating: Api<MutatingWebhookConfiguration> = Api::all(client.clone());
    let (validating, mutating) = (validating.get_opt(NAME).await?, mutating.get_opt(NAME).await?);
    Ok(Registered { validating, mutating })
}

/// Writes one `caBundle` into every entry. A configuration that somebody changes meanwhile is an error, to be
/// tried again.
///
/// # Errors
/// The apiserver's.
pub async fn publish(client: &Client, bundle: &[u8]) -> Result<(), Error> {
    let bundle = || Some(ByteString(bundle.to_vec()));
    let validating: Api<ValidatingWebhookConfiguration> = Api::all(client.clone());
    if let Some(mut all) = validating.get_opt(NAME).await? {
        for entry in all.webhooks.iter_mut().flatten() {
            entry.client_config.ca_bundle = bundle();
        }
        validating.replace(NAME, &PostParams::default(), &all).await?;
    }
    let mutating: Api<MutatingWebhookConfiguration> = Api::all(client.clone());
    if let Some(mut all) = mutating.get_opt(NAME).await? {
        for entry in all.webhooks.iter_mut().flatten() {
            entry.client_config.ca_bundle = bundle();
        }
        mutating.replace(NAME, &PostParams::default(), &all).await?;
    }
    Ok(())
}
