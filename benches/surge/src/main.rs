//! FIRST HOSTS COUNT: pings all hosts with surge-ping, COUNT echoes each, 128 hosts at
//! a time (with more it loses replies in a socket's ordinary buffer), on one thread, and
//! prints requests and replies to standard error, as the other contenders do.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use surge_ping::Client;
use surge_ping::Config;
use surge_ping::PingIdentifier;
use surge_ping::PingSequence;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

const AT_ONCE: usize = 128;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [first, hosts, count] = arguments.as_slice() else {
        return Err("FIRST HOSTS COUNT".into());
    };
    let first = u32::from(first.parse::<Ipv4Addr>()?);
    let (hosts, count): (u32, u16) = (hosts.parse()?, count.parse()?);
    let client = Client::new(&Config::default())?;
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    let mut received = 0_u64;
    for n in 0..hosts {
        let place = Arc::clone(&places).acquire_owned().await?;
        let address = IpAddr::from(Ipv4Addr::from(first + n));
        let ident = PingIdentifier(u16::try_from(n % 65_536)?);
        // A clone of the client that is dropped ends the client.
        let mut pinger = client.pinger(address, ident).await;
        tasks.spawn(async move {
            pinger.timeout(Duration::from_millis(500));
            let mut received = 0_u64;
            for seq in 0..count {
                received += u64::from(pinger.ping(PingSequence(seq), &[0; 56]).await.is_ok());
            }
            drop(place);
            received
        });
        while let Some(done) = tasks.try_join_next() {
            received += done?;
        }
    }
    while let Some(done) = tasks.join_next().await {
        received += done?;
    }
    eprintln!("{} {received}", u64::from(hosts) * u64::from(count));
    Ok(())
}
