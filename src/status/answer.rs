//! The two answers of Uptime Kuma as it sends them, read leniently.
//!
//! No version guarantees this format. Unknown keys are ignored, a value of another type counts as absent,
//! and lists are limited to a length that no real server exceeds.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The most entries of one list, and ten times that of all monitors.
const LIST_LIMIT: usize = 2_000;
pub(super) const MONITOR_LIMIT: usize = 10 * LIST_LIMIT;

/// The answer to `/api/status-page/<slug>`.
#[derive(serde::Deserialize)]
pub(super) struct PageAnswer {
    pub config: Option<Loose<ConfigAnswer>>,
    #[serde(rename = "publicGroupList", default)]
    pub groups: Many<GroupAnswer>,
    /// One object in version 1.
    #[serde(default)]
    pub incident: Many<IncidentAnswer>,
    /// A list in version 2.
    #[serde(default)]
    pub incidents: Many<IncidentAnswer>,
    #[serde(rename = "maintenanceList", default)]
    pub maintenances: Many<MaintenanceAnswer>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct ConfigAnswer {
    pub title: Scalar,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct GroupAnswer {
    pub name: Scalar,
    #[serde(rename = "monitorList")]
    pub monitors: Many<MonitorAnswer>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct MonitorAnswer {
    pub id: Scalar,
    pub name: Scalar,
    #[serde(rename = "type")]
    pub kind: Scalar,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct IncidentAnswer {
    pub title: Scalar,
    pub style: Scalar,
    pub content: Scalar,
    #[serde(rename = "createdDate")]
    pub created: Scalar,
    pub active: Scalar,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct MaintenanceAnswer {
    pub title: Scalar,
    pub description: Scalar,
    #[serde(rename = "timeslotList")]
    pub slots: Many<SlotAnswer>,
    pub timezone: Scalar,
    pub status: Scalar,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct SlotAnswer {
    #[serde(rename = "startDate")]
    pub start: Scalar,
    #[serde(rename = "endDate")]
    pub end: Scalar,
}

/// The answer to `/api/status-page/heartbeat/<slug>`.
#[derive(serde::Deserialize)]
pub(super) struct HeartbeatAnswer {
    #[serde(rename = "heartbeatList", default)]
    pub beats: Keyed<Last<BeatAnswer>>,
    #[serde(rename = "uptimeList", default)]
    pub uptimes: Keyed<Scalar>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct BeatAnswer {
    pub status: Scalar,
    pub time: Scalar,
}

/// A number, a truth value or a text, whichever the server sent.
#[derive(Debug, Default, PartialEq)]
pub(super) enum Scalar {
    Text(String),
    Whole(i64),
    Number(f64),
    Flag(bool),
    #[default]
    Absent,
}

/// An object, or nothing when it is something else.
pub(super) struct Loose<T>(pub Option<T>);

/// A list of objects, one object, or nothing.
pub(super) struct Many<T>(pub Option<Vec<Loose<T>>>);

/// Only the last object of a list.
pub(super) struct Last<T>(pub Option<T>);

/// Values by key, or nothing when it is not an object.
pub(super) struct Keyed<T>(pub Option<BTreeMap<String, T>>);

impl Scalar {
    /// The value as a text; empty when absent.
    pub fn text(&self) -> String {
        match self {
            Scalar::Text(text) => text.clone(),
            Scalar::Whole(number) => number.to_string(),
            Scalar::Number(number) => number.to_string(),
            Scalar::Flag(flag) => flag.to_string(),
            Scalar::Absent => String::new(),
        }
    }

    /// The value as a finite number.
    pub fn number(&self) -> Option<f64> {
        let number = match self {
            Scalar::Text(text) if text.len() <= 40 => text.trim().parse().ok()?,
            Scalar::Whole(number) => *number as f64,
            Scalar::Number(number) => *number,
            Scalar::Flag(flag) => f64::from(u8::from(*flag)),
            Scalar::Text(_) | Scalar::Absent => return None,
        };
        number.is_finite().then_some(number)
    }
}

impl<T> Default for Many<T> {
    fn default() -> Many<T> {
        Many(None)
    }
}

impl<T> Default for Keyed<T> {
    fn default() -> Keyed<T> {
        Keyed(None)
    }
}

impl<T> Many<T> {
    /// The usable part of the list.
    pub fn into_objects(self) -> impl Iterator<Item = T> {
        self.0.unwrap_or_default().into_iter().filter_map(|object| object.0)
    }
}

/// Makes a type readable from any value: each type of value goes to one function, the rest counts as absent.
trait FromAny: Sized {
    fn absent() -> Self;

    fn from_scalar(_: Scalar) -> Self {
        Self::absent()
    }

    fn from_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::absent())
    }

    fn from_object<'de, A: MapAccess<'de>>(mut object: A) -> Result<Self, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::absent())
    }
}

impl FromAny for Scalar {
    fn absent() -> Scalar {
        Scalar::Absent
    }

    fn from_scalar(scalar: Scalar) -> Scalar {
        scalar
    }
}

impl<T: for<'a> Deserialize<'a>> FromAny for Loose<T> {
    fn absent() -> Loose<T> {
        Loose(None)
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A) -> Result<Loose<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(object)).map(|value| Loose(Some(value)))
    }
}

impl<T: for<'a> Deserialize<'a>> FromAny for Many<T> {
    fn absent() -> Many<T> {
        Many(None)
    }

    fn from_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Many<T>, A::Error> {
        let mut objects = Vec::new();
        while let Some(object) = list.next_element::<Loose<T>>()? {
            if objects.len() == LIST_LIMIT {
                return Err(A::Error::custom(format!("a list has more than {LIST_LIMIT} entries")));
            }
            objects.push(object);
        }
        Ok(Many(Some(objects)))
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A) -> Result<Many<T>, A::Error> {
        Loose::from_object(object).map(|object| Many(Some(vec![object])))
    }
}

impl<T: for<'a> Deserialize<'a>> FromAny for Last<T> {
    fn absent() -> Last<T> {
        Last(None)
    }

    fn from_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Last<T>, A::Error> {
        let mut last = None;
        while let Some(object) = list.next_element::<Loose<T>>()? {
            last = object.0;
        }
        Ok(Last(last))
    }
}

impl<T: for<'a> Deserialize<'a>> FromAny for Keyed<T> {
    fn absent() -> Keyed<T> {
        Keyed(None)
    }

    fn from_object<'de, A: MapAccess<'de>>(mut object: A) -> Result<Keyed<T>, A::Error> {
        let mut values = BTreeMap::new();
        while let Some((key, value)) = object.next_entry::<String, T>()? {
            if values.len() == MONITOR_LIMIT {
                return Err(A::Error::custom(format!("an object has more than {MONITOR_LIMIT} keys")));
            }
            values.insert(key, value);
        }
        Ok(Keyed(Some(values)))
    }
}

struct AnyVisitor<T>(PhantomData<T>);

impl<'de, T: FromAny> Visitor<'de> for AnyVisitor<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<T, E> {
        Ok(T::from_scalar(Scalar::Flag(flag)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<T, E> {
        Ok(T::from_scalar(Scalar::Whole(number)))
    }

    fn visit_u64<E>(self, number: u64) -> Result<T, E> {
        Ok(T::from_scalar(i64::try_from(number).map_or(Scalar::Number(number as f64), Scalar::Whole)))
    }

    fn visit_f64<E>(self, number: f64) -> Result<T, E> {
        Ok(T::from_scalar(Scalar::Number(number)))
    }

    fn visit_str<E>(self, text: &str) -> Result<T, E> {
        Ok(T::from_scalar(Scalar::Text(text.to_string())))
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::absent())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<T, A::Error> {
        T::from_list(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<T, A::Error> {
        T::from_object(object)
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Scalar, D::Error> {
        deserializer.deserialize_any(AnyVisitor(PhantomData))
    }
}

impl<'de, T: for<'a> Deserialize<'a>> Deserialize<'de> for Loose<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Loose<T>, D::Error> {
        deserializer.deserialize_any(AnyVisitor(PhantomData))
    }
}

impl<'de, T: for<'a> Deserialize<'a>> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Many<T>, D::Error> {
        deserializer.deserialize_any(AnyVisitor(PhantomData))
    }
}

impl<'de, T: for<'a> Deserialize<'a>> Deserialize<'de> for Last<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Last<T>, D::Error> {
        deserializer.deserialize_any(AnyVisitor(PhantomData))
    }
}

impl<'de, T: for<'a> Deserialize<'a>> Deserialize<'de> for Keyed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Keyed<T>, D::Error> {
        deserializer.deserialize_any(AnyVisitor(PhantomData))
    }
}
