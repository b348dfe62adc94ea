//! Reads expressions and their parts from YAML, with words for what is wrong.

use std::fmt;

use serde::Deserialize;
use serde::Deserializer;
use serde::de;
use serde::de::value::MapAccessDeserializer;

use super::expr::Expr;
use super::expr::Key;
use super::expr::Literal;
use super::expr::OneOrMany;
use super::expr::Pattern;
use super::expr::Replace;
use super::expr::Span;
use super::expr::Steps;

struct ExprVisitor;

impl<'de> de::Visitor<'de> for ExprVisitor {
    type Value = Expr;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a list, or a mapping with a source (get, column, index, …)")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Expr, E> {
        Ok(Expr::Text(text.to_owned()))
    }

    fn visit_bool<E: de::Error>(self, truth: bool) -> Result<Expr, E> {
        Ok(Expr::Text(truth.to_string()))
    }

    fn visit_i64<E: de::Error>(self, n: i64) -> Result<Expr, E> {
        #[expect(clippy::cast_precision_loss, reason = "numbers that people write")]
        Ok(Expr::Number(n as f64))
    }

    fn visit_u64<E: de::Error>(self, n: u64) -> Result<Expr, E> {
        #[expect(clippy::cast_precision_loss, reason = "numbers that people write")]
        Ok(Expr::Number(n as f64))
    }

    fn visit_f64<E: de::Error>(self, n: f64) -> Result<Expr, E> {
        Ok(Expr::Number(n))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Expr, A::Error> {
        let mut list = Vec::new();
        while let Some(expr) = seq.next_element()? {
            list.push(expr);
        }
        Ok(Expr::First(list))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Expr, A::Error> {
        let steps = Steps::deserialize(MapAccessDeserializer::new(map))?;
        match steps.sources() {
            1 => Ok(Expr::Steps(Box::new(steps))),
            0 => Err(de::Error::custom(
                "no source: name one of get, column, index, fact, of, first, join, sum, largest, any, count, total, rows",
            )),
            _ => Err(de::Error::custom("more than one source in one mapping")),
        }
    }
}

impl<'de> Deserialize<'de> for Expr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ExprVisitor)
    }
}

impl schemars::JsonSchema for Expr {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Expression".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let steps = generator.subschema_for::<Steps>();
        let itself = generator.subschema_for::<Vec<Self>>();
        schemars::json_schema!({
            "description": "A text or number (itself), a list (the first that has a value), or a source with steps.",
            "anyOf": [{"type": "string"}, {"type": "number"}, {"type": "boolean"}, itself, steps]
        })
    }
}

struct LiteralVisitor;

impl de::Visitor<'_> for LiteralVisitor {
    type Value = Literal;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a number")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Literal, E> {
        Ok(Literal::Text(text.to_owned()))
    }

    fn visit_bool<E: de::Error>(self, truth: bool) -> Result<Literal, E> {
        Ok(Literal::Text(truth.to_string()))
    }

    fn visit_i64<E: de::Error>(self, n: i64) -> Result<Literal, E> {
        #[expect(clippy::cast_precision_loss, reason = "numbers that people write")]
        Ok(Literal::Number(n as f64))
    }

    fn visit_u64<E: de::Error>(self, n: u64) -> Result<Literal, E> {
        #[expect(clippy::cast_precision_loss, reason = "numbers that people write")]
        Ok(Literal::Number(n as f64))
    }

    fn visit_f64<E: de::Error>(self, n: f64) -> Result<Literal, E> {
        Ok(Literal::Number(n))
    }
}

impl<'de> Deserialize<'de> for Literal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LiteralVisitor)
    }
}

struct OneOrManyVisitor;

impl<'de> de::Visitor<'de> for OneOrManyVisitor {
    type Value = OneOrMany;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number, or a list of them")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<OneOrMany, E> {
        LiteralVisitor.visit_str(text).map(|l| OneOrMany(vec![l]))
    }

    fn visit_bool<E: de::Error>(self, truth: bool) -> Result<OneOrMany, E> {
        LiteralVisitor.visit_bool(truth).map(|l| OneOrMany(vec![l]))
    }

    fn visit_i64<E: de::Error>(self, n: i64) -> Result<OneOrMany, E> {
        LiteralVisitor.visit_i64(n).map(|l| OneOrMany(vec![l]))
    }

    fn visit_u64<E: de::Error>(self, n: u64) -> Result<OneOrMany, E> {
        LiteralVisitor.visit_u64(n).map(|l| OneOrMany(vec![l]))
    }

    fn visit_f64<E: de::Error>(self, n: f64) -> Result<OneOrMany, E> {
        LiteralVisitor.visit_f64(n).map(|l| OneOrMany(vec![l]))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<OneOrMany, A::Error> {
        let mut list = Vec::new();
        while let Some(literal) = seq.next_element()? {
            list.push(literal);
        }
        Ok(OneOrMany(list))
    }
}

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrManyVisitor)
    }
}

impl schemars::JsonSchema for OneOrMany {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "OneOrMany".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let one = generator.subschema_for::<Literal>();
        let many = generator.subschema_for::<Vec<Literal>>();
        schemars::json_schema!({"anyOf": [one, many]})
    }
}

impl schemars::JsonSchema for Key {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Key".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string"})
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Keys such as `1` or `0x10` are texts as they stand.
        String::deserialize(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::new(text).map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Replace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (pattern, with) = <(String, String)>::deserialize(deserializer)?;
        let pattern = Pattern::new(pattern).map_err(de::Error::custom)?;
        Ok(Self(pattern, with))
    }
}

struct SpanVisitor;

impl de::Visitor<'_> for SpanVisitor {
    type Value = Span;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("arcs of an index: 2, -1, 0..5 or 1..")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Span, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, n: i64) -> Result<Span, E> {
        n.to_string().parse().map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, n: u64) -> Result<Span, E> {
        n.to_string().parse().map_err(E::custom)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SpanVisitor)
    }
}
