//! Python values as TOML, as a scenario would have them.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyString};
use toml::Value;
use toml::value::{Array, Table};

use crate::failure::refused;

/// More tables inside one another are not a scenario, but a list that holds itself.
const DEEPEST: u32 = 32;

/// A value of the key `key`. Paths become texts, and a `timedelta` a length of time such as `"2.5s"`.
pub fn value(key: &str, object: &Bound<'_, PyAny>) -> PyResult<Value> {
    value_within(key, object, DEEPEST)
}

/// A dictionary as a table.
pub fn table(key: &str, dict: &Bound<'_, PyDict>) -> PyResult<Table> {
    table_within(key, dict, DEEPEST)
}

fn table_within(key: &str, dict: &Bound<'_, PyDict>, levels: u32) -> PyResult<Table> {
    let mut table = Table::new();
    for (name, item) in dict {
        let Ok(name) = name.extract::<String>() else {
            let message = format!("{}: a key is {}, and keys are text", or_top(key), shown(&name));
            return Err(refused(message, "write a str"));
        };
        let inner = if key.is_empty() {
            name.clone()
        } else {
            format!("{key}.{name}")
        };
        table.insert(name, value_within(&inner, &item, levels)?);
    }
    Ok(table)
}

fn value_within(key: &str, object: &Bound<'_, PyAny>, levels: u32) -> PyResult<Value> {
    if levels == 0 {
        return Err(refused(
            format!("`{key}` has too many levels"),
            "a list or dict may not hold itself",
        ));
    }
    if object.is_instance_of::<PyBool>() || is_numpy_bool(object) {
        return Ok(Value::Boolean(object.is_truthy()?));
    }
    if let Ok(text) = object.cast::<PyString>() {
        return Ok(Value::String(text.to_str()?.to_owned()));
    }
    if object.is_instance_of::<PyFloat>() {
        return Ok(Value::Float(object.extract()?));
    }
    if object.is_instance_of::<PyInt>() || object.hasattr("__index__")? {
        let Ok(number) = object.extract::<i64>() else {
            let message = format!("`{key}` is {}, which has more than 64 bits", shown(object));
            return Err(refused(message, "write a smaller number"));
        };
        return Ok(Value::Integer(number));
    }
    if let Ok(dict) = object.cast::<PyDict>() {
        return Ok(Value::Table(table_within(key, dict, levels - 1)?));
    }
    if let Ok(path) = object
        .call_method0("__fspath__")
        .and_then(|path| path.extract::<String>())
    {
        return Ok(Value::String(path));
    }
    if let Ok(seconds) = object.call_method0("total_seconds") {
        return Ok(Value::String(format!("{}s", seconds.extract::<f64>()?)));
    }
    if object.hasattr("__float__")? {
        return Ok(Value::Float(object.extract()?));
    }
    if let Ok(items) = object.try_iter()
        && !object.is_none()
    {
        let items = items.map(|item| value_within(key, &item?, levels - 1));
        return Ok(Value::Array(items.collect::<PyResult<Array>>()?));
    }
    let message = format!("`{key}` is {}, which a scenario cannot hold", shown(object));
    Err(refused(
        message,
        "write a number, a text, a bool, a list or a dict; leave a key out for its default",
    ))
}

/// numpy's is not Python's, and counts as a number there.
fn is_numpy_bool(object: &Bound<'_, PyAny>) -> bool {
    object
        .get_type()
        .name()
        .is_ok_and(|name| name == "bool_" || name == "bool")
}

fn shown(object: &Bound<'_, PyAny>) -> String {
    object
        .repr()
        .map_or_else(|_| "an object".to_owned(), |text| text.to_string())
}

fn or_top(key: &str) -> &str {
    if key.is_empty() { "the scenario" } else { key }
}
