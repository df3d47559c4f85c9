//! The `WriteProfile`s of a cluster, watched.
//!
//! Only approved ones are kept, so that nobody fills the webhook's memory with others.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::StreamExt as _;
use kube::api::{ApiResource, DynamicObject};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use lithify::profile::{API_VERSION, KIND, WriteProfile};
use tokio::sync::oneshot;

use super::{Inputs, approval};
use crate::serve::{Heard, SILENCE, heard};

/// The definition's name of many.
const PLURAL: &str = "writeprofiles";
/// Objects that are in memory at once while they are listed: the definition lets one have half a megabyte.
const PAGE: u32 = 50;
/// Changes that make one new policy, where they come together.
const CHUNK: usize = 16;

/// Takes whatever the cluster's profiles become. `first` hears when they are known, or cannot be. Never ends.
pub async fn follow_profiles(client: Client, inputs: Arc<Inputs>, first: oneshot::Sender<()>) {
    let api: Api<DynamicObject> = Api::all_with(client, &resource());
    let configuration = watcher::Config::default().page_size(PAGE);
    let events = heard(watcher(api, configuration).default_backoff(), SILENCE);
    let mut events = std::pin::pin!(events.ready_chunks(CHUNK));
    let mut first = Some(first);
    let mut known = Known::default();
    while let Some(chunk) = events.next().await {
        let mut is_news = false;
        for said in chunk {
            match said {
                Heard::Event(event) => is_news |= known.note(event),
                // What is as it was still takes the place of what could not be heard.
                Heard::Again => is_news = true,
                Heard::Deaf(error) => {
                    inputs.note_profiles(Err(unheard(&error)));
                    first.take().map(|first| first.send(()));
                }
            }
        }
        if is_news {
            let (profiles, problems) = known.parts();
            inputs.take_profiles(profiles, &problems);
            first.take().map(|first| first.send(()));
        }
    }
}

fn resource() -> ApiResource {
    let (group, version) = API_VERSION.split_once('/').expect("it has a group");
    ApiResource {
        group: group.to_owned(),
        version: version.to_owned(),
        api_version: API_VERSION.to_owned(),
        kind: KIND.to_owned(),
        plural: PLURAL.to_owned(),
    }
}

fn unheard(error: &watcher::Error) -> String {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status)) if status.code == 404 => format!(
            "the cluster has no {PLURAL} of {API_VERSION}: apply manifests/webhook/writeprofiles.yaml"
        ),
        watcher::Error::InitialListFailed(error) => format!("the {PLURAL} cannot be listed: {error}"),
        error => format!("changes of the {PLURAL} are not heard of: {error}"),
    }
}

type Name = (String, String);

/// What the watch has seen.
#[derive(Debug, Default)]
struct Known {
    /// Approved profiles, or why one cannot be read, by namespace and name.
    approved: BTreeMap<Name, Result<WriteProfile, String>>,
    /// The same, while a new list comes in.
    listing: BTreeMap<Name, Result<WriteProfile, String>>,
}

impl Known {
    /// Tells whether other profiles may steer now.
    fn note(&mut self, event: Event<DynamicObject>) -> bool {
        match event {
            Event::Init => {
                self.listing.clear();
                false
            }
            Event::InitApply(object) => {
                enter(&mut self.listing, &object);
                false
            }
            Event::InitDone => {
                self.approved = std::mem::take(&mut self.listing);
                true
            }
            Event::Apply(object) => enter(&mut self.approved, &object),
            Event::Delete(object) => self.approved.remove(&name(&object)).is_some(),
        }
    }

    fn parts(&self) -> (Vec<WriteProfile>, Vec<String>) {
        let mut parts = (Vec::new(), Vec::new());
        for ((namespace, name), profile) in &self.approved {
            match profile {
                Ok(profile) => parts.0.push(profile.clone()),
                Err(problem) => parts.1.push(format!("{KIND} {namespace}/{name}: {problem}")),
            }
        }
        parts
    }
}

/// Keeps an object if it is approved, else what was kept of it goes; tells whether that makes a difference.
fn enter(known: &mut BTreeMap<Name, Result<WriteProfile, String>>, object: &DynamicObject) -> bool {
    let name = name(object);
    if !approval::is_approved(object) {
        return known.remove(&name).is_some();
    }
    let profile = approval::read(object).map_err(|error| error.to_string());
    if known.get(&name) == Some(&profile) {
        return false;
    }
    known.insert(name, profile);
    true
}

fn name(object: &DynamicObject) -> Name {
    let metadata = &object.metadata;
    (metadata.namespace.clone().unwrap_or_default(), metadata.name.clone().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(name: &str, image: &str, is_approved: bool) -> DynamicObject {
        let metadata = json!({"name": name, "namespace": "web", "generation": 1});
        let status = json!({"approved": is_approved, "approvedGeneration": 1});
        serde_json::from_value(json!({"metadata": metadata, "spec": {"image": image}, "status": status}))
            .expect("an object")
    }

    #[test]
    fn what_is_not_approved_leaves_no_trace() {
        let mut known = Known::default();
        for event in [Event::Init, Event::InitApply(object("a", "nginx", false))] {
            assert!(!known.note(event));
        }
        assert!(!known.note(Event::InitApply(object("b", "nginx", true))));
        assert!(known.note(Event::InitDone));
        assert_eq!(known.parts().0.len(), 1);
        assert!(!known.note(Event::Apply(object("a", "nginx", false))));
        assert!(!known.note(Event::Apply(object("b", "nginx", true))), "as it was");
        assert!(known.note(Event::Apply(object("b", "nginx", false))), "its approval has ended");
        assert!(known.note(Event::Apply(object("a", "nginx", true))));
        assert!(known.note(Event::Delete(object("a", "nginx", true))));
        assert_eq!(known.approved.len(), 0);
    }

    #[test]
    fn one_that_cannot_be_read_takes_no_other_with_it() {
        let mut known = Known::default();
        known.note(Event::Apply(object("a", "nginx:1.29", true)));
        known.note(Event::Apply(object("b", "nginx", true)));
        let (profiles, problems) = known.parts();
        assert_eq!(profiles.len(), 1);
        assert!(
            problems[0].starts_with("WriteProfile web/a: spec.image: expected an image without tag"),
            "{problems:?}"
        );
    }
}
