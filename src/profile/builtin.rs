//! The profiles that the program brings along: `profiles/*.yaml`, sorted by name.

/// Name and text of each. A test checks that no file is missing.
pub static BUILTIN: &[(&str, &str)] = &[
    ("bridge", include_str!("../../profiles/bridge.yaml")),
    ("cdp", include_str!("../../profiles/cdp.yaml")),
    ("entity-mib", include_str!("../../profiles/entity-mib.yaml")),
    ("generic", include_str!("../../profiles/generic.yaml")),
    (
        "host-resources",
        include_str!("../../profiles/host-resources.yaml"),
    ),
    ("iana-if-type", include_str!("../../profiles/iana-if-type.yaml")),
    ("if-mib", include_str!("../../profiles/if-mib.yaml")),
    ("ip-mib", include_str!("../../profiles/ip-mib.yaml")),
    ("lldp", include_str!("../../profiles/lldp.yaml")),
    ("poe", include_str!("../../profiles/poe.yaml")),
    ("printer-mib", include_str!("../../profiles/printer-mib.yaml")),
    ("standard", include_str!("../../profiles/standard.yaml")),
    ("system", include_str!("../../profiles/system.yaml")),
    ("ucd-snmp", include_str!("../../profiles/ucd-snmp.yaml")),
    ("ups-mib", include_str!("../../profiles/ups-mib.yaml")),
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
