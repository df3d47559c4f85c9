//! Kubernetes Events on the owners of denied pods: whoever applied a Deployment does not see the answer that its
//! ReplicaSet's controller gets, but `kubectl describe` shows its Events.
//!
//! Data in: verdicts, as they are given. Data out: at most one Event an owner and quiet time ([`limit`]), written by a
//! task of its own, so that no review waits for it. What fails: an Event (counted), never a review. A dry run makes
//! none, nor does an owner that the user named himself without `controller: true`.

mod limit;

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta, Time};
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::sync::mpsc;

use super::app::App;
use crate::review::{Decision, Owner, Verdict};
use limit::Limit;

/// Denials that wait for their Event; where the apiserver is slow, more are not told.
const QUEUE: usize = 64;
/// Bytes of an Event's message that the API takes.
const MESSAGE_BYTES: usize = 1024;
/// As `kubectl describe` shows it.
const REASON: &str = "DeniedByPolicy";
/// Who says so.
const COMPONENT: &str = "lithify-webhook";

/// A denial that its owner is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Denial {
    namespace: String,
    owner: Owner,
    message: String,
}

/// Where denials go.
#[derive(Clone, Debug)]
pub struct Events(mpsc::Sender<Denial>);

/// Whom to tell what; `None` for what is nobody's business.
fn denial(verdict: &Verdict) -> Option<Denial> {
    let record = &verdict.record;
    let refusal = verdict.refusal.as_ref()?;
    if record.decision != Decision::Denied || record.dry_run || record.namespace.is_empty() {
        return None;
    }
    let owner = record.owner.clone()?;
    Some(Denial { namespace: record.namespace.clone(), owner, message: one_line(&refusal.message) })
}

/// A denial of many lines in one: a table has room for no more.
fn one_line(message: &str) -> String {
    let mut line = String::new();
    for part in message.lines() {
        let separator = match part.strip_prefix("- ") {
            _ if line.is_empty() => "",
            Some(_) if !line.contains(": ") => ": ",
            _ => "; ",
        };
        line.push_str(separator);
        line.extend(
            part.strip_prefix("- ").unwrap_or(part).chars().map(|c| if c.is_control() { ' ' } else { c }),
        );
    }
    if line.len() > MESSAGE_BYTES {
        line.truncate(line.floor_char_boundary(MESSAGE_BYTES - '…'.len_utf8()));
        line.push('…');
    }
    line
}

impl Events {
    /// Writes Events into a cluster from now on.
    pub fn to(client: Client, app: Arc<App>) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        tokio::spawn(write(client, app, receiver));
        Self(sender)
    }

    /// Tells the owner of a denied pod, if it has one. Returns at once.
    pub fn note(&self, verdict: &Verdict, app: &App) {
        if let Some(denial) = denial(verdict)
            && self.0.try_send(denial).is_err()
        {
            app.metrics.event("dropped");
        }
    }
}

async fn write(client: Client, app: Arc<App>, mut denials: mpsc::Receiver<Denial>) {
    let mut limit = Limit::default();
    let reporter = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    while let Some(denial) = denials.recv().await {
        if !limit.admits(&denial.owner.uid, Instant::now()) {
            app.metrics.event("limited");
            continue;
        }
        let api: Api<Event> = Api::namespaced(client.clone(), &denial.namespace);
        let event = event(denial, reporter.trim(), Timestamp::now());
        let outcome = match api.create(&PostParams::default(), &event).await {
            Ok(_) => "written",
            Err(error) => {
                let owner = event.involved_object.name.unwrap_or_default();
                let fields = serde_json::json!({"owner": owner, "reason": error.to_string()});
                app.log.warn("an Event cannot be written", fields);
                "failed"
            }
        };
        app.metrics.event(outcome);
    }
}

fn event(denial: Denial, reporter: &str, now: Timestamp) -> Event {
    let Denial { namespace, owner, message } = denial;
    Event {
        metadata: ObjectMeta {
            generate_name: Some(format!("{COMPONENT}-")),
            namespace: Some(namespace.clone()),
            ..ObjectMeta::default()
        },
        involved_object: ObjectReference {
            api_version: Some(owner.api_version),
            kind: Some(owner.kind),
            name: Some(owner.name),
            namespace: Some(namespace),
            uid: Some(owner.uid),
            ..ObjectReference::default()
        },
        type_: Some("Warning".to_owned()),
        reason: Some(REASON.to_owned()),
        message: Some(message),
        source: Some(EventSource { component: Some(COMPONENT.to_owned()), host: None }),
        action: Some("Admit".to_owned()),
        reporting_component: Some(COMPONENT.to_owned()),
        reporting_instance: Some(reporter.to_owned()),
        event_time: Some(MicroTime(now)),
        first_timestamp: Some(Time(now)),
        last_timestamp: Some(Time(now)),
        count: Some(1),
        ..Event::default()
    }
}

#[cfg(test)]
mod tests {
    use crate::review::{Record, Refusal};

    use super::*;

    fn verdict(dry_run: bool) -> Verdict {
        let [api_version, kind, name, uid] = ["apps/v1", "ReplicaSet", "web-7d9", "u"].map(str::to_owned);
        let owner = Some(Owner { api_version, kind, name, uid });
        let namespace = "web".to_owned();
        let record = Record { decision: Decision::Denied, dry_run, namespace, owner, ..Record::default() };
        let message =
            "Pod `web` violates lithify immutable\n- privileged: a\n- host-ports: b\nrepair it".to_owned();
        Verdict { refusal: Some(Refusal::forbidden(message)), ..Verdict::allowed("u".to_owned(), record) }
    }

    #[test]
    fn tells_the_owner_of_a_denied_pod_in_one_line() {
        let told = denial(&verdict(false)).expect("a denial");
        assert_eq!(
            told.message,
            "Pod `web` violates lithify immutable: privileged: a; host-ports: b; repair it"
        );
        let event = event(told, "host", Timestamp::UNIX_EPOCH);
        assert_eq!(event.involved_object.uid.as_deref(), Some("u"));
        assert_eq!(event.metadata.namespace.as_deref(), Some("web"));
    }

    #[test]
    fn says_nothing_of_a_dry_run_nor_of_what_passes() {
        assert_eq!(denial(&verdict(true)), None);
        let mut passed = verdict(false);
        passed.record.decision = Decision::Warned;
        assert_eq!(denial(&passed), None);
        let mut nobodys = verdict(false);
        nobodys.record.owner = None;
        assert_eq!(denial(&nobodys), None);
    }

    #[test]
    fn keeps_to_the_length_that_the_api_takes() {
        let line = one_line(&"é\u{1b}".repeat(2000));
        assert!(line.len() <= MESSAGE_BYTES && line.ends_with('…') && !line.contains('\u{1b}'));
    }
}
