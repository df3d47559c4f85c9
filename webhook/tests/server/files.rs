//! A certificate from files, as a mounted Secret of cert-manager is one: exchanged while the program serves.

use std::time::{SystemTime, UNIX_EPOCH};

use super::client::Client;
use super::program::{Pair, Program};

const METRICS: &str = "GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n";
const READY: &str = "GET /readyz HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// What `/metrics` has behind a name.
async fn metric(client: &mut Client, name: &str) -> Option<f64> {
    let metrics = client.ask(METRICS).await;
    metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_followed_and_half_an_update_changes_nothing() {
    let [first, second] = [Pair::new(), Pair::new()];
    let program = Program::start(&first, &[]);
    let mut old = Client::connect(program.address, &first.chain).await.unwrap();
    assert!(old.review().await.contains("200 OK"));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let expiry = metric(&mut old, "lithify_webhook_certificate_expiry_timestamp_seconds").await;
    assert!(expiry.is_some_and(|expiry| expiry > now), "{expiry:?}, and it is {now}");

    // The certificate is there, its key not yet.
    program.exchange("tls.crt", &second.chain);
    let line = program.wait_for("the certificate cannot be loaded; the old one stays in use");
    let reason = line["reason"].as_str().unwrap();
    assert!(reason.starts_with("certificate and key do not belong together"), "{reason}");
    assert!(Client::connect(program.address, &first.chain).await.is_ok(), "the old one stays in use");
    let ready = old.ask(READY).await;
    assert!(
        ready.contains("200 OK") && ready.contains("certificate and key do not belong together"),
        "{ready}"
    );
    let failures = r#"lithify_webhook_reload_failures_total{source="certificate"}"#;
    assert_eq!(metric(&mut old, failures).await, Some(1.0));
    assert_eq!(metric(&mut old, r#"lithify_webhook_reload_ok{source="certificate"}"#).await, Some(0.0));

    program.exchange("tls.key", &second.key);
    program.wait_for("certificate loaded");
    assert!(
        Client::connect(program.address, &first.chain).await.is_err(),
        "the next handshake has the new one"
    );
    let mut new = Client::connect(program.address, &second.chain).await.unwrap();
    assert!(new.review().await.contains("200 OK"));
    assert!(old.review().await.contains("200 OK"), "an open connection stays");
    assert_eq!(metric(&mut new, r#"lithify_webhook_reload_ok{source="certificate"}"#).await, Some(1.0));
    assert!(!new.ask(READY).await.contains("\"False\""), "nothing is wrong any more");
}
