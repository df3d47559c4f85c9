//! What a patch tells at its end: what is so now, how to go back, how to keep it.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::DEFAULT_MANIFEST;
use super::diff::owner;
use super::patch::PatchArgs;
use super::policy;
use super::prepare::Prepared;
use crate::audit::Event;
use crate::cli::Terminal;
use crate::install::{BackupSet, Change, Healthy, Role};

fn heading(terminal: &Terminal) -> Style {
    if terminal.is_styled() {
        Style::new().bold().fg_color(Some(AnsiColor::Green.into()))
    } else {
        Style::new()
    }
}

/// What was looked at when there is nothing to do.
pub(super) fn nothing_to_do(prepared: &Prepared, terminal: &mut Terminal) -> io::Result<()> {
    let green = heading(terminal);
    writeln!(terminal, "{green}nothing to do{green:#}: audit logging is set up as asked")?;
    writeln!(terminal, "  manifest   {}: flags, volumes and mounts are there", prepared.source.display())?;
    let policy = &prepared.plan.policy.host_path;
    let hash = if prepared.knows_already {
        "and the kube-apiserver started after its last change"
    } else {
        "and the manifest notes its hash"
    };
    writeln!(terminal, "  policy     {policy}: valid, {hash}")?;
    if let Some(webhook) = &prepared.plan.webhook_config {
        writeln!(terminal, "  webhook    {}: there", webhook.host_path)?;
    }
    if let Some(log) = &prepared.plan.log {
        writeln!(terminal, "  audit log  {}: its directory is there", log.host_path)?;
    }
    Ok(())
}

/// What a patch would do, in sentences.
pub(super) fn would_do(prepared: &Prepared, terminal: &mut Terminal) -> io::Result<()> {
    if prepared.is_empty() {
        return nothing_to_do(prepared, terminal);
    }
    for directory in &prepared.request.directories {
        let owner = owner(directory.ownership);
        writeln!(terminal, "would make the directory {} ({owner})", directory.path.display())?;
    }
    for change in &prepared.request.changes {
        let path = change.path.display();
        match (change.role, &change.content) {
            (Role::Manifest, _) => {
                writeln!(terminal, "would change the manifest {path}:")?;
                for sentence in &prepared.request.sentences {
                    writeln!(terminal, "  - {sentence}")?;
                }
            }
            (role, Some(content)) => {
                let origin = origin(prepared, change);
                writeln!(terminal, "would write the {role} {path} ({origin}{})", owner(content.ownership))?;
            }
            (role, None) => writeln!(terminal, "would remove the {role} {path}")?,
        }
    }
    writeln!(terminal, "nothing was written")
}

fn origin(prepared: &Prepared, change: &Change) -> String {
    match change.role {
        Role::Policy => format!("{}, ", prepared.policy.origin),
        Role::Webhook | Role::Manifest => String::new(),
    }
}

/// What is so now.
pub(super) fn installed(
    args: &PatchArgs,
    prepared: &Prepared,
    backup: &BackupSet,
    healthy: Option<&Healthy>,
    terminal: &mut Terminal,
) -> io::Result<()> {
    let green = heading(terminal);
    match healthy {
        Some(healthy) => {
            let seconds = healthy.waited.as_secs();
            writeln!(
                terminal,
                "{green}audit logging is on{green:#}: the kube-apiserver was restarted and is healthy after {seconds} s"
            )?;
            for evidence in &healthy.evidence {
                writeln!(terminal, "  seen       {evidence}")?;
            }
        }
        None => writeln!(
            terminal,
            "{green}files are in place{green:#}: nobody has waited for the kube-apiserver (--no-wait), so look yourself"
        )?,
    }
    places(prepared, terminal)?;
    writeln!(terminal, "  backup     {}", backup.directory.display())?;
    if let Some(event) = healthy.and_then(|healthy| healthy.first_event.as_deref()) {
        writeln!(terminal, "\nfirst audit event: {}", described(event))?;
    } else if policy::is_silent(&prepared.policy.bytes) {
        writeln!(terminal, "\nthe policy records nothing: every rule has level None")?;
    }
    advice(args, terminal)
}

fn places(prepared: &Prepared, terminal: &mut Terminal) -> io::Result<()> {
    writeln!(terminal, "  manifest   {}", prepared.source.display())?;
    for sentence in &prepared.request.sentences {
        writeln!(terminal, "               {sentence}")?;
    }
    writeln!(terminal, "  policy     {} ({})", prepared.plan.policy.host_path, prepared.policy.origin)?;
    if let Some(webhook) = &prepared.plan.webhook_config {
        writeln!(terminal, "  webhook    {}", webhook.host_path)?;
    }
    if let Some(log) = &prepared.plan.log {
        writeln!(terminal, "  audit log  {}", log.host_path)?;
    }
    Ok(())
}

/// An event in one line, for people.
fn described(event: &str) -> String {
    let Ok(event) = serde_json::from_str::<Event<'_>>(event) else { return event.to_owned() };
    let Event { verb, request_uri, level, stage, user, .. } = &event;
    let user = if user.username.is_empty() { "an unknown user" } else { &*user.username };
    let code = event.response_status.as_ref().map(|status| format!(", answered {}", status.code));
    format!("{user} asked to {verb} {request_uri}{} (level {level}, stage {stage})", code.unwrap_or_default())
}

fn advice(args: &PatchArgs, terminal: &mut Terminal) -> io::Result<()> {
    let manifest = if args.manifest.as_os_str() == DEFAULT_MANIFEST {
        String::new()
    } else {
        format!(" {}", args.manifest.display())
    };
    let words = std::iter::once(String::new()).chain(args.audit.command_line());
    let settings = words.collect::<Vec<_>>().join(" ");
    let state = args.node.state_option();
    writeln!(terminal, "\nto undo this:       lithify apiserver rollback{manifest}{state}")?;
    writeln!(
        terminal,
        "to keep it:         `kubeadm upgrade` writes the manifest anew and drops these flags, unless"
    )?;
    writeln!(
        terminal,
        "                    kubeadm knows them: lithify apiserver kubeadm --patches-dir DIR{settings}"
    )?;
    writeln!(
        terminal,
        "several nodes:      run the same command on each control-plane node, one after another"
    )
}
