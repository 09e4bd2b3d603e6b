#![no_main]

#[allow(dead_code, reason = "each target drives one part of it")]
mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    assert_eq!(targets::variables_fault(&String::from_utf8_lossy(bytes)), None);
});
