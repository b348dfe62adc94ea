//! `/device/{id}`, `/link/{id}`, `/service/{id}`: state, incidents, interfaces, facts.

use axum::extract::Path;
use axum::response::IntoResponse;
use axum::response::Response;
use maud::Markup;
use maud::html;

use super::Shell;
use super::Visit;
use super::not_found;
use super::parts;
use super::site::exempt;
use crate::i18n::Text;
use crate::i18n::collate;
use crate::inventory::Device;
use crate::inventory::Link;
use crate::inventory::Service;
use crate::model::Count;
use crate::model::Reading;
use crate::model::TargetKey;
use crate::model::TargetKind;
use crate::monitor::snapshot::InterfaceView;
use crate::monitor::snapshot::Rate;
use crate::monitor::snapshot::SnmpView;
use crate::monitor::snapshot::TargetView;
use crate::web::view::Entry;
use crate::web::view::Item;
use crate::web::view::View;

/// Incidents shown.
const MAX_INCIDENTS: usize = 50;
/// Interfaces and readings shown.
const MAX_ROWS: usize = 500;

/// Answers `/device/{id}`.
pub(in crate::web) async fn device(visit: Visit, Path(id): Path<String>) -> Response {
    page(&visit, TargetKind::Device, &id)
}

/// Answers `/link/{id}`.
pub(in crate::web) async fn link(visit: Visit, Path(id): Path<String>) -> Response {
    page(&visit, TargetKind::Link, &id)
}

/// Answers `/service/{id}`.
pub(in crate::web) async fn service(visit: Visit, Path(id): Path<String>) -> Response {
    page(&visit, TargetKind::Service, &id)
}

fn page(visit: &Visit, kind: TargetKind, id: &str) -> Response {
    let view = &visit.view;
    let lang = view.lang();
    let key = id.parse().ok().map(|slug| TargetKey { kind, slug });
    let Some((key, item)) = key.and_then(|key| Some((key.clone(), view.item(&key)?))) else {
        return not_found(visit);
    };
    let target = view.snapshot.by_key(&key);
    let snmp = target.and_then(|t| t.snmp.as_deref());
    Shell {
        visit,
        title: item.name(),
        live: true,
        body: html! {
            header .title {
                h1 { (item.name()) }
                p .what {
                    @match target {
                        Some(target) => {
                            (parts::state(visit, target, item))
                            span .aside {
                                (Text::TimeSince.fill(lang, &[("when", &view.locale.when(target.since, view.now))]))
                                " · " (view.locale.duration(view.now.since(target.since)))
                                @if let Some(reason) = &target.reason { " · " (view.reason(reason)) }
                            }
                        },
                        None => span .state.none { (Text::StateNotWatched.get(lang)) },
                    }
                }
                @if let Some(root) = target.and_then(|t| t.root).filter(|r| target.is_some_and(|t| t.id != *r))
                    .and_then(|r| view.snapshot.target(r)).filter(|r| view.item(&r.key).is_some()) {
                    p { (Text::FieldCausedBy.get(lang)) ": " a href=(visit.target(&root.key)) { (view.name(&root.key)) } }
                }
            }
            div .columns.even {
                section aria-labelledby="entry" {
                    h2 #entry { (Text::word("kind", kind.as_str(), lang)) }
                    (match item {
                        Item::Device(d) => device_facts(visit, d),
                        Item::Link(l) => link_facts(visit, l),
                        Item::Service(s) => service_facts(visit, s),
                    })
                }
                @if let Some(target) = target { (measured(visit, target)) }
            }
            @if let Some(snmp) = snmp { (told(visit, snmp)) }
            section aria-labelledby="incidents" {
                h2 #incidents { (Text::FieldIncidents.get(lang)) }
                (parts::incidents(
                    visit,
                    view.incidents()
                        .filter(|(_, t, _)| t.key == key)
                        .map(|(i, t, item)| Entry::Outage(i, t, item))
                        .take(MAX_INCIDENTS),
                    false,
                ))
            }
        },
    }
    .into_response()
}

fn parents(visit: &Visit, ids: &[crate::model::DeviceId]) -> Option<Markup> {
    let keys: Vec<TargetKey> = ids.iter().map(|id| TargetKey::from(id.clone())).collect();
    let shown: Vec<&TargetKey> = keys.iter().filter(|k| visit.view.item(k).is_some()).collect();
    (!shown.is_empty()).then(|| {
        html! {
            @for (i, key) in shown.iter().enumerate() {
                @if i > 0 { ", " }
                a href=(visit.target(key)) { (visit.view.name(key)) }
            }
        }
    })
}

fn labels(labels: &std::collections::BTreeMap<String, String>) -> Option<String> {
    let all: Vec<String> = labels.iter().map(|(k, v)| format!("{k}: {v}")).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

fn list(items: impl Iterator<Item = String>) -> Option<String> {
    let all: Vec<String> = items.collect();
    (!all.is_empty()).then(|| all.join(", "))
}

fn device_facts(visit: &Visit, d: &Device) -> Markup {
    let view = &visit.view;
    let (lang, locale) = (view.lang(), &view.locale);
    let exemption = d.exemption.as_ref().filter(|e| e.holds_on(view.today));
    let row = |name, value: Option<String>| parts::field(visit, name, value);
    html! {
        dl .facts {
            (row(Text::FieldId, Some(d.id.to_string())))
            (row(Text::FieldClass, Some(Text::word("class", d.class.as_str(), lang).to_owned())))
            (parts::field(visit, Text::FieldSite, d.site.as_ref().map(|s| parts::site_link(visit, s))))
            (row(Text::FieldAddress, list(d.addresses.iter().map(|a| a.host.to_string()))))
            (row(Text::FieldMac, list(d.macs.iter().map(ToString::to_string))))
            (row(Text::FieldVendor, d.vendor.clone()))
            (row(Text::FieldModel, d.model.clone()))
            (row(Text::FieldSerial, d.serial.clone()))
            (row(Text::FieldAssetTag, d.asset_tag.clone()))
            (row(Text::FieldLifecycle, Some(Text::word("lifecycle", d.lifecycle.as_str(), lang).to_owned())))
            (row(Text::FieldCondition, d.condition.map(|c| Text::word("condition", c.as_str(), lang).to_owned())))
            (row(Text::FieldOwner, d.owner.clone()))
            (row(Text::FieldPurchased, d.purchased_on.map(|day| locale.date(day))))
            (row(Text::FieldInService, d.in_service_from.map(|day| locale.date(day))))
            (row(Text::FieldPrice, d.price_vnd.map(|p| locale.integer(p))))
            (row(Text::FieldWarranty, d.warranty_end.map(|day| locale.date(day))))
            (parts::field(visit, Text::FieldParents, parents(visit, &d.parents)))
            (row(Text::FieldExemption, exemption.map(|e| exempt(e, lang))))
            (row(Text::FieldLabels, labels(&d.labels)))
        }
    }
}

fn link_facts(visit: &Visit, l: &Link) -> Markup {
    let view = &visit.view;
    let (lang, locale) = (view.lang(), &view.locale);
    let bandwidth = l.contracted_receive_bps.map(|down| {
        let up = l.contracted_transmit_bps.unwrap_or(down);
        format!(
            "↓ {} · ↑ {}",
            locale.bits_per_second(down as f64),
            locale.bits_per_second(up as f64)
        )
    });
    let router: Vec<_> = l.router.iter().cloned().collect();
    let exemption = l.exemption.as_ref().filter(|e| e.holds_on(view.today));
    let row = |name, value: Option<String>| parts::field(visit, name, value);
    html! {
        dl .facts {
            (row(Text::FieldId, Some(l.id.to_string())))
            (parts::field(visit, Text::FieldSite, Some(parts::site_link(visit, &l.site))))
            (row(Text::FieldRole, Some(Text::word("role", &l.role, lang).to_owned())))
            (row(Text::FieldProvider, l.provider.clone()))
            (row(Text::FieldCircuit, l.circuit.clone()))
            (row(Text::FieldMedium, Some(Text::word("medium", l.medium.as_str(), lang).to_owned())))
            (row(Text::FieldBandwidth, bandwidth))
            (row(Text::FieldAddress, list(l.far_end.iter().map(ToString::to_string))))
            (parts::field(visit, Text::ClassRouter, parents(visit, &router)))
            (row(Text::FieldInterface, l.interface.clone()))
            (parts::field(visit, Text::FieldParents, parents(visit, &l.via)))
            (row(Text::FieldInService, l.in_service_from.map(|day| locale.date(day))))
            (row(Text::FieldExemption, exemption.map(|e| exempt(e, lang))))
            (row(Text::FieldLabels, labels(&l.labels)))
        }
    }
}

fn service_facts(visit: &Visit, s: &Service) -> Markup {
    let view = &visit.view;
    let exemption = s.exemption.as_ref().filter(|e| e.holds_on(view.today));
    let row = |name, value: Option<String>| parts::field(visit, name, value);
    html! {
        dl .facts {
            (row(Text::FieldId, Some(s.id.to_string())))
            (row(Text::FieldKind, Some(s.check.kind.clone())))
            (parts::field(visit, Text::FieldSite, s.site.as_ref().map(|site| parts::site_link(visit, site))))
            (parts::field(visit, Text::FieldParents, parents(visit, &s.parents)))
            (row(Text::FieldInService, s.in_service_from.map(|day| view.locale.date(day))))
            (row(Text::FieldExemption, exemption.map(|e| exempt(e, view.lang()))))
            (row(Text::FieldLabels, labels(&s.labels)))
        }
    }
}

/// What our own looks saw.
fn measured(visit: &Visit, t: &TargetView) -> Markup {
    let view = &visit.view;
    let (lang, locale) = (view.lang(), &view.locale);
    let rtt = t.echo.as_ref().and_then(|e| e.rtt);
    let row = |name, value: Option<String>| parts::field(visit, name, value);
    let observed = t.totals.observed.as_micros();
    let available = u64::try_from(observed)
        .ok()
        .zip(u64::try_from(t.totals.outage.as_micros()).ok())
        .and_then(|(all, out)| crate::model::Ratio::of(all.saturating_sub(out), all));
    html! {
        section aria-labelledby="measured" {
            h2 #measured { (Text::FieldReadings.get(lang)) }
            dl .facts {
                (row(Text::FieldLatency, rtt.map(|r| locale.millis(r.median))))
                (row(Text::FieldJitter, rtt.and_then(|r| r.jitter).map(|j| locale.millis(j))))
                (row(Text::FieldLoss, t.echo.as_ref().and_then(crate::model::EchoStats::loss).map(|l| locale.percent(l))))
                (row(Text::FieldResponseTime, t.service.as_ref().map(|s| locale.millis(s.duration))))
                (row(Text::FieldCertificate, t.service.as_ref().and_then(|s| s.tls_not_after).map(|at| locale.date(locale.day(at)))))
                (row(Text::FieldLastReply, t.last_reply_at.map(|at| locale.moment(at))))
                (row(Text::FieldLastLook, t.last_look_at.map(|at| locale.moment(at))))
                (row(Text::FieldEvidence, list(t.evidence.iter().map(|(kind, at)| {
                    format!("{} ({})", evidence(view, *kind), locale.when(*at, view.now))
                }))))
                (row(Text::FieldAvailability, available.map(|a| locale.percent_fine(a))))
                (row(Text::FieldOutages, Some(locale.integer(t.totals.outages))))
                (row(Text::FieldDowntime, (t.totals.outage > crate::model::Span::ZERO).then(|| locale.duration(t.totals.outage))))
            }
        }
    }
}

fn evidence(view: &View, kind: crate::model::EvidenceKind) -> &'static str {
    use crate::model::EvidenceKind as Kind;
    match kind {
        Kind::EchoReply => Text::EvidenceEchoReply,
        Kind::TcpConnection => Text::EvidenceTcpConnection,
        Kind::TcpRefusal => Text::EvidenceTcpRefusal,
        Kind::Arp => Text::EvidenceArp,
        Kind::BridgeEntry => Text::EvidenceBridgeEntry,
        Kind::WifiAssociation => Text::EvidenceWifiAssociation,
        Kind::Snmp => Text::EvidenceSnmp,
    }
    .get(view.lang())
}

/// What the device says of itself.
fn told(visit: &Visit, snmp: &SnmpView) -> Markup {
    let view = &visit.view;
    let (lang, locale) = (view.lang(), &view.locale);
    html! {
        section aria-labelledby="snmp" {
            h2 #snmp {
                (Text::FieldFacts.get(lang)) " "
                span .aside {
                    @match (&snmp.reason, snmp.polled_at) {
                        (reason, _) if !snmp.up => {
                            @let why = reason.as_ref().map_or_else(
                                || Text::ReasonTimeout.get(lang).to_owned(),
                                |reason| view.reason(reason),
                            );
                            (Text::SnmpSilent.fill(lang, &[("reason", &why)]))
                        },
                        (_, Some(at)) => (Text::SnmpPolled.fill(lang, &[("when", &locale.when(at, view.now))])),
                        (_, None) => {},
                    }
                }
            }
            dl .facts {
                (parts::field(visit, Text::FieldUptime, snmp.uptime.map(|u| locale.duration(u))))
                (parts::field(visit, Text::FieldProfile, snmp.profile.as_ref()))
                (parts::field(visit, Text::FieldSnmpPackets, (snmp.packets > 0).then(|| locale.number(f64::from(snmp.packets), 0))))
                @for fact in &snmp.facts {
                    div { dt { (Text::word("fact", &fact.key, lang)) } dd { (if fact.key == "class" { Text::word("class", &fact.value, lang) } else { fact.value.as_str() }) } }
                }
            }
            @if !snmp.readings.is_empty() {
                h3 { (Text::FieldReadings.get(lang)) }
                dl .facts {
                    @for reading in snmp.readings.iter().take(MAX_ROWS) {
                        div {
                            dt { (Text::word("reading", &reading.kind, lang)) " " (reading.instance) }
                            dd { (value(view, reading)) }
                        }
                    }
                }
            }
            @if !snmp.interfaces.is_empty() {
                h3 { (Text::FieldInterfaces.get(lang)) }
                (interfaces(visit, &snmp.interfaces, snmp.up))
            }
        }
    }
}

fn value(view: &View, reading: &Reading) -> String {
    let locale = &view.locale;
    let number = match reading.value {
        Ok(number) => number,
        Err(why) => {
            let text = match why {
                crate::model::Absent::NotServed => Text::AbsentNotServed,
                crate::model::Absent::Unknown => Text::AbsentUnknown,
                crate::model::Absent::SomeLeft => Text::AbsentSomeLeft,
                crate::model::Absent::NoLimit => Text::AbsentNoLimit,
                crate::model::Absent::Implausible => Text::AbsentImplausible,
            };
            return text.get(view.lang()).to_owned();
        }
    };
    if reading.kind == "on_battery" {
        let text = if number > 0.0 {
            Text::FieldYes
        } else {
            Text::FieldNo
        };
        return text.get(view.lang()).to_owned();
    }
    locale.measure(number, &reading.unit)
}

/// `fresh`: the agent answers; what it said before it fell silent is no rate of now.
fn interfaces(visit: &Visit, rows: &[InterfaceView], fresh: bool) -> Markup {
    let view = &visit.view;
    let (lang, locale) = (view.lang(), &view.locale);
    let rate = |octets: Option<f64>| {
        octets
            .filter(|_| fresh)
            .map_or_else(|| "–".to_owned(), |o| locale.bits_per_second(o * 8.0))
    };
    // Port 2 before port 10.
    let mut rows: Vec<&InterfaceView> = rows.iter().collect();
    rows.sort_by_cached_key(|row| collate::sort_key(&row.name));
    html! {
        table .list {
            thead { tr {
                th scope="col" { (Text::FieldInterface.get(lang)) }
                th scope="col" { (Text::FieldState.get(lang)) }
                th scope="col" .number { (Text::FieldSpeed.get(lang)) }
                th scope="col" .number { (Text::FieldInbound.get(lang)) }
                th scope="col" .number { (Text::FieldOutbound.get(lang)) }
                th scope="col" .number { (Text::FieldErrors.get(lang)) }
                th scope="col" { (Text::FieldMac.get(lang)) }
            } }
            tbody {
                @for row in rows.iter().take(MAX_ROWS) {
                    @let (tone, word) = match (row.admin_up, row.oper_up) {
                        (Some(false), _) => ("none", Some(Text::FieldAdminDown)),
                        (_, Some(true)) => ("up", Some(Text::FieldUp)),
                        (_, Some(false)) => ("quiet", Some(Text::FieldDown)),
                        (_, None) => ("unknown", None),
                    };
                    tr {
                        th scope="row" {
                            (row.name)
                            @if let Some(alias) = row.told().alias { " " span .aside { (alias) } }
                        }
                        td data-label=(Text::FieldState.get(lang)) {
                            @if let Some(word) = word {
                                span .state .(tone) { span .dot .(tone) aria-hidden="true" {} (word.get(lang)) }
                            }
                        }
                        td .number data-label=(Text::FieldSpeed.get(lang)) {
                            @if let Some(speed) = row.speed_bps.map(Count::get).filter(|s| *s > 0) { (locale.bits_per_second(speed as f64)) }
                        }
                        td .number data-label=(Text::FieldInbound.get(lang)) { (rate(row.in_rate.map(Rate::get))) }
                        td .number data-label=(Text::FieldOutbound.get(lang)) { (rate(row.out_rate.map(Rate::get))) }
                        td .number data-label=(Text::FieldErrors.get(lang)) {
                            @if let (Some(i), Some(o)) = (row.in_errors, row.out_errors) { (locale.integer(i.get())) " / " (locale.integer(o.get())) }
                        }
                        td .code data-label=(Text::FieldMac.get(lang)) { (row.told().mac.unwrap_or_default()) }
                    }
                }
            }
        }
    }
}
