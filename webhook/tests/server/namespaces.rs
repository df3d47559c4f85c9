//! Reviews of namespaces that the watch has not seen, which anybody may invent.

use std::sync::Arc;
use std::time::Duration;

use lithify::profile::Profiles;
use lithify_webhook::review::Policy;
use lithify_webhook::serve::{App, Limits, Log, Namespaces, Watch, router};
use serde_json::{Value, json};

use super::apiserver::Apiserver;

/// Nothing takes that long but what waits for ever.
const EVER: Duration = Duration::from_mins(1);

/// An app that judges one review at a time, and waits for the apiserver as long as that takes. The watch does not
/// run: it has seen nothing.
async fn start() -> (Arc<App>, Apiserver) {
    let (app, _, apiserver) = watched().await;
    (app, apiserver)
}

async fn watched() -> (Arc<App>, Watch, Apiserver) {
    let apiserver = Apiserver::start().await;
    let policy = Policy::new(lithify::config::Config::default(), Profiles::default()).unwrap();
    let (namespaces, watch) = Namespaces::watched(apiserver.client.clone(), Duration::MAX);
    let limits = Limits { judging: 1, ..Limits::default() };
    (App::new(policy, namespaces, Log::new(std::io::sink(), false), limits), watch, apiserver)
}

async fn post(app: Arc<App>, path: &'static str, namespace: &'static str) -> Value {
    let kind = json!({"group": "", "version": "v1", "kind": "Pod"});
    let pod = json!({"kind": "Pod", "spec": {"containers": [{"name": "a", "securityContext": {"privileged": true}}]}});
    let request =
        json!({"uid": "u", "operation": "CREATE", "kind": kind, "namespace": namespace, "object": pod});
    let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request});
    let request = warp::test::request().method("POST").path(path).body(review.to_string());
    let response = tokio::time::timeout(EVER, request.reply(&router(&app, None))).await.expect("an answer");
    serde_json::from_slice(response.body()).unwrap()
}

#[tokio::test]
async fn a_namespace_that_is_asked_for_keeps_no_other_review_waiting() {
    let (app, mut apiserver) = start().await;
    let first = tokio::spawn(post(app.clone(), "/validate", "web"));
    let question = apiserver.next().await;
    assert_eq!(question.line, "GET /api/v1/namespaces/web");
    let other = post(app, "/validate", "").await;
    assert_eq!(other["response"]["allowed"], true, "{other}");
    let labels = json!({"lithify.dev/enforce": "baseline"});
    let metadata = json!({"name": "web", "labels": labels});
    let found =
        json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": metadata});
    question.answer("200 OK", &found).await;
    let denied = first.await.unwrap();
    assert_eq!(denied["response"]["status"]["code"], 403, "{denied}");
}

#[tokio::test]
async fn an_invented_namespace_leaves_no_trace_in_the_metrics() {
    let (app, mut apiserver) = start().await;
    let first = tokio::spawn(post(app.clone(), "/mutate", "invented"));
    let status =
        json!({"kind": "Status", "status": "Failure", "message": "none", "reason": "NotFound", "code": 404});
    apiserver.next().await.answer("404 Not Found", &status).await;
    assert_eq!(first.await.unwrap()["response"]["allowed"], true);
    let metrics = app.metrics.to_text();
    let line =
        r#"lithify_webhook_decisions_total{endpoint="mutate",decision="allowed",namespace="",kind=""} 1"#;
    assert!(metrics.contains(line) && !metrics.contains("invented"), "{metrics}");
}

#[tokio::test]
async fn a_namespace_without_a_possible_name_is_nothing_to_ask_for() {
    let (app, _apiserver) = start().await;
    let refused = post(app, "/validate", "web/../../apis").await;
    assert_eq!(refused["response"]["status"]["code"], 500, "{refused}");
}

/// Waits until `/metrics` has a line.
async fn shows(app: &App, line: &str) {
    let shown = async {
        while !app.metrics.to_text().contains(line) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(EVER, shown).await.unwrap_or_else(|_| panic!("no {line}"));
}

#[tokio::test]
async fn a_watch_that_is_refused_is_told_and_keeps_nobody_from_serving() {
    let (app, watch, mut apiserver) = watched().await;
    tokio::spawn(watch.follow(app.clone()));
    let question = apiserver.next().await;
    assert!(question.line.starts_with("GET /api/v1/namespaces?"), "{}", question.line);
    let status = json!({"kind": "Status", "status": "Failure", "message": "no rights", "reason": "Forbidden", "code": 403});
    question.answer("403 Forbidden", &status).await;
    shows(&app, r#"condition{condition="NamespacesCurrent"} 0"#).await;
    assert!(app.conditions.to_json().to_string().contains("no rights"), "{}", app.conditions.to_json());
    assert!(app.conditions.is_ready(), "every replica has the same");
    let list = json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": "7"}, "items": []});
    apiserver.next().await.answer("200 OK", &list).await;
    shows(&app, r#"condition{condition="NamespacesCurrent"} 1"#).await;
    // In the middle, too: what has been seen is listed no more.
    let question = apiserver.next().await;
    assert!(question.line.contains("watch=true"), "{}", question.line);
    question.answer("403 Forbidden", &status).await;
    shows(&app, r#"condition{condition="NamespacesCurrent"} 0"#).await;
}
