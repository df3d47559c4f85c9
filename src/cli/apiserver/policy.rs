//! Which audit policy is installed: the one given, the one that is there, or one to begin with.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use crate::audit::{self, PolicyFile, Template};

/// The policy to install.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Audit policy (one that is there is kept, unless another is given)")]
pub(super) struct PolicyArgs {
    /// Install this policy
    #[arg(long, value_name = "FILE", conflicts_with = "template")]
    policy: Option<PathBuf>,

    /// Install this template [default where no policy is there: recommended]
    #[arg(long, value_name = "NAME", value_parser = template)]
    template: Option<Template>,
}

/// The policy that the apiserver will read.
#[derive(Clone, Debug)]
pub(super) struct ChosenPolicy {
    /// Its text.
    pub(super) bytes: Vec<u8>,
    /// Where it comes from, for people.
    pub(super) origin: Origin,
}

/// Where a policy comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// It was there.
    Kept,
    /// A file that was given.
    File(PathBuf),
    /// A template.
    Template(&'static str),
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Kept => f.write_str("kept as it is"),
            Self::File(path) => write!(f, "from {}", path.display()),
            Self::Template(name) => write!(f, "template `{name}`"),
        }
    }
}

/// Those that stand as they are; the one that needs names is made by `audit-policy new`.
fn template(name: &str) -> Result<Template, String> {
    let usable = || Template::ALL.into_iter().filter(|template| *template != Template::DeleteWatch);
    if name == Template::DeleteWatch.name() {
        return Err(format!(
            "`{name}` needs names: `lithify audit-policy new --template {name} --namespace N --resource pods \
             --name X > FILE`, then --policy FILE"
        ));
    }
    usable().find(|template| template.name() == name).ok_or_else(|| {
        let names: Vec<_> = usable().map(Template::name).collect();
        format!("expected one of {}", names.join(", "))
    })
}

impl PolicyArgs {
    /// The policy that is asked for, validated; `None` where none is.
    pub(super) fn given(&self) -> anyhow::Result<Option<ChosenPolicy>> {
        if let Some(path) = &self.policy {
            let bytes = fs::read(path).with_context(|| format!("read {}", path.display()))?;
            return Ok(Some(ChosenPolicy { bytes, origin: Origin::File(path.clone()) }));
        }
        Ok(self.template.map(from_template))
    }
}

/// What is installed where nobody has chosen.
pub(super) fn by_default() -> ChosenPolicy {
    from_template(Template::Recommended)
}

fn from_template(template: Template) -> ChosenPolicy {
    ChosenPolicy { bytes: template.text().as_bytes().to_vec(), origin: Origin::Template(template.name()) }
}

/// What the apiserver would refuse about a policy, one a line.
pub(super) fn refusals(bytes: &[u8]) -> Vec<String> {
    let file = match PolicyFile::read(bytes) {
        Ok(file) => file,
        Err(error) => return vec![error.to_string()],
    };
    let Err(refusals) = &file.loaded().policy else { return Vec::new() };
    let lines = refusals.iter().map(|refusal| {
        let suggestion = refusal.suggestion.as_deref().map(|word| format!("; did you mean `{word}`?"));
        format!("{}: {}{}", file.position(&refusal.pointer), refusal.message, suggestion.unwrap_or_default())
    });
    lines.collect()
}

/// What the apiserver would pass over in a policy, one a line.
pub(super) fn ignored(bytes: &[u8]) -> Vec<String> {
    let Ok(file) = PolicyFile::read(bytes) else { return Vec::new() };
    let ignored = file.loaded().ignored.iter();
    ignored
        .map(|ignored| format!("{}: `{}` is ignored", file.position(&ignored.pointer), ignored.pointer))
        .collect()
}

/// Judges for the transaction: why the apiserver would refuse a policy.
pub(super) fn judge(bytes: &[u8]) -> Result<(), String> {
    let refusals = refusals(bytes);
    if refusals.is_empty() { Ok(()) } else { Err(refusals.join("; ")) }
}

/// Fails with everything that is wrong where the apiserver would refuse the policy.
pub(super) fn ensure_valid(policy: &ChosenPolicy, path: &Path) -> anyhow::Result<()> {
    let refusals = refusals(&policy.bytes);
    if refusals.is_empty() {
        return Ok(());
    }
    let path = match &policy.origin {
        Origin::File(file) => file.as_path(),
        _ => path,
    };
    let lines = refusals.join("\n  ");
    let advice = match policy.origin {
        Origin::Kept => "\nrepair it, or install another with --policy FILE or --template NAME",
        _ => "",
    };
    bail!("the kube-apiserver would refuse the audit policy {}:\n  {lines}{advice}", path.display());
}

/// The level at which the first rule that matches everything logs, for the summary.
pub(super) fn is_silent(bytes: &[u8]) -> bool {
    audit::load(bytes).is_ok_and(|loaded| {
        loaded.policy.is_ok_and(|policy| policy.rules.iter().all(|rule| rule.level == audit::Level::None))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_that_stands_as_it_is_can_be_installed() {
        for name in ["recommended", "metadata", "minimal", "sizing"] {
            let chosen = from_template(template(name).unwrap());
            assert_eq!(judge(&chosen.bytes), Ok(()), "{name}");
        }
        assert!(template("delete-watch").unwrap_err().contains("audit-policy new"));
        assert!(template("x").unwrap_err().contains("recommended"));
    }

    #[test]
    fn a_policy_that_the_apiserver_refuses_is_refused_with_its_place() {
        let bytes = b"apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: Nope\n".to_vec();
        let policy = ChosenPolicy { bytes, origin: Origin::Kept };
        let error = ensure_valid(&policy, Path::new("/etc/p.yaml")).unwrap_err().to_string();
        assert!(error.contains("/etc/p.yaml:\n  line 4") && error.contains("--template"), "{error}");
    }
}
