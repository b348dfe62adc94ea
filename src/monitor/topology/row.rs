//! The row of one target: how it is watched, from what the inventory and the settings say.

use jiff::civil::Date;

use super::Reach;
use super::TargetSpec;
use super::Watch;
use crate::inventory::Device;
use crate::inventory::Exemption;
use crate::inventory::Host;
use crate::inventory::Inventory;
use crate::inventory::Link;
use crate::inventory::MonitorMode;
use crate::inventory::Service;
use crate::model::DeviceId;
use crate::model::LinkId;
use crate::model::ServiceId;
use crate::model::SiteId;
use crate::model::TargetId;
use crate::model::TargetKey;
use crate::model::TargetKind;
use crate::monitor::settings::Level;
use crate::monitor::settings::Settings;
use crate::monitor::settings::Thresholds;
use crate::monitor::subject::sites_around;

/// What is needed to build the row of one target.
pub(super) struct Builder<'a> {
    pub(super) inventory: &'a Inventory,
    pub(super) settings: &'a Settings,
    pub(super) day: Date,
}

impl Builder<'_> {
    pub(super) fn spec(&self, key: &TargetKey, id: TargetId) -> Option<TargetSpec> {
        let slug = key.slug.clone();
        let spec = match key.kind {
            TargetKind::Device => self.device(id, self.inventory.devices.get(&DeviceId(slug))?),
            TargetKind::Link => self.link(id, self.inventory.links.get(&LinkId(slug))?),
            TargetKind::Service => self.service(id, self.inventory.services.get(&ServiceId(slug))?),
        };
        Some(spec)
    }

    fn device(&self, id: TargetId, device: &Device) -> TargetSpec {
        let settings = self.settings;
        let mut liveness = settings.liveness(device);
        liveness.truncate(TargetSpec::MAX_LIVENESS);
        let watch = match device.mode {
            MonitorMode::Polled if liveness.is_empty() || device.addresses.is_empty() => Watch::Passive,
            MonitorMode::Polled => Watch::Polled,
            MonitorMode::Passive => Watch::Passive,
            MonitorMode::Manual | MonitorMode::Never => Watch::Nothing,
        };
        if watch != Watch::Polled {
            liveness.clear();
        }
        TargetSpec {
            id,
            key: device.id.clone().into(),
            name: device.name.clone(),
            parents: Vec::new(),
            liveness: liveness.into_iter().map(Into::into).collect(),
            watch,
            confirm: settings.confirm,
            interval: settings.interval(device),
            always_on: settings.is_always_on(device),
            alerts: settings.alerts(device),
            thresholds: settings.device_thresholds,
            reach: self.reach(device.primary_host()),
            exempt: self.is_exempt(device.exemption.as_ref(), device.site.as_ref()) || device.is_hidden(),
            trust_refusal: settings.trusts_refusal(device),
        }
    }

    fn link(&self, id: TargetId, link: &Link) -> TargetSpec {
        let router = link.router.as_ref().and_then(|r| self.inventory.devices.get(r));
        let host = link
            .far_end
            .first()
            .or_else(|| router.and_then(Device::primary_host));
        let watched = host.is_some();
        TargetSpec {
            id,
            key: link.id.clone().into(),
            name: link.name.clone(),
            parents: Vec::new(),
            liveness: if watched { vec!["icmp".into()] } else { Vec::new() },
            watch: if watched { Watch::Polled } else { Watch::Nothing },
            confirm: self.settings.confirm,
            interval: link.interval.unwrap_or(self.settings.intervals.link),
            always_on: true,
            alerts: true,
            thresholds: self.settings.thresholds_of_link(link),
            reach: self.reach(host),
            exempt: self.is_exempt(link.exemption.as_ref(), Some(&link.site)),
            trust_refusal: false,
        }
    }

    fn service(&self, id: TargetId, service: &Service) -> TargetSpec {
        let mut thresholds = Thresholds::of_service();
        if let Some(slow) = service.slow_threshold {
            thresholds.slow = Some(Level::above(slow.as_secs_f32()));
        }
        TargetSpec {
            id,
            key: service.id.clone().into(),
            name: service.name.clone(),
            parents: Vec::new(),
            liveness: vec![service.check.kind.as_str().into()],
            watch: Watch::Polled,
            confirm: self.settings.confirm,
            interval: service.interval.unwrap_or(self.settings.intervals.service),
            always_on: true,
            alerts: true,
            thresholds,
            // The check's options name its address, and only the check reads them;
            // whoever resolves it says so by `set_reach`.
            reach: Reach::Routed,
            exempt: self.is_exempt(service.exemption.as_ref(), service.site.as_ref()),
            trust_refusal: false,
        }
    }

    fn reach(&self, host: Option<&Host>) -> Reach {
        match host {
            Some(Host::Ip(ip)) => Reach::of(*ip, &self.settings.nearby),
            Some(Host::Name(name)) if name == "localhost" => Reach::Local,
            Some(Host::Name(_)) | None => Reach::Routed,
        }
    }

    /// Its own exemption holds, or that of a site that it lies in.
    fn is_exempt(&self, own: Option<&Exemption>, site: Option<&SiteId>) -> bool {
        own.is_some_and(|e| e.holds_on(self.day))
            || sites_around(self.inventory, site)
                .iter()
                .any(|site| site.exemption.as_ref().is_some_and(|e| e.holds_on(self.day)))
    }
}
