//! Who may call what: every endpoint of the document, called by everybody there is.
//!
//! Invariant checked: the document says of each endpoint whether it asks for a token, and that is so; what somebody may not do
//! is refused with the code for it and changes nothing; what they may do works.

use rstest::rstest;
use serde_json::Value;

use crate::{
    endpoints::{ENDPOINTS, Endpoint, People, Who, World},
    findings::Findings,
};

/// Somebody, in relation to what is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Somebody {
    /// Without a token.
    Nobody,
    /// A guest who has nothing to do with it.
    Guest,
    /// The buyer whose things they are.
    Buyer,
    /// An organizer of something else.
    OtherOrganizer,
    /// The organizer whose event it is.
    Organizer,
    Admin,
}

use Somebody::{Admin, Buyer, Guest, Nobody, Organizer, OtherOrganizer};

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Becomes {
    /// It is carried out.
    Good,
    Refused(u16, &'static str),
    /// It is about whoever calls, who has nothing there: neither refused for who they are nor told of anybody else.
    TheirOwn,
}

/// What of a buyer's also those may have who manage the event.
const SHARED_WITH_MANAGERS: [&str; 4] = [
    "/api/v1/orders/{order_id}",
    "/api/v1/orders/{order_id}/tickets.pdf",
    "/api/v1/tickets/{code}/qr.svg",
    "/api/v1/tickets/{code}/qr.png",
];

/// What managers do with a buyer's order: the buyer may not, and for others there is no such order.
const OF_ORDERS: &str = "/api/v1/orders/{order_id}/";

fn becomes(endpoint: &Endpoint, somebody: Somebody) -> Becomes {
    let foreign =
        || endpoint.foreign.map_or(Becomes::TheirOwn, |(status, code)| Becomes::Refused(status, code));
    match (endpoint.who, somebody) {
        (Who::Anyone, _) | (Who::Buyer, Buyer) | (Who::Organizer, Organizer | Admin) => Becomes::Good,
        (_, Nobody) => Becomes::Refused(401, "unauthenticated"),
        (Who::Organizer, Guest) if endpoint.path.starts_with(OF_ORDERS) => foreign(),
        (Who::Organizer, Guest | Buyer) => Becomes::Refused(403, "forbidden"),
        (Who::Buyer, Organizer | Admin) if SHARED_WITH_MANAGERS.contains(&endpoint.path) => Becomes::Good,
        (Who::Buyer | Who::Organizer, _) => foreign(),
    }
}

/// What servers of one operator tell each other, with a token of their own.
const FOR_SERVERS: &str = "/api/v1/queue/reports";

/// Endpoints where an admin has only what they have made themselves.
const OF_THEIR_MAKER: &str = "/api/v1/webhook-";

async fn tried(
    people: &People,
    world: &World<'_>,
    endpoint: &Endpoint,
    somebody: Somebody,
) -> Option<String> {
    let call = world.anonymous_call(endpoint);
    let call = match somebody {
        Nobody => call,
        Guest => call.by(people.foreign_token(Who::Buyer)),
        Buyer => call.by(people.token(Who::Buyer)?),
        OtherOrganizer => call.by(people.foreign_token(Who::Organizer)),
        Organizer => call.by(people.token(Who::Organizer)?),
        Admin => call.by(people.admin()),
    };
    let mut expected = becomes(endpoint, somebody);
    if somebody == Admin && endpoint.path.starts_with(OF_THEIR_MAKER) {
        expected =
            endpoint.foreign.map_or(Becomes::TheirOwn, |(status, code)| Becomes::Refused(status, code));
    }
    let answer = call.await;
    let status = answer.status;
    let finding = match expected {
        Becomes::Good if status == endpoint.good => return None,
        Becomes::Refused(status, code) => answer.refusal(status, code).err()?,
        Becomes::TheirOwn if status != 401 && status < 500 => return None,
        Becomes::Good | Becomes::TheirOwn => format!("{status} {}", answer.text()),
    };
    Some(format!("{} {} by {somebody:?} should be {expected:?}: {finding}", endpoint.method, endpoint.path))
}

#[rstest]
#[case::of_anyone(Who::Anyone)]
#[case::of_buyers(Who::Buyer)]
#[case::of_organizers(Who::Organizer)]
#[tokio::test]
async fn everybody_calls_every_endpoint(#[case] who: Who) {
    let people = People::gather().await;
    let mut findings = Findings::default();
    for endpoint in ENDPOINTS.iter().filter(|endpoint| endpoint.who == who) {
        let everybody = [Nobody, Guest, Buyer, OtherOrganizer, Organizer, Admin];
        let (refused, allowed): (Vec<_>, Vec<_>) = everybody
            .into_iter()
            .partition(|somebody| matches!(becomes(endpoint, *somebody), Becomes::Refused(..)));
        let world = World::make(&people).await;
        let before = world.state().await;
        for somebody in refused {
            findings.add(tried(&people, &world, endpoint, somebody).await);
        }
        findings.unchanged(&world, endpoint, &before).await;
        for somebody in allowed {
            // What is done once may not be there any more.
            let world = World::make(&people).await;
            findings.add(tried(&people, &world, endpoint, somebody).await);
        }
    }
    findings.none();
}

#[tokio::test]
async fn the_document_says_what_asks_for_a_token() {
    let people = People::gather().await;
    let document = people.onsale.at_root("GET", "/openapi.json").await.ok(200);
    let mut findings = Findings::default();
    let mut operations = 0;
    for (path, calls) in document["paths"].as_object().unwrap() {
        for (method, call) in calls.as_object().unwrap() {
            operations += 1;
            let name = format!("{} {path}", method.to_uppercase());
            let found =
                ENDPOINTS.iter().find(|one| one.path == path && one.method.eq_ignore_ascii_case(method));
            let Some(endpoint) = found else {
                findings.add(Some(format!("{name} is not in the table of endpoints")));
                continue;
            };
            let asks = endpoint.who != Who::Anyone || path == FOR_SERVERS;
            let says = call["security"] == serde_json::json!([{"bearer": []}]);
            findings.check(asks == says, || format!("{name}: security is {}", call["security"]));
            let documented = |status: u16| call["responses"].get(status.to_string()).is_some();
            let mut statuses = vec![endpoint.good];
            if asks {
                statuses.push(401);
            }
            if endpoint.who == Who::Organizer {
                statuses.push(403);
            }
            statuses.extend(endpoint.foreign.map(|(status, _)| status));
            for status in statuses {
                findings.check(documented(status), || format!("{name}: {status} is not documented"));
            }
        }
    }
    assert!(operations > 70, "{operations}");
    assert!(document["components"]["securitySchemes"]["bearer"] != Value::Null);
    findings.none();
}
