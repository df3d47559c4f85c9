//! A configuration that is edited and not registered: the webhook says so, until it is.

use std::time::Duration;

use super::hook::Hook;
use crate::testbed::bed::wait_for;

#[test]
fn an_edited_configuration_is_told_to_wait_for_its_registration() {
    let Some(hook) = Hook::install("mutation: off", &[]) else { return };
    let registered = |times: usize| {
        wait_for("the configuration to be registered", Duration::from_mins(1), || {
            let said = hook.log().matches("\"message\":\"the configuration in use is registered\"").count();
            (said >= times).then_some(())
        });
    };
    // As the apiserver holds it, with all that it fills in.
    registered(1);
    hook.write("lithify.yaml", "mutation: off\nenforcement: {namespaces: {edited: deny}}\n");
    let line = hook.wait_for_line("configured.lithify.dev is not registered");
    assert_eq!(line["message"], "the apiserver does not ask as the configuration in use would have it");
    hook.register();
    registered(2);
}
