//! Hashes in annotations: the apiserver reads its policy and its receiver's kubeconfig once, and the kubelet
//! restarts it only when a field of the pod changes (comments and file times do not count).

use std::fmt::Write as _;
use std::time::SystemTime;

use sha2::{Digest, Sha256};

/// The annotation with the policy's SHA-256.
pub const POLICY_HASH: &str = "lithify.dev/audit-policy-sha256";
/// The annotation with the SHA-256 of the receiver's kubeconfig.
pub const WEBHOOK_HASH: &str = "lithify.dev/audit-webhook-sha256";

/// SHA-256 in lower-case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Whether an apiserver has to be restarted to know its files as they are now.
///
/// `started`: when it started, `None` if that is not known; `changed`: the last change of policy or kubeconfig.
/// Times of containers have whole seconds, so a start in the same second as the change counts as before it.
pub fn needs_restart(started: Option<SystemTime>, changed: SystemTime) -> bool {
    let seconds =
        |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    started.is_none_or(|started| seconds(started) <= seconds(changed))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn hashes_as_everyone_does() {
        assert_eq!(sha256(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    #[test]
    fn restarts_unless_it_surely_started_after_the_change() {
        let at = |millis| SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
        assert!(needs_restart(None, at(0)));
        assert!(needs_restart(Some(at(1_000)), at(2_000)));
        assert!(needs_restart(Some(at(2_900)), at(2_000)));
        assert!(!needs_restart(Some(at(3_000)), at(2_999)));
    }
}
