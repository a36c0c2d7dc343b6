//! Settings of proxies: who is one, and what is believed of them.
//!
//! Invariant: of the headers in which a proxy may say who asks, one is read.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{BadSetting, bad};

/// Which header trusted proxies say in where a request comes from. The other one is whatever the client wrote into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ForwardedHeader {
    XForwardedFor,
    /// RFC 7239.
    Forwarded,
}

/// The header that is meant; what proxies commonly send unless told.
pub(super) fn forwarded_header(name: Option<&str>) -> Result<ForwardedHeader, BadSetting> {
    match name.map(str::to_ascii_lowercase).as_deref() {
        None | Some("x-forwarded-for") => Ok(ForwardedHeader::XForwardedFor),
        Some("forwarded") => Ok(ForwardedHeader::Forwarded),
        Some(other) => Err(bad("forwarded_header", other, "x-forwarded-for or forwarded")),
    }
}

/// Networks, or single addresses.
pub(super) fn networks(setting: &str, items: Vec<String>) -> Result<Vec<IpNet>, BadSetting> {
    let parse = |item: String| {
        let single = item.parse::<IpAddr>().map(IpNet::from);
        single
            .or_else(|_| item.parse())
            .map_err(|_| bad(setting, &item, "addresses or networks, such as 10.0.0.0/8 or ::1"))
    };
    items.into_iter().map(parse).collect()
}
