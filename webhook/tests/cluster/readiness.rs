//! A replica whose certificate the apiserver would not trust takes no request.

use std::time::Duration;

use super::client::Client;
use super::hook::{Hook, pod, said};
use crate::testbed::bed::wait_for;

/// The status and conditions of `/readyz`.
fn readiness(address: &str, certificate: &str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut client = Client::connect(address.parse().unwrap(), certificate).await.unwrap();
        client.ask("GET /readyz HTTP/1.1\r\nhost: localhost\r\n\r\n").await
    })
}

#[test]
fn a_registered_bundle_of_another_authority_makes_it_unready() {
    let Some(mut hook) = Hook::install("mutation: off", &[]) else { return };
    hook.namespace("trusted", &["lithify.dev/enforce=baseline"]);
    // Registered is the authority of the Secret; the next replica has a certificate from somewhere else.
    hook.kill();
    let names = ["localhost", "127.0.0.1"].map(str::to_owned);
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let certificate = made.cert.pem();
    let chain = hook.write("tls.crt", &certificate);
    let key = hook.write("tls.key", &made.signing_key.serialize_pem());
    hook.start(&["--tls-cert", &chain, "--tls-key", &key]);
    let line = hook.wait_for_line("not ready: the apiserver would not trust the served certificate");
    let reason = line["reason"].as_str().unwrap();
    assert!(reason.contains("does not trust the served certificate"), "{line}");
    let shown = readiness(&hook.address(), &certificate);
    assert!(shown.starts_with("HTTP/1.1 503 ") && shown.contains(reason), "{shown}");

    hook.register_with(&["--ca", &chain]);
    wait_for("the bundle to be seen", Duration::from_mins(1), || {
        readiness(&hook.address(), &certificate).starts_with("HTTP/1.1 200 ").then_some(())
    });
    let text = said(&hook.apply("trusted", &pod("web", "privileged: true"), &[]));
    assert!(text.contains("Pod `web` violates lithify baseline"), "{text}");
}
