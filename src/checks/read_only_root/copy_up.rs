//! Directories that hold files of the image: an init container of the same image copies them first.
//!
//! `cp -af /etc/nginx/conf.d /lithify/` makes `conf.d` in the volume, with its owner and mode, and the container
//! mounts that with `subPath`. So neither a shell is needed, nor the right to change the volume's own root.

use serde_json::{Map, Value, json};

use super::super::predicate::{Allowed, Test, holds};
use super::Refusal;
use super::present::text;
use crate::k8s::{Tree, to_value};
use crate::profile::ContainerPath;

/// Where the init container sees the volume.
const STAGE: &str = "/lithify";

/// The init container that fills a volume.
///
/// # Errors
/// [`Refusal`] where the container has no image of its own.
pub(super) fn init_container<T: Tree>(
    container: T,
    volume: &str,
    path: &ContainerPath,
) -> Result<Value, Refusal> {
    let Some(image) = text(container, "image") else {
        return Err(Refusal(format!(
            "{path} holds files of the image, which is not named: nothing can copy them"
        )));
    };
    let mut copier = Map::new();
    let mut add = |key: &str, value: Value| _ = copier.insert(key.to_owned(), value);
    add("name", volume.into());
    add("image", image.into());
    if let Some(policy) = container.field("imagePullPolicy") {
        add("imagePullPolicy", to_value(policy));
    }
    // The kubelet expands `$(NAME)`, and `$$(` means `$(`.
    add("command", json!(["cp", "-af", path.resolved().replace("$(", "$$("), format!("{STAGE}/")]));
    if let Some(resources) = container.field("resources") {
        add("resources", to_value(resources));
    }
    let mut security = container.field("securityContext").map_or_else(|| json!({}), to_value);
    security["readOnlyRootFilesystem"] = true.into();
    add("securityContext", security);
    add("volumeMounts", json!([{"name": volume, "mountPath": STAGE}]));
    Ok(Value::Object(copier))
}

/// The container's mount of what was copied.
pub(super) fn mount(volume: &str, path: &ContainerPath) -> Value {
    let copied = ContainerPath::of_mount(&path.resolved());
    json!({"name": volume, "mountPath": path.as_str(), "subPath": copied.name()})
}

/// Why the copies may belong to others than the originals.
pub(super) fn owner_risk<T: Tree>(container: T, spec: T) -> Option<String> {
    const OTHER_USER: Test = Test::Any(&[
        Test::Inherited(&["securityContext", "runAsUser"], &Test::Is(Allowed::IntExcept(0))),
        Test::Inherited(&["securityContext", "runAsNonRoot"], &Test::Is(Allowed::Bool(true))),
    ]);
    const DROPS_CHOWN: Test = Test::Any(&[
        Test::Field(&["securityContext", "capabilities", "drop"], &Test::Includes("ALL")),
        Test::Field(&["securityContext", "capabilities", "drop"], &Test::Includes("CHOWN")),
    ]);
    const ADDS_CHOWN: Test =
        Test::Field(&["securityContext", "capabilities", "add"], &Test::Includes("CHOWN"));
    let is = |test| holds(test, container, spec);
    if is(&OTHER_USER) {
        return Some("the init container that copies runs as the container's user, not root: the copies are that user's".to_owned());
    }
    (is(&DROPS_CHOWN) && !is(&ADDS_CHOWN)).then(|| {
        "the init container that copies lacks CAP_CHOWN, as the container does: it fails on files of other users".to_owned()
    })
}
