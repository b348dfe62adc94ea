//! Any bytes as a recording; what was read is read the same when it is written again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tramgac::lab::snmprec;
use tramgac::model::snmp::VarBind;
use tramgac::probe::snmp::text;

fuzz_target!(|bytes: &[u8]| {
    let read = snmprec::parse(bytes);
    let mut again = String::new();
    for (oid, value) in read.rows.iter() {
        let binding = VarBind {
            oid: oid.clone(),
            value: value.clone(),
        };
        if let Some(line) = text::snmprec(&binding) {
            again.push_str(&line);
            again.push('\n');
        }
    }
    let second = snmprec::parse(again.as_bytes());
    assert_eq!(second.rows, read.rows);
    assert!(second.skipped.is_empty(), "not read: {again}");
});
