//! From options and what is on the disk to everything that a patch would do; nothing is written here.

use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, anyhow, bail};
use serde_json::Value;

use super::patch::PatchArgs;
use super::policy::{self, ChosenPolicy, Origin};
use crate::apiserver::{
    self, AbsolutePath, Apiserver, HostFile, MANIFESTS_DIRECTORY, Plan, Settings, audit_flags, hash,
};
use crate::checks::static_pod;
use crate::edit;
use crate::install::{Change, Content, Directory, Node, Ownership, Places, Request, Role, inspect};
use crate::lint::static_pod::place as place_in;
use crate::yaml::Stream;

/// Everything that a patch would do.
pub(super) struct Prepared {
    /// The manifest as given, for messages.
    pub(super) source: PathBuf,
    pub(super) manifest: inspect::Manifest,
    pub(super) plan: Plan,
    pub(super) policy: ChosenPolicy,
    pub(super) request: Request,
    /// What deserves a second thought.
    pub(super) warnings: Vec<String>,
    /// Whether only the note of a hash would change, and the apiserver started after the policy's last change.
    pub(super) knows_already: bool,
}

impl Prepared {
    /// Whether nothing is to be done.
    pub(super) fn is_empty(&self) -> bool {
        self.request.changes.is_empty() && self.request.directories.is_empty()
    }
}

/// A manifest's text and its one object.
struct Parsed {
    document: usize,
    object: Value,
}

/// Prepares the patch of a manifest on this node.
pub(super) fn on_node(args: &PatchArgs) -> anyhow::Result<Prepared> {
    let source = args.manifest.clone();
    let manifest = inspect::manifest(&source)?;
    let parsed = parse(&manifest.content.bytes, &source)?;
    let mut warnings = args.audit.warnings();

    let settings = Settings { manifests_directory: clean(&manifest.directory), ..args.audit.settings() };
    let first = plan(&parsed, &manifest.content.bytes, &settings, &source)?;
    check_siblings(args, &manifest, &parsed.object, &mut warnings)?;
    let policy_path = place(&first.policy, &manifest.directory)?;
    let policy = choose_policy(args, &policy_path)?;
    warnings.extend(policy::ignored(&policy.bytes).into_iter().map(|text| format!("audit policy, {text}")));
    let kubeconfig = choose_kubeconfig(args, &first, &manifest.directory)?;

    let hashed = with_hashes(settings, Some(&policy.bytes), kubeconfig.as_ref().map(|(_, bytes)| &bytes[..]));
    let plan = plan(&parsed, &manifest.content.bytes, &hashed, &source)?;
    warnings.extend(plan.warnings.iter().map(ToString::to_string));

    let mut files = vec![file_change(Role::Policy, &policy_path, &policy.bytes, &plan)];
    files.extend(kubeconfig.iter().map(|(path, bytes)| file_change(Role::Webhook, path, bytes, &plan)));
    let files: Vec<Change> = files.into_iter().flatten().collect();
    let knows_already = files.is_empty() && plan.only_restarts() && knows_already(&manifest, &plan);
    let mut changes = files;
    if !plan.is_empty() && !knows_already {
        let bytes = edit::yaml_sink(&manifest.content.bytes, parsed.document, &plan.ops)
            .with_context(|| format!("edit {}", source.display()))?;
        let content = Content { bytes, ownership: manifest.content.ownership };
        changes.push(Change { role: Role::Manifest, path: manifest.path.clone(), content: Some(content) });
    }
    let mut patched = parsed.object.clone();
    edit::apply(&plan.ops, &mut patched).with_context(|| format!("edit {}", source.display()))?;
    let directories = log_directory(&plan, &patched, &mut warnings)?;
    let request = Request {
        manifest: manifest.path.clone(),
        before: manifest.content.bytes.clone(),
        kept: kept_files(&parsed.object, &changes),
        changes,
        directories,
        sentences: plan.changes.iter().map(ToString::to_string).collect(),
    };
    Ok(Prepared { source, manifest, plan, policy, request, warnings, knows_already })
}

/// The patched text of a manifest that may be anywhere, from standard input for `-`.
///
/// A policy's hash is noted only where the policy is known: given, or at its place on this machine.
pub(super) fn text(args: &PatchArgs) -> anyhow::Result<(Vec<u8>, Vec<u8>, Plan)> {
    let source = &args.manifest;
    let bytes = if source == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes).context("read standard input")?;
        bytes
    } else {
        inspect::manifest(source)?.content.bytes
    };
    let parsed = parse(&bytes, source)?;
    let settings = args.audit.settings();
    let first = plan(&parsed, &bytes, &settings, source)?;
    let present = |file: &HostFile| fs::read(file.host_path.as_str()).ok();
    let policy = match args.policy.given()? {
        Some(policy) => {
            policy::ensure_valid(&policy, Path::new(first.policy.host_path.as_str()))?;
            Some(policy.bytes)
        }
        None => present(&first.policy),
    };
    let kubeconfig = match args.audit.webhook_kubeconfig()? {
        Some(text) => Some(text.into_bytes()),
        None => first.webhook_config.as_ref().and_then(present),
    };
    let hashed = with_hashes(settings, policy.as_deref(), kubeconfig.as_deref());
    let plan = plan(&parsed, &bytes, &hashed, source)?;
    let patched = edit::yaml_sink(&bytes, parsed.document, &plan.ops)
        .with_context(|| format!("edit {}", source.display()))?;
    Ok((bytes, patched, plan))
}

fn clean(path: &Path) -> AbsolutePath {
    AbsolutePath::clean(&path.to_string_lossy())
}

fn parse(bytes: &[u8], source: &Path) -> anyhow::Result<Parsed> {
    let stream = Stream::parse(bytes).map_err(|error| anyhow!("{}: {error}", source.display()))?;
    let values: Vec<Value> = stream.documents().map(|document| document.to_value()).collect();
    let document =
        apiserver::single_document(&values).map_err(|error| anyhow!("{}: {error}", source.display()))?;
    let object = values.into_iter().nth(document).expect("the index is one of the documents");
    Ok(Parsed { document, object })
}

/// `bytes`: the text that was parsed, for the place of what is wrong.
fn plan(parsed: &Parsed, bytes: &[u8], settings: &Settings, source: &Path) -> anyhow::Result<Plan> {
    apiserver::plan(&parsed.object, settings).map_err(|error| {
        let stream = Stream::parse(bytes).ok();
        let position = stream.and_then(|stream| place_in(&stream, parsed.document, error.pointer()));
        match position {
            Some(position) => anyhow!("{}: {position}: {error}", source.display()),
            None => anyhow!("{}: {error}", source.display()),
        }
    })
}

fn with_hashes(settings: Settings, policy: Option<&[u8]>, kubeconfig: Option<&[u8]>) -> Settings {
    let mut settings = settings;
    settings.policy_hash = policy.map(hash::sha256);
    if let Some(webhook) = &mut settings.webhook {
        webhook.config_hash = kubeconfig.map(hash::sha256);
    }
    settings
}

/// A copy of the manifest beside it can win silently: whatever is patched then has no effect.
fn check_siblings(
    args: &PatchArgs,
    manifest: &inspect::Manifest,
    object: &Value,
    warnings: &mut Vec<String>,
) -> anyhow::Result<()> {
    let mut strays = Vec::new();
    for sibling in inspect::siblings(manifest, &args.manifest)? {
        let findings = static_pod::check(object, std::slice::from_ref(&sibling))
            .map_err(|error| anyhow!("{}: {error}", args.manifest.display()))?;
        let found = findings.into_iter().find(|finding| finding.check == "stray-manifest-copy");
        strays.extend(found.map(|finding| (sibling.path, finding.message)));
    }
    // Outside of a node a directory may hold one manifest a node.
    if args.node.no_wait && manifest.directory != Path::new(MANIFESTS_DIRECTORY) {
        warnings.extend(strays.into_iter().map(|(_, message)| message));
        return Ok(());
    }
    if strays.is_empty() {
        return Ok(());
    }
    let (paths, messages): (Vec<String>, Vec<String>) = strays.into_iter().unzip();
    bail!("{}; a patch might have no effect, so first: mv {} /root/", messages.join("; "), paths.join(" "))
}

/// Where a file that the apiserver reads lies on this node, links resolved.
fn place(file: &HostFile, manifests: &Path) -> anyhow::Result<PathBuf> {
    let path = inspect::place(Path::new(file.host_path.as_str()))?;
    inspect::outside_of(manifests, "the file", &path)?;
    Ok(path)
}

fn choose_policy(args: &PatchArgs, path: &Path) -> anyhow::Result<ChosenPolicy> {
    let policy = match args.policy.given()? {
        Some(policy) => policy,
        None if path.exists() => {
            let bytes = fs::read(path).with_context(|| format!("read {}", path.display()))?;
            ChosenPolicy { bytes, origin: Origin::Kept }
        }
        None => policy::by_default(),
    };
    policy::ensure_valid(&policy, path)?;
    Ok(policy)
}

/// The receiver's kubeconfig: the one made from the options, or the one that is there.
fn choose_kubeconfig(
    args: &PatchArgs,
    plan: &Plan,
    manifests: &Path,
) -> anyhow::Result<Option<(PathBuf, Vec<u8>)>> {
    let Some(file) = &plan.webhook_config else { return Ok(None) };
    let path = place(file, manifests)?;
    let bytes = match args.audit.webhook_kubeconfig()? {
        Some(text) => text.into_bytes(),
        None => fs::read(&path).with_context(|| {
            format!("read the webhook kubeconfig {}; --audit-webhook-url writes one", path.display())
        })?,
    };
    Ok(Some((path, bytes)))
}

/// What a file is to become; nothing where it is so already.
///
/// A file that the apiserver's user can read keeps its mode and owner; every other one becomes that user's own.
fn file_change(role: Role, path: &Path, bytes: &[u8], plan: &Plan) -> Option<Change> {
    let owner = plan.runs_as;
    let (uid, gid) = (owner.uid, owner.gid);
    let present = fs::metadata(path).ok().map(|metadata| Ownership::of(&metadata));
    let ownership = present.filter(|ownership| ownership.permits(uid, &[gid], 4)).unwrap_or(Ownership {
        mode: 0o600,
        uid,
        gid,
    });
    if present == Some(ownership) && fs::read(path).is_ok_and(|present| present == bytes) {
        return None;
    }
    let content = Content { bytes: bytes.to_vec(), ownership };
    Some(Change { role, path: path.to_owned(), content: Some(content) })
}

/// Whether the running apiserver has read policy and kubeconfig as they are now.
fn knows_already(manifest: &inspect::Manifest, plan: &Plan) -> bool {
    let files = std::iter::once(&plan.policy).chain(plan.webhook_config.as_ref());
    let changed: Option<Vec<SystemTime>> =
        files.map(|file| changed(Path::new(file.host_path.as_str()))).collect();
    let Some(last) = changed.and_then(|times| times.into_iter().max()) else { return false };
    !hash::needs_restart(Node::started(&Places::default(), &manifest.content.bytes), last)
}

/// The last change of a file by the kernel's own account: the time that a copy cannot set.
fn changed(path: &Path) -> Option<SystemTime> {
    let metadata = fs::metadata(path).ok()?;
    let seconds = u64::try_from(metadata.ctime()).ok()?;
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

/// The directory of the log where it has to be made; checks the one that is there.
fn log_directory(plan: &Plan, patched: &Value, warnings: &mut Vec<String>) -> anyhow::Result<Vec<Directory>> {
    let Some(log) = &plan.log else { return Ok(Vec::new()) };
    let path = PathBuf::from(log.host_directory.as_str());
    let (uid, gid) = (plan.runs_as.uid, plan.runs_as.gid);
    if let Ok(metadata) = fs::metadata(&path) {
        if !metadata.is_dir() {
            bail!("{} is to hold the audit log, and is no directory", path.display());
        }
        if !inspect::permits(&path, uid, gid, 3) {
            bail!(
                "the kube-apiserver runs as user {uid}, who may not write to {dir}; `chown {uid}:{gid} {dir}` \
                 lets it",
                dir = path.display()
            );
        }
    } else {
        inspect::place(&path.join("audit.log"))?;
    }
    warnings.extend(growth(patched, &path));
    if path.exists() {
        return Ok(Vec::new());
    }
    Ok(vec![Directory { path, ownership: Ownership { mode: 0o700, uid, gid } }])
}

/// Warns where the log, with all its rotated files, can outgrow its disk.
fn growth(patched: &Value, directory: &Path) -> Option<String> {
    let apiserver = Apiserver::locate(patched).ok()?;
    let value = |name: &str| apiserver.flags().value(name)?.parse::<u64>().ok();
    let (size, backups) = (value(audit_flags::LOG_MAXSIZE)?, value(audit_flags::LOG_MAXBACKUP)?);
    let most = size.checked_mul(1 << 20)?.checked_mul(backups + 1)?;
    let free = inspect::free_bytes(directory)?;
    let (most_mib, free_mib) = (most >> 20, free >> 20);
    (most > free).then(|| {
        format!(
            "the audit log can grow to {most_mib} MiB ({} files of {size} MiB), and {} has {free_mib} MiB free; \
             lower --audit-log-maxbackup or --audit-log-maxsize, or make room",
            backups + 1,
            directory.display()
        )
    })
}

/// Files that the present manifest names and that are not changed: saved with the rest.
fn kept_files(object: &Value, changes: &[Change]) -> Vec<(Role, PathBuf)> {
    let Ok(apiserver) = Apiserver::locate(object) else { return Vec::new() };
    let Ok(mounts) = apiserver::mounts(&apiserver) else { return Vec::new() };
    let named = [(Role::Policy, audit_flags::POLICY_FILE), (Role::Webhook, audit_flags::WEBHOOK_CONFIG_FILE)];
    let files = named.into_iter().filter_map(|(role, flag)| {
        let path = AbsolutePath::clean(apiserver.flags().value(flag)?);
        let host = apiserver::covering(&mounts, &path)?.host_path(&path)?;
        inspect::place(Path::new(host.as_str())).ok().map(|path| (role, path))
    });
    files.filter(|(_, path)| changes.iter().all(|change| change.path != *path)).collect()
}
