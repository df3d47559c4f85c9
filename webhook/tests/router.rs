//! The endpoints, without sockets.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::Arc;

use lithify::config;
use lithify::profile::Profiles;
use lithify_webhook::review::{Labels, Policy};
use lithify_webhook::serve::{App, Condition, Limits, Log, Namespaces, router};
use lithify_webhook::source::{Inputs, Parts, Sources};
use serde_json::{Value, json};
use warp::http::{Response, StatusCode};
use warp::hyper::body::Bytes;

fn app() -> Arc<App> {
    let policy =
        Policy::new(config::read(b"enforcement: {namespaces: {prod: deny}}").unwrap(), Profiles::default())
            .unwrap();
    let labels = Labels::from([("lithify.dev/enforce".to_owned(), "baseline".to_owned())]);
    let namespaces = Namespaces::Fixed(BTreeMap::from([("web".to_owned(), labels)]));
    App::new(policy, namespaces, Log::new(std::io::sink(), false), Limits::default())
}

fn pod(padding: usize) -> Value {
    let container = json!({"name": "a", "image": "nginx", "securityContext": {"privileged": true}});
    let metadata = json!({"name": "a", "annotations": {"padding": "x".repeat(padding)}});
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}})
}

fn review(namespace: &str, object: &Value, old: &Value) -> String {
    let kind = json!({"group": "", "version": "v1", "kind": "Pod"});
    let operation = if old.is_null() { "CREATE" } else { "UPDATE" };
    let request = json!({"uid": "u-1", "operation": operation, "kind": kind, "namespace": namespace,
        "object": object, "oldObject": old});
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}).to_string()
}

async fn post(app: &Arc<App>, path: &str, body: impl AsRef<[u8]>) -> Response<Bytes> {
    warp::test::request().method("POST").path(path).body(body).reply(&router(app, None)).await
}

async fn get(app: &Arc<App>, path: &str) -> (StatusCode, String) {
    let response = warp::test::request().path(path).reply(&router(app, None)).await;
    (response.status(), String::from_utf8(response.body().to_vec()).unwrap())
}

fn answer(response: &Response<Bytes>) -> Value {
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "application/json");
    serde_json::from_slice(response.body()).unwrap()
}

#[tokio::test]
async fn denies_by_the_labels_of_the_namespace() {
    let app = app();
    let response = post(&app, "/validate?timeout=5s", review("web", &pod(0), &Value::Null)).await;
    let answer = answer(&response);
    assert_eq!((&answer["response"]["uid"], &answer["response"]["allowed"]), (&json!("u-1"), &json!(false)));
    let message = answer["response"]["status"]["message"].as_str().unwrap();
    assert!(message.contains("lithify baseline:latest (lithify.dev/enforce)"), "{message}");
}

#[tokio::test]
async fn what_holds_no_review_gets_400_and_never_an_answer() {
    let app = app();
    for body in ["", "{", "[]", "null", "{\"kind\":\"AdmissionReview\"}", "\u{0}"] {
        let response = post(&app, "/validate", body).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{body:?}");
    }
    let text = String::from_utf8(post(&app, "/validate", "{").await.body().to_vec()).unwrap();
    assert!(text.starts_with("no AdmissionReview can be read: EOF"), "{text}");
    assert!(get(&app, "/metrics").await.1.contains("lithify_webhook_malformed_reviews_total 7"));
}

#[tokio::test]
async fn takes_two_of_the_largest_objects_and_no_more() {
    // The apiserver reads at most 3 MiB of a request.
    let (app, largest) = (app(), pod(3 << 20));
    let response = post(&app, "/validate", review("web", &largest, &largest)).await;
    assert_eq!(answer(&response)["response"]["auditAnnotations"]["decision"], "no-worse");
    let response = post(&app, "/validate", review("web", &pod(9 << 20), &Value::Null)).await;
    let denial = &answer(&response)["response"];
    assert_eq!((&denial["uid"], &denial["allowed"]), (&json!("u-1"), &json!(false)));
    assert_eq!(
        denial["status"]["message"],
        "the body has more than 8388608 bytes; --max-body raises the limit"
    );
    let nobody = post(&app, "/validate", "x".repeat(9 << 20)).await;
    assert_eq!(nobody.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn counts_decisions_by_check_namespace_mode_and_kind() {
    let app = app();
    post(&app, "/validate", review("web", &pod(0), &Value::Null)).await;
    post(&app, "/validate", review("other", &pod(0), &Value::Null)).await;
    post(&app, "/validate", review("forged", &json!({}), &Value::Null)).await;
    let (status, metrics) = get(&app, "/metrics").await;
    assert_eq!(status, StatusCode::OK);
    for line in [
        r#"lithify_webhook_decisions_total{endpoint="validate",decision="denied",namespace="web",kind="Pod"} 1"#,
        r#"lithify_webhook_decisions_total{endpoint="validate",decision="warned",namespace="other",kind="Pod"} 1"#,
        r#"lithify_webhook_decisions_total{endpoint="validate",decision="unjudged",namespace="",kind=""} 1"#,
        r#"lithify_webhook_violations_total{check="privileged",mode="deny",namespace="web",kind="Pod"} 1"#,
        r#"lithify_webhook_request_duration_seconds_count{endpoint="validate"} 3"#,
        "lithify_webhook_in_flight_requests 0",
    ] {
        assert!(metrics.contains(line), "no `{line}` in\n{metrics}");
    }
}

#[tokio::test]
async fn a_broken_configuration_keeps_the_old_and_says_so() {
    let app = app();
    let prod = review("prod", &pod(0), &Value::Null);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("lithify.yaml");
    let inputs = Inputs::new(app.clone(), Parts::default());
    let reload = async |text: &str| {
        std::fs::write(&file, text).unwrap();
        let sources = Sources::find(Some(file.clone()), None).unwrap();
        inputs.take(sources.read().await);
    };
    reload("enforcment: {default: deny}").await;
    assert_eq!(answer(&post(&app, "/validate", &prod).await)["response"]["allowed"], false);
    let (status, shown) = get(&app, "/readyz").await;
    assert_eq!(status, StatusCode::OK, "the old configuration still serves");
    assert!(
        shown.contains("lithify.yaml:1:1: unknown key `enforcment`; did you mean `enforcement`?"),
        "{shown}"
    );
    let (_, metrics) = get(&app, "/metrics").await;
    assert!(
        metrics.contains(r#"lithify_webhook_reload_failures_total{source="configuration"} 1"#),
        "{metrics}"
    );
    assert!(metrics.contains(r#"lithify_webhook_reload_ok{source="configuration"} 0"#), "{metrics}");

    reload("enforcement: {default: off}").await;
    assert_eq!(answer(&post(&app, "/validate", &prod).await)["response"]["allowed"], true);
    assert!(get(&app, "/metrics").await.1.contains(r#"reload_ok{source="configuration"} 1"#));
}

#[tokio::test]
async fn readiness_follows_the_conditions() {
    let app = app();
    assert_eq!(get(&app, "/healthz").await, (StatusCode::OK, "ok\n".to_owned()));
    assert_eq!(get(&app, "/readyz").await.0, StatusCode::OK);
    app.conditions.set(Condition::Staying, Err("the server is stopping".to_owned()));
    let (status, shown) = get(&app, "/readyz").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(shown.contains("the server is stopping"));
    assert_eq!(get(&app, "/healthz").await.0, StatusCode::OK);
}

#[tokio::test]
async fn tells_what_there_is() {
    let app = app();
    let (status, text) = get(&app, "/").await;
    assert_eq!((status, text.contains("/validate")), (StatusCode::NOT_FOUND, true));
    assert_eq!(get(&app, "/validate").await.0, StatusCode::METHOD_NOT_ALLOWED);
}
