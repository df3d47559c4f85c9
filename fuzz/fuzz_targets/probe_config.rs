//! Any falco.yaml, and any `-o` option: settings or errors with their places, without a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lithify_probe::config::load_text;

fuzz_target!(|input: &[u8]| {
    // The last line is an option as well.
    let option = input.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    let option = String::from_utf8_lossy(option).into_owned();
    let env = |name: &str| Some(name.to_owned());
    for options in [Vec::new(), vec![option]] {
        match load_text("falco.yaml", input, &options, &env) {
            Ok((config, warnings)) => {
                let _ = format!("{config:?}");
                warnings.iter().for_each(|warning| drop(warning.one_line()));
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
});
