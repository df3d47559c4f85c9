//! The kubeconfig that tells the apiserver where to send audit events.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// How the receiver's certificate is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authority<'a> {
    /// By the system's authorities in the apiserver's container; also for plain `http`.
    System,
    /// By a file, which must be mounted into the apiserver's container.
    File(&'a str),
    /// By these PEM certificates, carried in the kubeconfig: nothing more to mount.
    Pem(&'a [u8]),
}

/// Why an address or certificate is none that the apiserver could use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// Neither `https://` nor `http://`.
    #[error("`{0}` is no address of a receiver; expected https://HOST[:PORT]/PATH (or http://)")]
    Scheme(String),
    /// No host, or one with characters that no host has.
    #[error("`{0}` names no host; expected https://HOST[:PORT]/PATH")]
    Host(String),
    /// A user, query or fragment, which client-go drops or refuses.
    #[error("`{url}` has {part}, which the apiserver does not send to a receiver")]
    Unsendable {
        /// The address.
        url: String,
        /// What it has.
        part: &'static str,
    },
    /// A certificate for an address without TLS.
    #[error("`{0}` is plain http, where no certificate is verified; use https://")]
    AuthorityWithoutTls(String),
    /// A file that is no PEM certificate.
    #[error("the CA file has no PEM certificate (`-----BEGIN CERTIFICATE-----`)")]
    NoCertificate,
}

/// Whether events would travel in the clear.
pub fn is_plain_http(url: &str) -> bool {
    url.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://"))
}

/// The text of the kubeconfig, for `--audit-webhook-config-file`.
///
/// `url`: where events are posted to, as `audit.k8s.io/v1` `EventList`s.
///
/// # Errors
/// [`WebhookError`] for an address or certificate that the apiserver could not use.
///
/// Source: Kubernetes "Auditing › Webhook backend".
pub fn kubeconfig(url: &str, authority: Authority<'_>) -> Result<String, WebhookError> {
    check_url(url)?;
    let authority = match authority {
        Authority::System => String::new(),
        _ if is_plain_http(url) => return Err(WebhookError::AuthorityWithoutTls(url.to_owned())),
        Authority::File(path) => format!("    certificate-authority: {}\n", quoted(path)),
        Authority::Pem(pem) if !has_certificate(pem) => return Err(WebhookError::NoCertificate),
        Authority::Pem(pem) => format!("    certificate-authority-data: {}\n", STANDARD.encode(pem)),
    };
    Ok(format!(
        "# Where the kube-apiserver sends audit events (--audit-webhook-config-file). It is read at start only.\n\
         apiVersion: v1\n\
         kind: Config\n\
         clusters:\n\
         - name: audit-webhook\n\
         \x20 cluster:\n\
         \x20   server: {}\n\
         {authority}\
         users:\n\
         - name: kube-apiserver\n\
         \x20 user: {{}}\n\
         contexts:\n\
         - name: audit-webhook\n\
         \x20 context:\n\
         \x20   cluster: audit-webhook\n\
         \x20   user: kube-apiserver\n\
         current-context: audit-webhook\n",
        quoted(url)
    ))
}

fn check_url(url: &str) -> Result<(), WebhookError> {
    let (scheme, rest) = url.split_once("://").ok_or_else(|| WebhookError::Scheme(url.to_owned()))?;
    if !["https", "http"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return Err(WebhookError::Scheme(url.to_owned()));
    }
    let unsendable = |part| Err(WebhookError::Unsendable { url: url.to_owned(), part });
    if rest.contains('?') {
        return unsendable("a query");
    }
    if rest.contains('#') {
        return unsendable("a fragment");
    }
    let authority = rest.split('/').next().unwrap_or_default();
    if authority.contains('@') {
        return unsendable("a user");
    }
    let is_clean = rest.chars().all(|c| c.is_ascii_graphic() && !"\"\\<>^`{|}".contains(c));
    if !is_clean || !is_host(authority) {
        return Err(WebhookError::Host(url.to_owned()));
    }
    Ok(())
}

/// `HOST[:PORT]`, where an IPv6 address stands in brackets.
fn is_host(authority: &str) -> bool {
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => {
            if address.parse::<core::net::Ipv6Addr>().is_err() {
                return false;
            }
            (address, if rest.is_empty() { None } else { rest.strip_prefix(':').or(Some("")) })
        }
        None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
    };
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|number| number > 0);
    !host.is_empty() && port.is_none_or(is_port)
}

fn has_certificate(pem: &[u8]) -> bool {
    const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
    pem.windows(BEGIN.len()).any(|window| window == BEGIN)
}

/// A double-quoted YAML scalar; JSON strings are such.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_a_kubeconfig_that_client_go_reads() {
        let text =
            kubeconfig("https://falco.example:9765/k8s-audit", Authority::File("/etc/kubernetes/pki/ca.crt"));
        let text = text.unwrap();
        assert!(text.contains("    server: \"https://falco.example:9765/k8s-audit\"\n"), "{text}");
        assert!(text.contains("    certificate-authority: \"/etc/kubernetes/pki/ca.crt\"\n"), "{text}");
        assert!(text.ends_with("current-context: audit-webhook\n"), "{text}");
    }

    #[test]
    fn carries_certificates_so_that_nothing_else_must_be_mounted() {
        let pem = b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
        let text = kubeconfig("https://[::1]:1/x", Authority::Pem(pem)).unwrap();
        assert!(text.contains(&format!("certificate-authority-data: {}\n", STANDARD.encode(pem))));
        assert_eq!(kubeconfig("https://a", Authority::Pem(b"key")), Err(WebhookError::NoCertificate));
    }

    #[test]
    fn refuses_addresses_that_the_apiserver_could_not_use() {
        let problem = |url: &str| kubeconfig(url, Authority::System).unwrap_err();
        assert!(matches!(problem("falco:9765"), WebhookError::Scheme(_)));
        assert!(matches!(problem("ftp://x"), WebhookError::Scheme(_)));
        for url in [
            "https:///x",
            "https://a:99999/x",
            "https://a b/x",
            "https://[zz]/",
            "https://a:/x",
            "https://a\"b",
        ] {
            assert!(matches!(problem(url), WebhookError::Host(_)), "{url}");
        }
        assert!(matches!(problem("https://a/x?y=1"), WebhookError::Unsendable { part: "a query", .. }));
        assert!(matches!(problem("https://u:p@a/x"), WebhookError::Unsendable { part: "a user", .. }));
        let plain = kubeconfig("http://127.0.0.1:1/", Authority::Pem(b"-----BEGIN CERTIFICATE-----"));
        assert!(matches!(plain, Err(WebhookError::AuthorityWithoutTls(_))));
        assert!(kubeconfig("http://127.0.0.1:1/", Authority::System).is_ok());
    }
}
