//! How Go spells floats in keys.

/// Go's `strconv.FormatFloat(value, 'g', -1, 32)`, with YAML's names for the values that are no numbers.
///
/// sigs.k8s.io/yaml makes keys of floats this way: rounded to 32 bits, an exponent below -4 or from 6 on.
pub(super) fn format_shortest_32(value: f64) -> String {
    if value.is_nan() {
        return ".nan".to_owned();
    }
    #[expect(clippy::cast_possible_truncation, reason = "as in Go: keys are spelled with 32 bits")]
    let value = value as f32;
    if value.is_infinite() {
        return if value < 0.0 { "-.inf" } else { ".inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').expect("`{:e}` writes an exponent");
    let exponent: i32 = exponent.parse().expect("`{:e}` writes a decimal exponent");
    if (-4..6).contains(&exponent) {
        return format!("{value}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}
