//! Volumes and mounts so that the apiserver finds its policy and can rotate its log.

use serde_json::{Value, json};

use super::change::Change;
use super::locate::Apiserver;
use super::mounts::{self, Mount, Node, Volume};
use super::path::AbsolutePath;
use super::places;
use super::plan_error::{Covered, PlanError};
use super::shape::WrongType;
use crate::edit::FieldOp;
use crate::yaml::Pointer;

/// Collects volumes and mounts to add, then turns them into operations.
#[derive(Debug)]
pub(crate) struct VolumeEdit<'p> {
    apiserver: &'p Apiserver<'p>,
    sharing: Sharing,
    mounts: Vec<Mount>,
    volumes: Vec<Volume>,
    /// Changes of what is there: made first, while indices stand.
    changed: Vec<FieldOp>,
    /// A mount and a volume that go, by index; at most one log file is mounted as a file.
    removed_mount: Option<usize>,
    removed_volume: Option<usize>,
    new_mounts: Vec<Value>,
    new_volumes: Vec<Value>,
    changes: Vec<Change>,
}

/// Whether one volume may have several mounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// In a Pod.
    Allowed,
    /// Among kubeadm's extraVolumes, each of which is a volume with its one mount.
    Forbidden,
}

/// What a file of ours is called, and whose it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Purpose {
    /// The flag that names the path.
    pub(crate) flag: &'static str,
    /// The volume's name, in kubeadm's style.
    pub(crate) volume: &'static str,
}

impl<'p> VolumeEdit<'p> {
    pub(crate) fn new(apiserver: &'p Apiserver<'p>, sharing: Sharing) -> Result<Self, WrongType> {
        Ok(Self {
            apiserver,
            sharing,
            mounts: mounts::mounts(apiserver)?,
            volumes: mounts::volumes(apiserver.pod)?,
            changed: Vec::new(),
            removed_mount: None,
            removed_volume: None,
            new_mounts: Vec::new(),
            new_volumes: Vec::new(),
            changes: Vec::new(),
        })
    }

    /// The mount that shows a path, as the manifest stands.
    pub(crate) fn covering(&self, path: &AbsolutePath) -> Option<&Mount> {
        mounts::covering(&self.mounts, path)
    }

    /// Makes a file of the host readable at `path`; returns where it lies on the host.
    ///
    /// # Errors
    /// [`PlanError`] where what is mounted there cannot show a file of the host.
    pub(crate) fn show_file(
        &mut self,
        purpose: Purpose,
        path: &AbsolutePath,
    ) -> Result<AbsolutePath, PlanError> {
        let Some(mount) = self.covering(path) else {
            self.add(purpose, path, path, "File");
            return Ok(path.clone());
        };
        on_host(purpose, path, mount)
    }

    /// Makes the directory of a log file writable; returns the directory on the host.
    ///
    /// # Errors
    /// [`PlanError`] where what is mounted there is read-only or no directory of the host.
    pub(crate) fn show_log_directory(
        &mut self,
        purpose: Purpose,
        file: &AbsolutePath,
    ) -> Result<AbsolutePath, PlanError> {
        let directory = file.parent();
        if let Some(index) = self.mounts.iter().position(|mount| mount.path == *file) {
            return self.widen_file_mount(purpose, index, file);
        }
        let Some(mount) = self.covering(&directory) else {
            self.add(purpose, &directory, &directory, "DirectoryOrCreate");
            return Ok(directory);
        };
        writable_on_host(purpose, file, mount)
    }

    /// A log file that is mounted as a file cannot be renamed, so that rotation loses events: its directory
    /// takes its place.
    fn widen_file_mount(
        &mut self,
        purpose: Purpose,
        index: usize,
        file: &AbsolutePath,
    ) -> Result<AbsolutePath, PlanError> {
        let mount = self.mounts[index].clone();
        let directory = file.parent();
        let above = self.mounts.iter().filter(|other| other.path != *file).cloned().collect::<Vec<_>>();
        let volume = self.volumes.iter().position(|volume| volume.name == mount.volume);
        let is_shared = self.users_of(&mount.volume) > 1;
        if let Some(above) = mounts::covering(&above, &directory) {
            let host = writable_on_host(purpose, file, above)?;
            self.removed_mount = Some(index);
            self.removed_volume = volume.filter(|_| !is_shared);
            if let Some(volume) = self.removed_volume {
                self.volumes[volume].host = None;
            }
            self.changes.push(Change::FileMountRemoved { volume: mount.volume, file: file.clone() });
            return Ok(host);
        }
        let host_path = on_host(purpose, file, &mount)?.parent();
        places::check_host_directory(file, &host_path)?;
        let at = &mount.at;
        match volume {
            Some(volume) if !is_shared => {
                self.volumes[volume].host = Some((host_path.clone(), "DirectoryOrCreate".to_owned()));
                let source = Pointer::root().join("spec").join("volumes").item(volume).join("hostPath");
                self.changed.extend([
                    FieldOp::Set { at: source.join("path"), value: json!(host_path.as_str()) },
                    FieldOp::Set { at: source.join("type"), value: json!("DirectoryOrCreate") },
                    FieldOp::Set { at: at.join("mountPath"), value: json!(directory.as_str()) },
                ]);
                for key in ["readOnly", "subPath", "subPathExpr"] {
                    if at.join(key).get(self.apiserver.pod).is_some() {
                        self.changed.push(FieldOp::Remove { at: at.join(key) });
                    }
                }
            }
            _ => {
                let name = self.volume_for(purpose, &host_path, "DirectoryOrCreate").0;
                self.changed
                    .push(FieldOp::Replace { at: at.clone(), value: mount_value(&name, &directory, false) });
            }
        }
        let change = Change::FileMountWidened {
            volume: mount.volume,
            file: file.clone(),
            host_path: host_path.clone(),
        };
        self.changes.push(change);
        Ok(host_path)
    }

    fn add(&mut self, purpose: Purpose, host_path: &AbsolutePath, mount_path: &AbsolutePath, kind: &str) {
        let read_only = kind == "File";
        let (name, is_new) = self.volume_for(purpose, host_path, kind);
        let mount_path = mount_path.clone();
        self.new_mounts.push(mount_value(&name, &mount_path, read_only));
        self.changes.push(if is_new {
            Change::VolumeAdded { name, host_path: host_path.clone(), mount_path, read_only }
        } else {
            Change::MountAdded { volume: name, mount_path, read_only }
        });
    }

    /// A volume of the pod that shows exactly this path, else a new one under a free name.
    fn volume_for(&mut self, purpose: Purpose, host_path: &AbsolutePath, kind: &str) -> (String, bool) {
        let fits = |volume: &&Volume| {
            let host = volume.host.as_ref();
            host.is_some_and(|(path, other)| {
                path == host_path && (other.is_empty() || other.starts_with(kind_stem(kind)))
            })
        };
        let shared = self.volumes.iter().find(fits).filter(|_| self.sharing == Sharing::Allowed);
        if let Some(volume) = shared {
            return (volume.name.clone(), false);
        }
        let name = self.free_name(purpose.volume);
        self.new_volumes.push(json!({"hostPath": {"path": host_path.as_str(), "type": kind}, "name": name}));
        (name, true)
    }

    fn free_name(&self, wanted: &str) -> String {
        let is_taken = |name: &str| {
            self.volumes.iter().any(|volume| volume.name == name)
                || self.new_volumes.iter().any(|volume| volume["name"] == name)
        };
        let numbered = (2..).map(|number| format!("{wanted}-{number}"));
        std::iter::once(wanted.to_owned()).chain(numbered).find(|name| !is_taken(name)).unwrap_or_default()
    }

    /// How many mounts of all containers use a volume, new ones included.
    fn users_of(&self, volume: &str) -> usize {
        let spec = &self.apiserver.pod["spec"];
        let containers =
            ["initContainers", "containers"].iter().filter_map(|list| spec[*list].as_array()).flatten();
        let mounts = containers.filter_map(|container| container["volumeMounts"].as_array()).flatten();
        mounts.chain(&self.new_mounts).filter(|mount| mount["name"] == volume).count()
    }

    pub(crate) fn finish(self) -> (Vec<FieldOp>, Vec<Change>) {
        let mut ops = self.changed;
        let spec = Pointer::root().join("spec");
        let removed = [
            (self.removed_mount, self.apiserver.at.join("volumeMounts")),
            (self.removed_volume, spec.join("volumes")),
        ];
        for (index, list) in removed {
            ops.extend(index.map(|index| FieldOp::Remove { at: list.item(index) }));
        }
        append(&mut ops, self.apiserver.at.join("volumeMounts"), self.new_mounts, self.apiserver.pod);
        append(&mut ops, spec.join("volumes"), self.new_volumes, self.apiserver.pod);
        (ops, self.changes)
    }
}

fn append(ops: &mut Vec<FieldOp>, list: Pointer, items: Vec<Value>, pod: &Value) {
    if list.get(pod).is_some_and(Value::is_array) {
        ops.extend(items.into_iter().map(|value| FieldOp::Append { at: list.clone(), value }));
    } else if !items.is_empty() {
        ops.push(FieldOp::Set { at: list, value: Value::Array(items) });
    }
}

fn mount_value(name: &str, path: &AbsolutePath, read_only: bool) -> Value {
    // kubeadm leaves `readOnly: false` out.
    if read_only {
        json!({"mountPath": path.as_str(), "name": name, "readOnly": true})
    } else {
        json!({"mountPath": path.as_str(), "name": name})
    }
}

/// `File` for File and FileOrCreate, `Directory` for Directory and DirectoryOrCreate.
fn kind_stem(kind: &str) -> &str {
    kind.strip_suffix("OrCreate").unwrap_or(kind)
}

fn writable_on_host(purpose: Purpose, file: &AbsolutePath, mount: &Mount) -> Result<AbsolutePath, PlanError> {
    let host = on_host(purpose, file, mount)?;
    if mount.read_only {
        return Err(PlanError::ReadOnlyLog(covered(purpose, file, mount)));
    }
    Ok(host.parent())
}

/// Where a file that a mount covers lies on the host.
fn on_host(purpose: Purpose, path: &AbsolutePath, mount: &Mount) -> Result<AbsolutePath, PlanError> {
    let wrong = if mount.path == *path { Node::Directory } else { Node::File };
    if mount.node() == Some(wrong) {
        return Err(PlanError::WrongKindOfMount { covered: covered(purpose, path, mount), found: wrong });
    }
    mount.host_path(path).ok_or_else(|| PlanError::NotOnHost(covered(purpose, path, mount)))
}

fn covered(purpose: Purpose, path: &AbsolutePath, mount: &Mount) -> Box<Covered> {
    Box::new(Covered { flag: purpose.flag, path: path.clone(), mount: mount.clone() })
}
