//! Quantities: `100Mi`.

/// The bytes that a quantity means, a fraction of one counted whole; `None` where it is no quantity, or below 0.
///
/// Source: Kubernetes `apimachinery/pkg/api/resource/quantity.go`.
pub fn quantity_bytes(text: &str) -> Option<u128> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || digits.len() > 24 || !is_digits(&digits) {
        return None;
    }
    let digits: u128 = digits.parse().ok()?;
    let (factor, divisor) = scale(suffix)?;
    let divisor = divisor.checked_mul(10u128.checked_pow(u32::try_from(fraction.len()).ok()?)?)?;
    Some(digits.checked_mul(factor)?.div_ceil(divisor))
}

/// What a suffix multiplies and divides by.
fn scale(suffix: &str) -> Option<(u128, u128)> {
    const BINARY: [&str; 6] = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    const DECIMAL: [&str; 6] = ["k", "M", "G", "T", "P", "E"];
    const SMALL: [&str; 3] = ["m", "u", "n"];
    let power = |list: &[&str]| u32::try_from(list.iter().position(|known| *known == suffix)? + 1).ok();
    if suffix.is_empty() {
        return Some((1, 1));
    }
    if let Some(power) = power(&BINARY) {
        return Some((1024u128.pow(power), 1));
    }
    if let Some(power) = power(&DECIMAL) {
        return Some((1000u128.pow(power), 1));
    }
    if let Some(power) = power(&SMALL) {
        return Some((1, 1000u128.pow(power)));
    }
    let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    let power = 10u128.checked_pow(exponent.unsigned_abs())?;
    Some(if exponent < 0 { (1, power) } else { (power, 1) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_api_reads() {
        for (text, bytes) in [
            ("128974848", 128_974_848),
            ("129e6", 129_000_000),
            ("129M", 129_000_000),
            ("123Mi", 123 << 20),
            ("1.5Gi", 3 << 29),
            (".5k", 500),
            ("1500m", 2),
            ("0", 0),
            ("1E", 1_000_000_000_000_000_000),
        ] {
            assert_eq!(quantity_bytes(text), Some(bytes), "{text}");
        }
        for wrong in ["", "Mi", "1MB", "-1", "1.2.3", "ten", "1 Mi", "1e99"] {
            assert_eq!(quantity_bytes(wrong), None, "{wrong}");
        }
    }
}
