//! `lithify audit-policy new`: a commented policy to begin with.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};

use super::super::terminal::Tone;
use super::super::{Outcome, Terminal};
use crate::audit::{Template, Watched, delete_watch};

/// Write a commented policy to begin with
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    lithify audit-policy new --template recommended --output audit-policy.yaml\n  \
    lithify audit-policy new --template delete-watch --namespace web --resource pods --name nginx-0")]
pub(super) struct NewArgs {
    /// Which one
    #[arg(long, value_name = "NAME", default_value = "recommended")]
    template: TemplateName,

    /// Namespace of the object to watch, for `delete-watch`
    #[arg(long, value_name = "NAMESPACE")]
    namespace: Option<String>,

    /// Its plural resource: `pods`, `deployments`, `widgets.example.com` [default: pods]
    #[arg(long, value_name = "RESOURCE")]
    resource: Option<String>,

    /// Its name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// Write to this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Overwrite the file if it exists
    #[arg(long, requires = "output")]
    force: bool,
}

/// A [`Template`]'s name on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TemplateName {
    /// Everything that matters, at the level at which it does
    Recommended,
    /// Every request, without bodies
    Metadata,
    /// Changes, and access to credentials and containers
    Minimal,
    /// Who deletes one object
    DeleteWatch,
    /// Everything with bodies, for an hour: a log to size other policies by
    Sizing,
}

impl From<TemplateName> for Template {
    fn from(name: TemplateName) -> Self {
        match name {
            TemplateName::Recommended => Self::Recommended,
            TemplateName::Metadata => Self::Metadata,
            TemplateName::Minimal => Self::Minimal,
            TemplateName::DeleteWatch => Self::DeleteWatch,
            TemplateName::Sizing => Self::Sizing,
        }
    }
}

pub(super) fn run(args: &NewArgs, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
    let text = policy(args)?;
    match args.output.as_deref().filter(|path| *path != Path::new("-")) {
        None => terminal.write_all(text.as_bytes())?,
        Some(path) => {
            write(path, &text, args.force)?;
            terminal.note(Tone::Hint, format_args!("wrote {}", path.display()));
        }
    }
    Ok(Outcome::Clean)
}

fn policy(args: &NewArgs) -> anyhow::Result<String> {
    if args.template == TemplateName::DeleteWatch {
        let Some(name) = args.name.clone() else {
            bail!("--template delete-watch needs --name, the name of the object to watch");
        };
        let resource = args.resource.clone().unwrap_or_else(|| "pods".to_owned());
        let watched = Watched { namespace: args.namespace.clone(), resource, name };
        return Ok(delete_watch(&watched)?);
    }
    for (option, value) in
        [("--namespace", &args.namespace), ("--resource", &args.resource), ("--name", &args.name)]
    {
        if value.is_some() {
            bail!("{option} is for --template delete-watch only");
        }
    }
    Ok(Template::from(args.template).text().to_owned())
}

fn write(path: &Path, text: &str, force: bool) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true);
    if force {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    match written {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!("{} exists already: choose another file, or overwrite it with --force", path.display())
        }
        written => written.with_context(|| format!("write {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_has_a_name() {
        for name in TemplateName::value_variants() {
            let shown = name.to_possible_value().unwrap();
            assert_eq!(shown.get_name(), Template::from(*name).name());
        }
        assert_eq!(TemplateName::value_variants().len(), Template::ALL.len());
    }
}
