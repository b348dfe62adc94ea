//! What happened, as a message for people and for programs. Pure.
//!
//! Rendered at the moment of sending, from the record: the times in it are
//! those of the outage, however late it is told (trap 22).

use jiff::civil::Date;
use serde::Serialize;

use super::kind;
use crate::i18n::Lang;
use crate::i18n::Locale;
use crate::i18n::Text;
use crate::inventory::Inventory;
use crate::inventory::UnitKind;
use crate::model::DeviceId;
use crate::model::IncidentId;
use crate::model::LinkId;
use crate::model::Reason;
use crate::model::ServiceId;
use crate::model::SiteId;
use crate::model::Span;
use crate::model::TargetKey;
use crate::model::TargetKind;
use crate::model::Timestamp;

/// Most consequences that a message names; the others are counted.
const MAX_NAMED: usize = 20;
/// A message sent so much after it was due says that it is late.
const LATE: Span = Span::from_secs(300);

/// What is to be told.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// The kind of the outbox row (see [`kind`]).
    pub kind: String,
    /// The number of the row: a receiver that gets it twice knows it by this.
    pub id: i64,
    /// The outage, if it is about one.
    pub incident: Option<IncidentId>,
    /// Whom it is about; `None`: the monitor itself.
    pub subject: Option<About>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Why, as far as it was seen.
    pub reason: Option<Reason>,
    /// Names of what it took with it.
    pub affected: Vec<String>,
    /// When the message was due.
    pub due_at: Timestamp,
    /// The receiver's name.
    pub receiver: String,
}

/// Whom a message is about.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct About {
    /// Device, link or service.
    pub kind: TargetKind,
    /// Its id.
    pub id: String,
    /// Its display name.
    pub name: String,
    /// Its class; empty for links and services.
    pub class: String,
    /// The name of its site.
    pub site: Option<String>,
    /// The name of its area.
    pub area: Option<String>,
}

impl About {
    /// An entry of the inventory on `day`; `None` if there is none of that name.
    pub fn of(inventory: &Inventory, key: &TargetKey, kinds: &[UnitKind], day: Date) -> Option<Self> {
        let slug = key.slug.clone();
        let (name, class, site): (&str, &str, Option<&SiteId>) = match key.kind {
            TargetKind::Device => {
                let device = inventory.devices.get(&DeviceId(slug))?;
                (&device.name, device.class.as_str(), device.site.as_ref())
            }
            TargetKind::Link => {
                let link = inventory.links.get(&LinkId(slug))?;
                (&link.name, "", Some(&link.site))
            }
            TargetKind::Service => {
                let service = inventory.services.get(&ServiceId(slug))?;
                (&service.name, "", service.site.as_ref())
            }
        };
        let area = site
            .and_then(|site| inventory.area_of(site, kinds, day))
            .and_then(|unit| inventory.units.get(unit));
        Some(Self {
            name: name.to_owned(),
            class: class.to_owned(),
            site: site.and_then(|s| inventory.sites.get(s)).map(|s| s.name.clone()),
            area: area.map(|unit| unit.name.clone()),
            ..Self::nameless(key)
        })
    }

    /// A target of which no more is known than its key.
    pub fn nameless(key: &TargetKey) -> Self {
        Self {
            kind: key.kind,
            id: key.slug.to_string(),
            name: key.slug.to_string(),
            class: String::new(),
            site: None,
            area: None,
        }
    }
}

/// Who speaks, and how.
#[derive(Debug, Clone)]
pub struct Voice {
    /// Language and time zone.
    pub locale: Locale,
    /// The language.
    pub lang: Lang,
    /// Whose equipment it is.
    pub organization: String,
    /// Where the page is, for links.
    pub external_url: Option<String>,
}

/// A message, ready to be delivered.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// One line.
    pub subject: String,
    /// Several lines of plain text.
    pub body: String,
    /// The same for programs.
    pub json: serde_json::Value,
}

#[derive(Serialize)]
struct Json<'a> {
    version: u8,
    id: i64,
    event: &'a str,
    status: &'static str,
    incident: Option<IncidentId>,
    target: Option<&'a About>,
    started_at: String,
    ended_at: Option<String>,
    duration_seconds: Option<u64>,
    reason: Option<&'a Reason>,
    affected: &'a [String],
    subject: &'a str,
    text: &'a str,
    url: Option<&'a str>,
    organization: &'a str,
    receiver: &'a str,
}

/// Renders a notice.
pub fn render(notice: &Notice, voice: &Voice, now: Timestamp) -> Message {
    let subject = subject(notice, voice.lang);
    let url = url(notice, voice);
    let body = body(notice, voice, url.as_deref(), now);
    let json = Json {
        version: 1,
        id: notice.id,
        event: &notice.kind,
        status: status(&notice.kind),
        incident: notice.incident,
        target: notice.subject.as_ref(),
        started_at: voice.locale.rfc3339(notice.started_at),
        ended_at: notice.ended_at.map(|at| voice.locale.rfc3339(at)),
        duration_seconds: notice.ended_at.map(|at| at.since(notice.started_at).as_secs()),
        reason: notice.reason.as_ref(),
        affected: &notice.affected,
        subject: &subject,
        text: &body,
        url: url.as_deref(),
        organization: &voice.organization,
        receiver: &notice.receiver,
    };
    // Plain data of our own always serialises; a message without it is still a message.
    let json = serde_json::to_value(&json).unwrap_or_default();
    Message { subject, body, json }
}

/// The word for programs that ask only whether something is wrong now.
fn status(event: &str) -> &'static str {
    match event {
        kind::CLOSED | kind::SEEING => "resolved",
        kind::TEST => "test",
        _ => "firing",
    }
}

fn subject(notice: &Notice, lang: Lang) -> String {
    let target = notice.subject.as_ref().map(|s| s.kind);
    let name = notice.subject.as_ref().map_or("", |s| s.name.as_str());
    let text = match (notice.kind.as_str(), target) {
        (kind::OPENED, Some(TargetKind::Link)) => Text::AlertOpenedLink,
        (kind::OPENED, Some(TargetKind::Service)) => Text::AlertOpenedService,
        (kind::OPENED, _) => Text::AlertOpenedDevice,
        (kind::CLOSED, Some(TargetKind::Link)) => Text::AlertClosedLink,
        (kind::CLOSED, Some(TargetKind::Service)) => Text::AlertClosedService,
        (kind::CLOSED, _) => Text::AlertClosedDevice,
        (kind::FLAPPING, _) => Text::AlertFlapping,
        (kind::BLIND, _) => return Text::AlertBlind.get(lang).to_owned(),
        (kind::SEEING, _) => return Text::AlertSeeing.get(lang).to_owned(),
        (kind::FORBIDDEN, _) => return Text::AlertForbidden.get(lang).to_owned(),
        (kind::TEST, _) => return Text::AlertTest.get(lang).to_owned(),
        _ => Text::AlertLasts,
    };
    // A header holds one line, whatever stands in a name.
    let line: String = name
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    text.fill(lang, &[("name", &line)])
}

fn url(notice: &Notice, voice: &Voice) -> Option<String> {
    let base = voice.external_url.as_deref()?.trim_end_matches('/');
    Some(match &notice.subject {
        Some(about) => format!("{base}/{}/{}", about.kind, about.id),
        None => format!("{base}/"),
    })
}

fn body(notice: &Notice, voice: &Voice, url: Option<&str>, now: Timestamp) -> String {
    let lang = voice.lang;
    let mut lines: Vec<String> = Vec::new();
    let mut row = |label: Text, value: &str| lines.push(format!("{}: {value}", label.get(lang)));
    if let Some(about) = &notice.subject {
        let class = if about.class.is_empty() {
            Text::word("kind", about.kind.as_str(), lang)
        } else {
            Text::word("class", &about.class, lang)
        };
        row(
            Text::AlertWhat,
            &format!("{} ({class}, {})", about.name, about.id),
        );
        if let Some(site) = &about.site {
            row(Text::AlertWhereIsIt, site);
        }
        if let Some(area) = &about.area {
            row(Text::AlertArea, area);
        }
    }
    if notice.kind != kind::TEST {
        row(Text::AlertBegan, &voice.locale.moment(notice.started_at));
    }
    if let Some(ended_at) = notice.ended_at {
        row(Text::AlertEnded, &voice.locale.moment(ended_at));
        row(
            Text::AlertLasted,
            &voice.locale.duration(ended_at.since(notice.started_at)),
        );
    }
    if let Some(reason) = &notice.reason {
        row(
            Text::AlertReason,
            &crate::i18n::reason(reason, lang, str::to_owned),
        );
    }
    if !notice.affected.is_empty() {
        let mut names = notice
            .affected
            .iter()
            .take(MAX_NAMED)
            .cloned()
            .collect::<Vec<_>>()
            .join("; ");
        if let Some(more) = notice.affected.len().checked_sub(MAX_NAMED).filter(|n| *n > 0) {
            names.push_str("; ");
            names.push_str(&Text::AlertAffectedMore.fill(lang, &[("n", &more.to_string())]));
        }
        row(
            Text::AlertAffected,
            &format!("{} – {names}", notice.affected.len()),
        );
    }
    if let Some(url) = url {
        row(Text::AlertDetails, url);
    }
    let note = match notice.kind.as_str() {
        kind::FLAPPING => Some(Text::AlertFlappingNote.get(lang).to_owned()),
        kind::BLIND => Some(Text::AlertBlindNote.get(lang).to_owned()),
        kind::FORBIDDEN => Some(Text::AlertForbiddenNote.get(lang).to_owned()),
        kind::TEST => Some(Text::AlertTestNote.fill(lang, &[("receiver", &notice.receiver)])),
        _ => None,
    };
    lines.extend(note.map(|n| format!("\n{n}")));
    if now.since(notice.due_at) > LATE {
        lines.push(format!("\n{}", Text::AlertLate.get(lang)));
    }
    lines.push(format!(
        "\n{}",
        Text::AlertSignature.fill(lang, &[("organization", &voice.organization)])
    ));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    fn notice(kind: &str) -> Notice {
        Notice {
            kind: kind.to_owned(),
            id: 5,
            incident: Some(IncidentId(7)),
            subject: Some(About {
                kind: TargetKind::Link,
                id: "dt-thuong-cuu".to_owned(),
                name: "Đường truyền UBND xã Thượng Cửu".to_owned(),
                class: String::new(),
                site: Some("UBND xã Thượng Cửu".to_owned()),
                area: Some("Xã Khả Cửu".to_owned()),
            }),
            started_at: Timestamp::from_secs(1_795_500_000),
            ended_at: (kind == kind::CLOSED).then(|| Timestamp::from_secs(1_795_503_723)),
            reason: Some(Reason::Timeout),
            affected: (0..23).map(|i| format!("Máy tính {i}")).collect(),
            due_at: Timestamp::from_secs(1_795_500_060),
            receiver: "thu".to_owned(),
        }
    }

    fn voice(lang: Lang) -> Voice {
        Voice {
            locale: Locale::new(lang, TimeZone::get("Asia/Ho_Chi_Minh").unwrap()),
            lang,
            organization: "UBND huyện Thanh Sơn".to_owned(),
            external_url: Some("https://trangac.example/".to_owned()),
        }
    }

    #[test]
    fn a_start_names_what_where_since_when_and_what_it_took_with_it() {
        let message = render(
            &notice(kind::OPENED),
            &voice(Lang::Vi),
            Timestamp::from_secs(1_795_500_061),
        );
        assert_eq!(
            message.subject,
            "Mất đường truyền: Đường truyền UBND xã Thượng Cửu"
        );
        for part in [
            "UBND xã Thượng Cửu",
            "Xã Khả Cửu",
            "và 3 đối tượng khác",
            "/link/dt-thuong-cuu",
            "24/11/2026",
        ] {
            assert!(
                message.body.contains(part),
                "{part} is missing in\n{}",
                message.body
            );
        }
        assert_eq!(message.json["status"], "firing");
        assert!(!message.body.contains("gửi chậm"));
    }

    // trap 22
    #[test]
    fn a_late_end_tells_the_true_times_and_that_it_is_late() {
        let message = render(
            &notice(kind::CLOSED),
            &voice(Lang::En),
            Timestamp::from_secs(1_795_511_000),
        );
        assert!(message.subject.starts_with("Link up again"));
        assert!(message.body.contains("late"), "{}", message.body);
        assert_eq!(message.json["duration_seconds"], 3723);
        assert_eq!(message.json["status"], "resolved");
    }

    #[test]
    fn a_name_with_a_line_break_can_add_no_header() {
        let mut evil = notice(kind::OPENED);
        if let Some(about) = &mut evil.subject {
            about.name = "x\r\nBcc: all@example".to_owned();
        }
        assert!(
            !render(&evil, &voice(Lang::Vi), Timestamp::EPOCH)
                .subject
                .contains(['\r', '\n'])
        );
    }
}
