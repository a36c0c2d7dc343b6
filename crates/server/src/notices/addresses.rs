//! Which addresses a notice may go to: those of the public Internet, unless a setting allows others.
//!
//! Invariant: what is connected to is what was checked: a name is looked up once for each connection, here, and only
//! addresses that may be used come back.

use std::{
    future::Future,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use reqwest::{
    Url,
    dns::{Addrs, Name, Resolve, Resolving},
};

/// How long looking a name up may take.
const LOOK_UP_WITHIN: Duration = Duration::from_secs(5);

/// The longest address of an endpoint.
const MAX_URL: usize = 2_000;

/// Blocks of IPv4 that are nobody's on the Internet, or everybody's (IANA, special-purpose address registry, and
/// multicast), each with the length of its prefix.
const SPECIAL_V4: [(Ipv4Addr, u32); 16] = [
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 31, 196, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// The blocks of 2000::/3, which is all of IPv6 that is handed out, that are special: protocol assignments with Teredo,
/// documentation, and 6to4, which has an IPv4 address in it.
const SPECIAL_V6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Whether an address is somebody's on the Internet.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => !SPECIAL_V4
            .iter()
            .any(|(block, prefix)| (address.to_bits() ^ block.to_bits()).leading_zeros() >= *prefix),
        IpAddr::V6(address) => {
            let within = |(block, prefix): &(Ipv6Addr, u32)| {
                (address.to_bits() ^ block.to_bits()).leading_zeros() >= *prefix
            };
            address.segments()[0] & 0xe000 == 0x2000 && !SPECIAL_V6.iter().any(within)
        }
    }
}

/// An address that a notice must not go to.
#[derive(Debug, thiserror::Error)]
#[error("{0} is not an address of the public Internet")]
pub(super) struct NotPublic(String);

/// The address of an endpoint, where it may be one; else what is wrong with it. What a name stands for is looked up when
/// something is sent.
pub(crate) fn checked_url(text: &str, allow_private: bool) -> Result<Url, &'static str> {
    if text.len() > MAX_URL {
        return Err("must have at most 2,000 characters");
    }
    let url: Url = text.parse().map_err(|_| "must be an address such as https://example.com/hooks")?;
    if url.scheme() != "https" && !(allow_private && url.scheme() == "http") {
        return Err("must begin with https://");
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err("must have no user, password or fragment");
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err("must name a host");
    }
    if !allow_private && literal(&url).is_some_and(|address| !is_public(address)) {
        return Err("must be on the public Internet");
    }
    Ok(url)
}

/// The address that stands in a URL instead of a name; nobody looks that up.
pub(super) fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Refuses an address that stands in a URL and may not be used.
pub(super) fn check_literal(url: &Url, allow_private: bool) -> Result<(), NotPublic> {
    match literal(url) {
        Some(address) if !allow_private && !is_public(address) => Err(NotPublic(address.to_string())),
        _ => Ok(()),
    }
}

type LookedUp = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// How names are looked up.
pub(super) type LookUp = Arc<dyn Fn(String) -> LookedUp + Send + Sync>;

/// By the system.
pub(super) fn by_system() -> LookUp {
    Arc::new(|name| {
        Box::pin(async move {
            let looking = tokio::net::lookup_host((name, 0));
            let found = tokio::time::timeout(LOOK_UP_WITHIN, looking).await;
            Ok(found.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??.collect())
        })
    })
}

/// Looks names up, and gives the addresses that may be used.
pub(super) struct Checked {
    pub(super) look_up: LookUp,
    pub(super) allow_private: bool,
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let (name, allow_private) = (name.as_str().to_owned(), self.allow_private);
        let found = (self.look_up)(name.clone());
        Box::pin(async move {
            let mut found = found.await?;
            found.retain(|address| allow_private || is_public(address.ip()));
            if found.is_empty() {
                return Err(NotPublic(name).into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_internet_are_public() {
        for address in
            ["1.1.1.1", "93.184.216.34", "172.32.0.1", "2606:4700::1111", "::ffff:1.1.1.1", "2a00::1"]
        {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn all_others_are_not() {
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.170",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.19.0.1",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn endpoints_have_an_address_on_the_internet() {
        for good in ["https://example.com/hooks?a=b", "https://1.1.1.1:8443/", "https://[2606:4700::1111]/x"]
        {
            assert!(checked_url(good, false).is_ok(), "{good}");
        }
        let long = format!("https://example.com/{}", "x".repeat(2_000));
        for bad in [
            "",
            "example.com",
            "http://example.com/",
            "ftp://example.com/",
            "file:///etc/passwd",
            "https://user@example.com/",
            "https://user:password@example.com/",
            "https://example.com/#part",
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f.0.0.1/",
            "https://0177.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://169.254.169.254/latest/meta-data/",
            &long,
        ] {
            assert!(checked_url(bad, false).is_err(), "{bad}");
        }
        assert!(checked_url("http://127.0.0.1:8080/", true).is_ok());
    }
}
