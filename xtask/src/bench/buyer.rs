//! Somebody who asks for something, as the server sees them.
//!
//! Invariant: where limits are on, every buyer has a network address that nobody else has.

use bytes::Bytes;
use hyper::http::{HeaderName, HeaderValue, Method, Uri};

use super::client::{Call, call, with};
use super::stage::Stores;

static FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The settings of a server with its limits on, to which buyers come through a proxy that it trusts: the client.
pub(crate) fn limited() -> Stores {
    vec![("ONSALE_LIMITS__ENABLED", "true".to_owned()), ("ONSALE_TRUSTED_PROXIES", "127.0.0.1/32".to_owned())]
}

/// Somebody.
#[derive(Clone, Debug)]
pub(crate) struct Buyer {
    token: Option<HeaderValue>,
    /// As the proxy says it; without one they come by themselves.
    address: Option<HeaderValue>,
}

impl Buyer {
    /// Who comes by themselves.
    pub(crate) fn direct(token: HeaderValue) -> Self {
        Self { token: Some(token), address: None }
    }

    /// The buyer with this number through the proxy, of up to 2²⁴.
    pub(crate) fn forwarded(token: Option<HeaderValue>, number: u64) -> anyhow::Result<Self> {
        let [.., a, b, c] = number.to_be_bytes();
        Ok(Self { token, address: Some(HeaderValue::from_str(&format!("10.{a}.{b}.{c}"))?) })
    }

    /// These, through the proxy.
    pub(crate) fn all_forwarded(tokens: Vec<HeaderValue>) -> anyhow::Result<Vec<Self>> {
        tokens.into_iter().zip(0..).map(|(token, number)| Self::forwarded(Some(token), number)).collect()
    }

    /// A request of theirs.
    pub(crate) fn ask(&self, method: Method, path: &Uri, json: Option<Bytes>) -> Call {
        self.sent(call(method, path, self.token.as_ref(), json))
    }

    /// A look at what everybody may see.
    pub(crate) fn look(&self, path: &Uri) -> Call {
        self.sent(call(Method::GET, path, None, None))
    }

    fn sent(&self, call: Call) -> Call {
        match &self.address {
            Some(address) => with(call, &FORWARDED_FOR, address),
            None => call,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_an_address_of_their_own() {
        let path = Uri::from_static("/");
        let address = |number| {
            let buyer = Buyer::forwarded(None, number).unwrap();
            buyer.look(&path).headers()["x-forwarded-for"].to_str().unwrap().to_owned()
        };
        assert_eq!(address(0), "10.0.0.0");
        assert_eq!(address(258), "10.0.1.2");
        assert_eq!(address((1 << 24) - 1), "10.255.255.255");
        assert!(
            Buyer::direct(HeaderValue::from_static("Bearer x"))
                .look(&path)
                .headers()
                .get("x-forwarded-for")
                .is_none()
        );
    }
}
