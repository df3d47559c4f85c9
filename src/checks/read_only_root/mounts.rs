//! Mounts of one container: which directories, by which volumes, and what that puts at risk.

use serde_json::{Value, json};

use super::name::volume_name;
use super::present::{Cover, Present};
use super::{AddedMount, PodOf, Refusal, Writable, copy_up};
use crate::k8s::Tree;
use crate::profile::{MountPoint, Unmountable, Why, WrittenPath, mount_points};

/// What is to be added for one container.
#[derive(Debug, Default)]
pub(super) struct Mounts {
    /// What is mounted.
    pub(super) added: Vec<AddedMount>,
    /// Items for the container's `volumeMounts`.
    pub(super) of_container: Vec<Value>,
    /// Items for the pod's `volumes`.
    pub(super) volumes: Vec<Value>,
    /// Items for the pod's `initContainers`.
    pub(super) init_containers: Vec<Value>,
    /// Why writes may fail that succeed today.
    pub(super) risks: Vec<String>,
    /// What else is to be known.
    pub(super) notes: Vec<String>,
}

/// A container that gets mounts.
#[derive(Debug)]
pub(super) struct Target<'t, T> {
    pub(super) pod: PodOf<'t, T>,
    pub(super) container: T,
    pub(super) name: &'t str,
    pub(super) is_ephemeral: bool,
    pub(super) writable: &'t Writable,
}

impl Mounts {
    /// Mounts the wanted directories.
    ///
    /// # Errors
    /// [`Refusal`] where files of the image cannot be copied.
    pub(super) fn new<T: Tree>(
        target: &Target<'_, T>,
        wanted: Vec<(WrittenPath, bool)>,
        present: &mut Present,
    ) -> Result<Self, Refusal> {
        let mut mounts = Self::default();
        let (points, unmountable) = mount_points(wanted);
        for Unmountable { path, why } in unmountable {
            if why == Why::System && present.cover(&path).is_none() {
                mounts.risks.push(format!("writes in {path} will fail: it is never mounted as a whole"));
            }
        }
        for point in &points {
            match present.cover(&point.path) {
                Some(Cover::Writable) => {}
                Some(Cover::ReadOnly(at)) => {
                    mounts.notes.push(format!(
                        "{at} is mounted read-only: writes to {} fail, as they do today",
                        point.path
                    ));
                }
                None if target.is_ephemeral => mounts.mount_existing(target, point, present),
                None => mounts.mount(target, point, present)?,
            }
        }
        Ok(mounts)
    }

    fn mount<T: Tree>(
        &mut self,
        target: &Target<'_, T>,
        point: &MountPoint,
        present: &mut Present,
    ) -> Result<(), Refusal> {
        let path = &point.path;
        // A volume that is left over from an earlier fix is used again, unless files must be copied into it.
        let is_taken = |name: &str| present.is_taken(name) && (point.copy_up || !present.is_free(name));
        let volume = volume_name(target.name, path, is_taken);
        if !present.is_taken(&volume) {
            self.volumes.push(target.writable.volume(&volume));
        }
        if point.copy_up {
            self.init_containers.push(copy_up::init_container(target.container, &volume, path)?);
            self.of_container.push(copy_up::mount(&volume, path));
        } else {
            self.of_container.push(json!({"name": volume, "mountPath": path.as_str()}));
        }
        present.take(&volume);
        self.risks.extend(risk(target, point));
        self.added.push(AddedMount { path: path.clone(), volume, copy_up: point.copy_up });
        Ok(())
    }

    /// The API takes no new volumes with an ephemeral container, and no `subPath` in it.
    fn mount_existing<T: Tree>(&mut self, target: &Target<'_, T>, point: &MountPoint, present: &mut Present) {
        let path = &point.path;
        let volume = volume_name(target.name, path, |_| false);
        if point.copy_up || !present.is_free(&volume) {
            self.risks
                .push(format!("writes to {path} will fail: an ephemeral container cannot add a volume"));
            return;
        }
        present.take(&volume);
        self.of_container.push(json!({"name": volume, "mountPath": path.as_str()}));
        self.added.push(AddedMount { path: path.clone(), volume, copy_up: false });
    }
}

/// The permissions of everybody who is neither owner nor in the group.
const OTHERS: u32 = 0o007;

fn risk<T: Tree>(target: &Target<'_, T>, point: &MountPoint) -> Option<String> {
    let path = &point.path;
    if point.assumed_empty {
        return Some(format!(
            "whether the image has files in {path}, which the mount would hide, is not known"
        ));
    }
    if point.copy_up
        && let Some(risk) = copy_up::owner_risk(target.container, target.pod.spec)
    {
        return Some(risk);
    }
    if let Some(mode) = point.mode.filter(|mode| !point.copy_up && mode & OTHERS == 0) {
        return Some(format!(
            "{path} has mode {mode:04o} and would have 0777: programs that guard their files refuse that"
        ));
    }
    target.writable.size_risk(point, target.container, target.pod.spec)
}
