//! A span as JSON shows it.

use serde::Serialize;

/// A span, in the names of `opentelemetry/proto/trace/v1/trace.proto`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SpanDocument {
    pub(super) trace_id: String,
    pub(super) span_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parent_span_id: Option<String>,
    pub(super) name: String,
    pub(super) kind: u8,
    pub(super) start_time_unix_nano: String,
    pub(super) end_time_unix_nano: String,
    pub(super) attributes: Attributes,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) events: Vec<EventDocument>,
    #[serde(skip_serializing_if = "is_none")]
    pub(super) dropped_events_count: u32,
    pub(super) status: StatusDocument,
}

/// `SPAN_KIND_INTERNAL`, `_SERVER` and `_CLIENT`.
pub(super) const INTERNAL: u8 = 1;
pub(super) const SERVER: u8 = 2;
pub(super) const CLIENT: u8 = 3;

/// Something that happened within a span.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventDocument {
    pub(super) time_unix_nano: String,
    pub(super) name: &'static str,
    pub(super) attributes: Attributes,
}

/// How a span ended.
#[derive(Serialize)]
pub(super) struct StatusDocument {
    /// Nothing is said, all is well, or an error.
    pub(super) code: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<&'static str>,
}

impl StatusDocument {
    pub(super) const UNSET: Self = Self { code: 0, message: None };
    pub(super) const OK: Self = Self { code: 1, message: None };

    pub(super) const fn error(message: &'static str) -> Self {
        Self {
            code: 2,
            message: Some(message),
        }
    }
}

/// What is said of a span.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Attributes(Vec<Attribute>);

#[derive(Clone, Debug, Serialize)]
struct Attribute {
    key: &'static str,
    value: AnyValue,
}

#[derive(Clone, Debug, Serialize)]
enum AnyValue {
    #[serde(rename = "stringValue")]
    Text(String),
    /// 64 bits, which JSON's numbers do not hold.
    #[serde(rename = "intValue")]
    Integer(String),
    #[serde(rename = "doubleValue")]
    Number(f64),
    #[serde(rename = "arrayValue")]
    List { values: Vec<AnyValue> },
}

impl Attributes {
    #[must_use]
    pub(super) fn text(mut self, key: &'static str, text: impl Into<String>) -> Self {
        let value = AnyValue::Text(text.into());
        self.0.push(Attribute { key, value });
        self
    }

    #[must_use]
    pub(super) fn texts(mut self, key: &'static str, text: &str) -> Self {
        let value = AnyValue::List {
            values: vec![AnyValue::Text(text.to_owned())],
        };
        self.0.push(Attribute { key, value });
        self
    }

    #[must_use]
    pub(super) fn integer(mut self, key: &'static str, number: impl Into<u64>) -> Self {
        let value = AnyValue::Integer(number.into().to_string());
        self.0.push(Attribute { key, value });
        self
    }

    #[must_use]
    pub(super) fn seconds(mut self, key: &'static str, time: crate::units::Span) -> Self {
        let value = AnyValue::Number(time.seconds());
        self.0.push(Attribute { key, value });
        self
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
const fn is_none(count: &u32) -> bool {
    *count == 0
}
