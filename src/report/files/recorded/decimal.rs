//! Exact decimals.

/// A time of so many units of `10^digits` picoseconds each, exactly, without zeros at its end.
pub fn decimal(picos: i128, digits: usize) -> String {
    let unit = 10_i128.pow(digits as u32);
    let (sign, picos) = if picos < 0 { ("-", -picos) } else { ("", picos) };
    let text = format!("{sign}{}.{:0digits$}", picos / unit, picos % unit);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
