//! Checks a value against a schema of the OpenAPI document, as far as ours uses schemas.

use serde_json::Value;

/// What is wrong with `value`, by its place; empty if nothing is.
pub(crate) fn faults(document: &Value, schema: &Value, value: &Value, place: &str) -> Vec<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or_default();
        let schema = &document["components"]["schemas"][name];
        assert!(!schema.is_null(), "the document has no schema {name}");
        return faults(document, schema, value, place);
    }
    if let Some(all) = schema["allOf"].as_array() {
        return all.iter().flat_map(|part| faults(document, part, value, place)).collect();
    }
    if let Some(any) = schema["oneOf"].as_array() {
        let mut tried: Vec<Vec<String>> =
            any.iter().map(|part| faults(document, part, value, place)).collect();
        tried.sort_by_key(Vec::len);
        return tried.into_iter().next().unwrap_or_default();
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => return Vec::new(),
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() || number.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let fits = kinds.contains(&kind) || (kind == "integer" && kinds.contains(&"number"));
    if !fits {
        return vec![format!("{place} is {kind}, not {}", kinds.join(" or "))];
    }
    let mut found = Vec::new();
    if let (Some(names), Some(name)) = (schema["enum"].as_array(), value.as_str())
        && !names.iter().any(|known| known == name)
    {
        found.push(format!("{place} is {name:?}, which the document does not list"));
    }
    if schema["format"] == "date-time"
        && let Some(text) = value.as_str()
    {
        let is_utc = text.ends_with('Z') && chrono::DateTime::parse_from_rfc3339(text).is_ok();
        if !is_utc {
            found.push(format!("{place} is {text:?}, not a moment in UTC"));
        }
    }
    for (at, item) in value.as_array().into_iter().flatten().enumerate() {
        found.extend(faults(document, &schema["items"], item, &format!("{place}[{at}]")));
    }
    if let Some(members) = value.as_object() {
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !members.contains_key(name) {
                found.push(format!("{place}.{name} is missing"));
            }
        }
        for (name, member) in members {
            found.extend(faults(document, &schema["properties"][name], member, &format!("{place}.{name}")));
        }
    }
    found
}
