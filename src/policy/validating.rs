//! ValidatingAdmissionPolicies, each followed by its bindings.

use serde_json::{Value, json};

use super::exemption::Exemptions;
use super::target::{Requests, Target};
use super::validation::{Validations, validations};
use super::variables;
use super::{ExportError, Exported, GROUP, Settings, binding, metadata};
use crate::checks::Check;
use crate::checks::predicate::Predicate;
use crate::checks::predicate::cel::text;
use crate::config::Config;

/// The selected checks as policies of the API's v1, which Kubernetes has since v1.30.
///
/// # Errors
/// [`ExportError`].
pub fn validating(settings: &Settings<'_>) -> Result<Exported, ExportError> {
    let checks = pod_checks(settings)?;
    let longest = checks.iter().map(|(check, _)| check.id.len() + 1).max().unwrap_or_default();
    settings.check_name(if settings.combined { 0 } else { longest } + binding::LONGEST_SUFFIX)?;
    let (target, mut notes) = Target::new(&settings.config.kinds);
    let (exemptions, of_exemptions) = Exemptions::new(&settings.config.exemptions, settings.today);
    notes.extend(of_exemptions);
    notes.extend(binding::notes(settings));
    let all = checks.iter().map(|(check, predicate)| (*check, validations(check, predicate, &exemptions)));
    let policies: Vec<(String, Vec<Validations>)> = if settings.combined {
        vec![(settings.name.to_owned(), all.map(|(_, made)| made).collect())]
    } else {
        all.map(|(check, made)| (format!("{}-{}", settings.name, check.id), vec![made])).collect()
    };
    let objects = policies.into_iter().flat_map(|(name, made)| {
        let bindings = binding::bindings(&name, &target, settings);
        [policy(&name, made, &target, &exemptions, settings)].into_iter().chain(bindings)
    });
    Ok(Exported { objects: objects.collect(), notes })
}

/// The selected checks that judge pods, each with what it demands.
pub(super) fn pod_checks(
    settings: &Settings<'_>,
) -> Result<Vec<(&'static Check, &'static Predicate)>, ExportError> {
    let version = settings.selection.version();
    let checks = settings.selection.checks();
    let checks: Vec<_> = checks.filter_map(|check| Some((check, check.predicate(version)?))).collect();
    if checks.is_empty() { Err(ExportError::NoChecks) } else { Ok(checks) }
}

fn policy(
    name: &str,
    made: Vec<Validations>,
    target: &Target,
    exemptions: &Exemptions<'_>,
    settings: &Settings<'_>,
) -> Value {
    let mut all = variables::common(target);
    all.extend(exemptions.variables());
    let mut rules: Vec<Value> = Vec::new();
    for of_check in made {
        all.extend(of_check.variables);
        rules.extend(of_check.validations);
    }
    let texts: Vec<_> = rules.iter().flat_map(expressions).collect();
    json!({
        "apiVersion": format!("{GROUP}/v1"),
        "kind": "ValidatingAdmissionPolicy",
        "metadata": metadata(name),
        "spec": {
            // What cannot be judged is denied.
            "failurePolicy": "Fail",
            "matchConstraints": {
                "matchPolicy": "Equivalent",
                "resourceRules": target.resource_rules(&Requests::ALL),
            },
            "matchConditions": match_conditions(target, settings.config),
            "variables": variables::used(all, &texts),
            "validations": rules,
        },
    })
}

fn expressions(validation: &Value) -> impl Iterator<Item = &str> {
    ["expression", "messageExpression"].into_iter().filter_map(|key| validation[key].as_str())
}

/// Which of the matched requests are judged; the webhook's registration asks the same.
pub(super) fn match_conditions(target: &Target, config: &Config) -> Vec<Value> {
    const FIXED: [(&str, &str); 2] = [
        ("not-being-deleted", "request.operation != 'UPDATE' || !has(oldObject.metadata.deletionTimestamp)"),
        (
            // Anybody else who sets the annotation has an ordinary pod.
            "not-a-mirror-pod-of-its-node",
            "request.kind.kind != 'Pod' || !has(object.metadata.annotations) ||\n\
             !('kubernetes.io/config.mirror' in object.metadata.annotations) ||\n\
             !has(request.userInfo.groups) || !('system:nodes' in request.userInfo.groups)",
        ),
    ];
    let fixed = FIXED.map(|(name, expression)| (name.to_owned(), expression.to_owned()));
    let all = fixed.into_iter().chain(target.conditions()).chain(exempt_users(&config.webhook.exempt_users));
    all.map(|(name, expression)| json!({"name": name, "expression": expression})).collect()
}

/// Whose requests the webhook does not judge either.
fn exempt_users(users: &[String]) -> Option<(String, String)> {
    let users: Vec<_> = users.iter().map(|user| text(user)).collect();
    let others = format!("!(request.userInfo.username in [{}])", users.join(", "));
    (!users.is_empty()).then(|| ("not-of-an-exempt-user".to_owned(), others))
}
