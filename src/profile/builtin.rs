//! The profiles that the program brings along: `profiles/*.yaml`, sorted by name.

/// Name and text of each. A test checks that no file is missing.
pub static BUILTIN: &[(&str, &str)] = &[
    (
        "access-switches",
        include_str!("../../profiles/access-switches.yaml"),
    ),
    ("aerohive", include_str!("../../profiles/aerohive.yaml")),
    ("apc", include_str!("../../profiles/apc.yaml")),
    ("apc-netbotz", include_str!("../../profiles/apc-netbotz.yaml")),
    ("appliances", include_str!("../../profiles/appliances.yaml")),
    ("aruba-cx", include_str!("../../profiles/aruba-cx.yaml")),
    ("aruba-wifi", include_str!("../../profiles/aruba-wifi.yaml")),
    ("axis", include_str!("../../profiles/axis.yaml")),
    ("bridge", include_str!("../../profiles/bridge.yaml")),
    ("brocade", include_str!("../../profiles/brocade.yaml")),
    ("brother", include_str!("../../profiles/brother.yaml")),
    ("bsd-firewall", include_str!("../../profiles/bsd-firewall.yaml")),
    ("cambium", include_str!("../../profiles/cambium.yaml")),
    ("cameras", include_str!("../../profiles/cameras.yaml")),
    ("canon", include_str!("../../profiles/canon.yaml")),
    ("cdp", include_str!("../../profiles/cdp.yaml")),
    ("checkpoint", include_str!("../../profiles/checkpoint.yaml")),
    ("cisco-ios", include_str!("../../profiles/cisco-ios.yaml")),
    ("cisco-meraki", include_str!("../../profiles/cisco-meraki.yaml")),
    ("cisco-mibs", include_str!("../../profiles/cisco-mibs.yaml")),
    ("cisco-sb", include_str!("../../profiles/cisco-sb.yaml")),
    ("cisco-spa", include_str!("../../profiles/cisco-spa.yaml")),
    ("cyberpower", include_str!("../../profiles/cyberpower.yaml")),
    ("dell-drac", include_str!("../../profiles/dell-drac.yaml")),
    ("dell-switch", include_str!("../../profiles/dell-switch.yaml")),
    ("dlink", include_str!("../../profiles/dlink.yaml")),
    ("draytek", include_str!("../../profiles/draytek.yaml")),
    ("eaton-pdu", include_str!("../../profiles/eaton-pdu.yaml")),
    ("eaton-ups", include_str!("../../profiles/eaton-ups.yaml")),
    ("edgecore", include_str!("../../profiles/edgecore.yaml")),
    (
        "edgecore-models",
        include_str!("../../profiles/edgecore-models.yaml"),
    ),
    ("eltex", include_str!("../../profiles/eltex.yaml")),
    ("entity-mib", include_str!("../../profiles/entity-mib.yaml")),
    ("environment", include_str!("../../profiles/environment.yaml")),
    ("epson", include_str!("../../profiles/epson.yaml")),
    ("extreme", include_str!("../../profiles/extreme.yaml")),
    ("fortinet", include_str!("../../profiles/fortinet.yaml")),
    ("fs-tree", include_str!("../../profiles/fs-tree.yaml")),
    ("generic", include_str!("../../profiles/generic.yaml")),
    ("hikvision", include_str!("../../profiles/hikvision.yaml")),
    (
        "host-resources",
        include_str!("../../profiles/host-resources.yaml"),
    ),
    ("hp-printer", include_str!("../../profiles/hp-printer.yaml")),
    ("hpe-comware", include_str!("../../profiles/hpe-comware.yaml")),
    ("hpe-ilo", include_str!("../../profiles/hpe-ilo.yaml")),
    ("hpe-pdu", include_str!("../../profiles/hpe-pdu.yaml")),
    ("hpe-procurve", include_str!("../../profiles/hpe-procurve.yaml")),
    ("huawei", include_str!("../../profiles/huawei.yaml")),
    ("iana-if-type", include_str!("../../profiles/iana-if-type.yaml")),
    ("if-mib", include_str!("../../profiles/if-mib.yaml")),
    ("ip-mib", include_str!("../../profiles/ip-mib.yaml")),
    ("juniper", include_str!("../../profiles/juniper.yaml")),
    (
        "konica-minolta",
        include_str!("../../profiles/konica-minolta.yaml"),
    ),
    ("kyocera", include_str!("../../profiles/kyocera.yaml")),
    ("lancom", include_str!("../../profiles/lancom.yaml")),
    ("linux", include_str!("../../profiles/linux.yaml")),
    ("lldp", include_str!("../../profiles/lldp.yaml")),
    ("meru", include_str!("../../profiles/meru.yaml")),
    ("mikrotik", include_str!("../../profiles/mikrotik.yaml")),
    ("moxa", include_str!("../../profiles/moxa.yaml")),
    ("moxa-models", include_str!("../../profiles/moxa-models.yaml")),
    ("netapp", include_str!("../../profiles/netapp.yaml")),
    ("netgear", include_str!("../../profiles/netgear.yaml")),
    ("omniswitch", include_str!("../../profiles/omniswitch.yaml")),
    ("openwrt", include_str!("../../profiles/openwrt.yaml")),
    ("paloalto", include_str!("../../profiles/paloalto.yaml")),
    (
        "phoenixtec-ups",
        include_str!("../../profiles/phoenixtec-ups.yaml"),
    ),
    ("phones", include_str!("../../profiles/phones.yaml")),
    ("planet", include_str!("../../profiles/planet.yaml")),
    ("poe", include_str!("../../profiles/poe.yaml")),
    ("printer-mib", include_str!("../../profiles/printer-mib.yaml")),
    ("printers", include_str!("../../profiles/printers.yaml")),
    (
        "printers-other",
        include_str!("../../profiles/printers-other.yaml"),
    ),
    ("qnap", include_str!("../../profiles/qnap.yaml")),
    ("rack-pdu", include_str!("../../profiles/rack-pdu.yaml")),
    ("ricoh", include_str!("../../profiles/ricoh.yaml")),
    ("ruckus", include_str!("../../profiles/ruckus.yaml")),
    ("ruijie", include_str!("../../profiles/ruijie.yaml")),
    ("ruijie-tree", include_str!("../../profiles/ruijie-tree.yaml")),
    (
        "server-controllers",
        include_str!("../../profiles/server-controllers.yaml"),
    ),
    ("sonicwall", include_str!("../../profiles/sonicwall.yaml")),
    ("sophos", include_str!("../../profiles/sophos.yaml")),
    ("standard", include_str!("../../profiles/standard.yaml")),
    ("synology", include_str!("../../profiles/synology.yaml")),
    ("sysdescr", include_str!("../../profiles/sysdescr.yaml")),
    ("system", include_str!("../../profiles/system.yaml")),
    ("teltonika", include_str!("../../profiles/teltonika.yaml")),
    ("tp-link", include_str!("../../profiles/tp-link.yaml")),
    ("tripp-lite", include_str!("../../profiles/tripp-lite.yaml")),
    ("truenas", include_str!("../../profiles/truenas.yaml")),
    (
        "ubiquiti-airos",
        include_str!("../../profiles/ubiquiti-airos.yaml"),
    ),
    ("ubiquiti-edge", include_str!("../../profiles/ubiquiti-edge.yaml")),
    (
        "ubiquiti-switch",
        include_str!("../../profiles/ubiquiti-switch.yaml"),
    ),
    (
        "ubiquiti-unifi",
        include_str!("../../profiles/ubiquiti-unifi.yaml"),
    ),
    ("ucd-snmp", include_str!("../../profiles/ucd-snmp.yaml")),
    ("ups-mib", include_str!("../../profiles/ups-mib.yaml")),
    ("ups-rfc1628", include_str!("../../profiles/ups-rfc1628.yaml")),
    ("vendors", include_str!("../../profiles/vendors.yaml")),
    ("vmware", include_str!("../../profiles/vmware.yaml")),
    ("windows", include_str!("../../profiles/windows.yaml")),
    ("wisp-radio", include_str!("../../profiles/wisp-radio.yaml")),
    ("xerox", include_str!("../../profiles/xerox.yaml")),
    ("zte", include_str!("../../profiles/zte.yaml")),
    ("zyxel", include_str!("../../profiles/zyxel.yaml")),
    (
        "zyxel-switches",
        include_str!("../../profiles/zyxel-switches.yaml"),
    ),
];

#[cfg(test)]
mod tests {
    use super::BUILTIN;

    #[test]
    fn every_profile_of_the_folder_is_in_the_list_and_reads_well() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/profiles");
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|e| e.unwrap().path())
            .map(|p| p.file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        names.sort();
        let listed: Vec<&str> = BUILTIN.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, listed);
        if let Err(problems) = crate::profile::load::builtin() {
            panic!("{problems}");
        }
    }
}
