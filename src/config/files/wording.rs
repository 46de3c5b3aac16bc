//! What readers of TOML and JSON say of a value of the wrong type, in the words of those who write the file.

/// A message of such a reader; a value with keys is called `table` in the file's format.
pub fn plain(message: &str, table: &str) -> String {
    let Some((found, wanted)) = message.split_once(", expected ") else {
        return message.to_owned();
    };
    let found = match found {
        "invalid type: sequence" => "invalid type: a list",
        "invalid type: map" => &format!("invalid type: {table}"),
        other => other,
    };
    let wanted = match wanted {
        "u8" | "u16" | "u32" | "u64" | "usize" | "i32" | "i64" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" => "text",
        "a sequence" => "a list",
        "a map" => table,
        words if words.starts_with("struct ") => table,
        other => other,
    };
    format!("{found}, expected {wanted}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_named_as_the_format_names_them() {
        for (message, words) in [
            (
                "invalid type: sequence, expected u64",
                "invalid type: a list, expected a whole number",
            ),
            (
                "invalid type: map, expected f64",
                "invalid type: a table, expected a number",
            ),
            (
                "invalid type: integer `3`, expected a sequence",
                "invalid type: integer `3`, expected a list",
            ),
            (
                "invalid length 1, expected struct Rate with 3 elements",
                "invalid length 1, expected a table",
            ),
            ("missing field `name`", "missing field `name`"),
        ] {
            assert_eq!(plain(message, "a table"), words);
        }
        let said = plain("invalid type: map, expected a boolean", "an object");
        assert_eq!(said, "invalid type: an object, expected true or false");
    }
}
