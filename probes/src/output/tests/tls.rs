//! Whom the HTTP outputs trust.

use super::*;
use crate::http::{ClientTls, Pki};

#[test]
fn https_trusts_whom_it_is_told_to_trust() {
    let pki = Pki::new();
    let of_directory = ClientTls { ca_path: pki.directory.path().to_owned(), ..ClientTls::default() };
    let insecure = ClientTls { insecure: true, ..pki.client("other.pem") };
    let with_certificate = ClientTls { mtls: true, ..pki.client("ca.pem") };
    let cases = [
        (None, pki.client("ca.pem"), 1),
        (None, of_directory, 1),
        (None, insecure, 1),
        (None, pki.client("other.pem"), 0),
        (Some("ca.pem"), with_certificate.clone(), 1),
        (Some("ca.pem"), pki.client("ca.pem"), 0),
        (Some("other.pem"), with_certificate, 0),
    ];
    for (client_ca, tls, arrives) in cases {
        let (server, seen) = serve(Some(&pki.server(client_ca)));
        let mut settings = to_url(format!("https://{}/", server.address()));
        settings.http.tls = tls.clone();
        let outputs = start(&settings);
        outputs.send(alert("secret"));
        let worker = Arc::clone(&outputs.fan.workers[0]);
        until("an end", || worker.is_failing() || counter(&outputs, "http").delivered == 1);
        outputs.stop(Duration::ZERO);
        assert_eq!(seen.requests.lock().unwrap().len(), arrives, "{client_ca:?} {tls:?}");
    }
}

#[test]
fn bad_certificates_are_said_at_start_with_their_file() {
    let pki = Pki::new();
    let refused = |tls: ClientTls| {
        let mut settings = to_url("https://127.0.0.1:1/".to_owned());
        settings.http.tls = tls;
        Outputs::start(&settings, "vm".into(), Log::new(|_, _| {})).unwrap_err().to_string()
    };
    let error = refused(pki.client("server.key"));
    assert!(error.contains("server.key: expected certificates as PEM"), "{error}");
    let error = refused(pki.client("missing.pem"));
    assert!(error.contains("missing.pem: No such file"), "{error}");
    let error = refused(ClientTls { mtls: true, client_key: pki.file("server.key"), ..pki.client("ca.pem") });
    assert!(error.contains("client.pem"), "{error}");
    let empty = TempDir::new().unwrap();
    let error = refused(ClientTls { ca_path: empty.path().to_owned(), ..ClientTls::default() });
    assert!(error.contains("at least one certificate to trust"), "{error}");
}
