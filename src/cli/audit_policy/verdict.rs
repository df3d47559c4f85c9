//! The rule that decides about one request, and why the rules before it do not.

use std::io::Write as _;

use anstyle::{AnsiColor, Style};
use anyhow::bail;
use clap::Args;
use serde_json::json;

use super::super::{Outcome, Terminal};
use super::Format;
use super::explain::Subject;
use super::table::{Align, Table};
use crate::audit::{
    Level, Mismatch, PolicyRule, Request, Resolved, Resource, Stage, Target, Text, User, Verdict, group_of,
    implied_groups, resolve,
};

/// The request to explain
#[derive(Args)]
#[group(id = "request", multiple = true)]
#[command(next_help_heading = "Request")]
pub(super) struct RequestArgs {
    /// Who asks [default: somebody whom no rule names]
    #[arg(long, value_name = "NAME")]
    user: Option<String>,

    /// A group of theirs; those that every such user has are added. May be repeated
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,

    /// `get`, `list`, `create`, `deletecollection` …, or an HTTP method
    /// [default: get, which is list without a name]
    #[arg(long, value_name = "VERB")]
    verb: Option<String>,

    /// Plural resource: `pods`, `pods/log`, `deployments.apps`
    #[arg(long, value_name = "RESOURCE", conflicts_with = "url")]
    resource: Option<String>,

    /// Subresource: `log`
    #[arg(long, value_name = "SUBRESOURCE", requires = "resource")]
    subresource: Option<String>,

    /// API group of the resource [default: where Kubernetes has it]
    #[arg(long, value_name = "GROUP", requires = "resource")]
    api_group: Option<String>,

    /// Namespace, absent for cluster-scoped resources and for all namespaces
    #[arg(long, value_name = "NAMESPACE", requires = "resource")]
    namespace: Option<String>,

    /// Name of the object
    #[arg(long, value_name = "NAME", requires = "resource")]
    name: Option<String>,

    /// Path of the request, with its query: `/healthz`, `/api/v1/pods?watch=1`
    #[arg(long, value_name = "PATH")]
    url: Option<String>,
}

pub(super) fn run(
    subject: &Subject<'_>,
    args: &RequestArgs,
    format: Format,
    terminal: &mut Terminal,
) -> anyhow::Result<Outcome> {
    let Resolved { verb, target } = args.resolve()?;
    let groups = args.groups();
    let user = User { name: args.user.as_deref().unwrap_or_default(), groups: &groups };
    let request = Request { user: Some(user), verb: &verb, target };
    let verdict = subject.policy.evaluate(&request);
    match format {
        Format::Text => write_text(subject, args, &request, &verdict, terminal)?,
        Format::Json => write_json(subject, &request, &verdict, terminal)?,
    }
    Ok(Outcome::Clean)
}

impl RequestArgs {
    /// The request that the options describe, with the verb that the apiserver gives it.
    fn resolve(&self) -> anyhow::Result<Resolved> {
        let verb = self.verb.as_deref().unwrap_or("get");
        let Some(resource) = &self.resource else {
            let Some(url) = &self.url else {
                bail!("say which request: --resource or --url, or --events for a whole log");
            };
            return Ok(resolve(verb, url));
        };
        let (resource, subresource) = match resource.split_once('/') {
            Some((resource, subresource)) if self.subresource.is_none() => (resource, subresource),
            _ => (resource.as_str(), self.subresource.as_deref().unwrap_or_default()),
        };
        let (resource, group) = match (&self.api_group, resource.split_once('.')) {
            (Some(group), _) => (resource, group.as_str()),
            (None, Some((resource, group))) => (resource, group),
            (None, None) => match group_of(resource) {
                Some(group) => (resource, group),
                None => bail!("no API group is known for `{resource}`: add --api-group"),
            },
        };
        let object = Resource {
            group: group.to_owned().into(),
            resource: resource.to_owned().into(),
            subresource: subresource.to_owned().into(),
            namespace: self.namespace_of(resource).into(),
            name: self.name.clone().unwrap_or_default().into(),
        };
        let verb = crate::audit::object_verb(verb, !object.name.is_empty());
        Ok(Resolved { verb, target: Target::Resource(object) })
    }

    /// The apiserver takes the name of a namespace for the namespace of the request.
    fn namespace_of(&self, resource: &str) -> String {
        let own = if resource == "namespaces" { &self.name } else { &None };
        self.namespace.as_ref().or(own.as_ref()).cloned().unwrap_or_default()
    }

    fn groups(&self) -> Vec<Text<'static>> {
        let mut groups: Vec<String> = self.groups.clone();
        for implied in implied_groups(self.user.as_deref()) {
            if !groups.contains(&implied) {
                groups.push(implied);
            }
        }
        groups.into_iter().map(Text::from).collect()
    }
}

fn write_text(
    subject: &Subject<'_>,
    args: &RequestArgs,
    request: &Request<'_>,
    verdict: &Verdict,
    terminal: &mut Terminal,
) -> anyhow::Result<()> {
    let user = args.user.as_deref().unwrap_or("somebody whom no rule names");
    let groups: Vec<&str> = request.user.iter().flat_map(|user| user.groups).map(|group| &**group).collect();
    writeln!(terminal, "request  {} by {user} (groups {})", describe(request), groups.join(", "))?;
    let style = level_style(verdict.level);
    let level = verdict.level;
    let rule = match verdict.rule {
        Some(rule) => format!("rules[{rule}] at {}:{}", subject.name, subject.position(rule).line),
        None => "none matches".to_owned(),
    };
    writeln!(terminal, "rule     {rule}")?;
    writeln!(terminal, "level    {style}{level}{style:#}, {}", recorded(level))?;
    if level > Level::None {
        writeln!(terminal, "events   {}", stages(verdict))?;
    }
    if level >= Level::Request && verdict.omit_managed_fields {
        writeln!(terminal, "bodies   without managed fields")?;
    }
    let passed = passed(subject, request, verdict);
    if !passed.is_empty() {
        let mut table =
            Table::new(&[("passed by", Align::Left), ("line", Align::Right), ("because", Align::Left)]);
        for (rule, reason) in passed {
            let line = subject.position(rule).line.to_string();
            table.row(Style::new(), vec![format!("rules[{rule}]"), line, reason]);
        }
        write!(terminal, "\n{}", table.render())?;
    }
    Ok(())
}

fn write_json(
    subject: &Subject<'_>,
    request: &Request<'_>,
    verdict: &Verdict,
    terminal: &mut Terminal,
) -> anyhow::Result<()> {
    let rule = verdict.rule.map(|rule| {
        let position = subject.position(rule);
        json!({"index": rule, "line": position.line, "column": position.column})
    });
    let passed: Vec<_> = passed(subject, request, verdict)
        .into_iter()
        .map(|(rule, reason)| json!({"index": rule, "line": subject.position(rule).line, "reason": reason}))
        .collect();
    let stages: Vec<&str> = kept_stages(verdict).map(Stage::name).collect();
    let value = json!({
        "version": 1, "policy": subject.name, "verb": request.verb, "rule": rule,
        "level": verdict.level, "stages": stages, "omitManagedFields": verdict.omit_managed_fields,
        "passed": passed,
    });
    writeln!(terminal, "{}", serde_json::to_string_pretty(&value)?)?;
    Ok(())
}

/// `delete pods "web" of namespace "default"`.
fn describe(request: &Request<'_>) -> String {
    let resource = match &request.target {
        Target::Path(path) => return format!("{} {path}", request.verb),
        Target::Resource(resource) => resource,
    };
    let part =
        |before: &str, text: &str| if text.is_empty() { String::new() } else { format!("{before}{text}") };
    format!(
        "{} {}{}{}{}{}",
        request.verb,
        resource.resource,
        part(".", &resource.group),
        part("/", &resource.subresource),
        part(" ", &resource.name),
        part(" in namespace ", &resource.namespace),
    )
}

fn recorded(level: Level) -> &'static str {
    match level {
        Level::None => "nothing is recorded",
        Level::Metadata => "no bodies",
        Level::Request => "with the request's body",
        Level::RequestResponse => "with the request's and the response's body",
    }
}

pub(super) fn level_style(level: Level) -> Style {
    let color = match level {
        Level::None => AnsiColor::BrightBlack,
        Level::Metadata => AnsiColor::Green,
        Level::Request => AnsiColor::Yellow,
        Level::RequestResponse => AnsiColor::Magenta,
    };
    Style::new().fg_color(Some(color.into()))
}

fn kept_stages(verdict: &Verdict) -> impl Iterator<Item = Stage> {
    let recording = verdict.level > Level::None;
    let omitted = verdict.omit_stages;
    Stage::ALL.into_iter().filter(move |stage| recording && !omitted.contains(*stage))
}

fn stages(verdict: &Verdict) -> String {
    let names = |stages: Vec<Stage>| stages.into_iter().map(Stage::name).collect::<Vec<_>>().join(", ");
    let (kept, omitted) =
        (names(kept_stages(verdict).collect()), names(verdict.omit_stages.iter().collect()));
    match (kept.is_empty(), omitted.is_empty()) {
        (true, _) => "none: every stage is omitted".to_owned(),
        (false, true) => kept,
        (false, false) => format!("{kept} ({omitted} omitted)"),
    }
}

/// The rules that do not match, up to the one that does, and why.
fn passed(subject: &Subject<'_>, request: &Request<'_>, verdict: &Verdict) -> Vec<(usize, String)> {
    let before = verdict.rule.unwrap_or(subject.policy.rules.len());
    let rules = subject.policy.rules[..before].iter().enumerate();
    rules.filter_map(|(index, rule)| Some((index, reason(rule, rule.mismatch(request)?, request)))).collect()
}

fn reason(rule: &PolicyRule, mismatch: Mismatch, request: &Request<'_>) -> String {
    const SHOWN: usize = 4;
    let list = |entries: &[String]| {
        let shown =
            entries.iter().take(SHOWN).map(|entry| format!("{entry:?}")).collect::<Vec<_>>().join(", ");
        let more = entries.len().saturating_sub(SHOWN);
        if more == 0 { shown } else { format!("{shown} and {more} more") }
    };
    match mismatch {
        Mismatch::User => format!("users are {}", list(&rule.users)),
        Mismatch::Groups => format!("userGroups are {}", list(&rule.user_groups)),
        Mismatch::Verb => format!("verb {} is not among {}", request.verb, list(&rule.verbs)),
        Mismatch::NotResource => "it is for resources".to_owned(),
        Mismatch::Namespace => format!("namespaces are {}", list(&rule.namespaces)),
        Mismatch::Resource => {
            let entries = rule.resources.iter().flat_map(|group| {
                let name = |resource: &str| match group.group.as_str() {
                    "" => resource.to_owned(),
                    group => format!("{resource}.{group}"),
                };
                let all = group.resources.is_empty().then(|| name("*"));
                all.into_iter().chain(group.resources.iter().map(move |resource| name(resource)))
            });
            format!("resources are {}", list(&entries.collect::<Vec<_>>()))
        }
        Mismatch::Name => {
            let names: Vec<_> =
                rule.resources.iter().flat_map(|group| group.resource_names.clone()).collect();
            format!("resourceNames are {}", list(&names))
        }
        Mismatch::IsResource => "it is for non-resource URLs".to_owned(),
        Mismatch::Url => format!("nonResourceURLs are {}", list(&rule.non_resource_urls)),
    }
}
