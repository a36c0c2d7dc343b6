//! Every endpoint: who may call it, what a good call looks like, and what of it may be left out.
//!
//! Invariant: the table is complete; `bad_input` compares it with `/openapi.json`.

use serde_json::{Value, json};

use crate::support::{PASSWORD, grid, payment, won};

mod world;

pub(crate) use world::{People, World};

/// Who makes a good call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// No token is needed, and none is looked at.
    Anyone,
    /// The buyer of the world, who has an account.
    Buyer,
    /// The organizer of the world.
    Organizer,
}

/// An endpoint as it should be called.
pub(crate) struct Endpoint {
    pub(crate) method: &'static str,
    /// As it stands in the document.
    pub(crate) path: &'static str,
    pub(crate) who: Who,
    /// The status of a good call.
    pub(crate) good: u16,
    /// A good body, in a world.
    pub(crate) body: Option<fn(&World) -> Value>,
    /// JSON pointers into the body: what may be missing.
    pub(crate) missing: &'static [&'static str],
    /// What may be `null`.
    pub(crate) null: &'static [&'static str],
    /// The code for a body of the wrong form.
    pub(crate) malformed: &'static str,
    /// What odd text is refused with, where that is not as malformed.
    pub(crate) odd_text: Option<(u16, &'static str)>,
    /// What somebody of the right kind gets who has nothing to do with it.
    pub(crate) foreign: Option<(u16, &'static str)>,
    /// Whether it takes `limit` and `cursor`.
    pub(crate) paged: bool,
    /// Whether it takes the buyer's ticket of the waiting room.
    pub(crate) ticket: bool,
}

const fn endpoint(method: &'static str, path: &'static str, who: Who, good: u16) -> Endpoint {
    Endpoint {
        method,
        path,
        who,
        good,
        body: None,
        missing: &[],
        null: &[],
        malformed: "validation",
        odd_text: None,
        foreign: None,
        paged: false,
        ticket: false,
    }
}

const fn list(path: &'static str, who: Who) -> Endpoint {
    Endpoint { paged: true, ..endpoint("GET", path, who, 200) }
}

const fn export(path: &'static str) -> Endpoint {
    Endpoint { foreign: FORBIDDEN, ..endpoint("GET", path, Who::Organizer, 200) }
}

const FORBIDDEN: Option<(u16, &str)> = Some((403, "forbidden"));
const UNKNOWN: Option<(u16, &str)> = Some((404, "not_found"));

/// All of them.
pub(crate) const ENDPOINTS: &[Endpoint] = &[
    endpoint("GET", "/health", Who::Anyone, 200),
    endpoint("GET", "/health/live", Who::Anyone, 200),
    endpoint("GET", "/health/ready", Who::Anyone, 200),
    endpoint("GET", "/metrics", Who::Anyone, 200),
    Endpoint {
        body: Some(|world| json!({"email": world.new_email, "password": PASSWORD, "name": "Lee"})),
        ..endpoint("POST", "/api/v1/auth/signup", Who::Anyone, 201)
    },
    Endpoint {
        body: Some(|_| json!({"email": REGULAR, "password": PASSWORD})),
        odd_text: Some((401, "bad_credentials")),
        ..endpoint("POST", "/api/v1/auth/login", Who::Anyone, 200)
    },
    Endpoint {
        body: Some(|world| json!({"refresh_token": world.refresh_token})),
        odd_text: Some((401, "unauthenticated")),
        ..endpoint("POST", "/api/v1/auth/refresh", Who::Anyone, 200)
    },
    endpoint("POST", "/api/v1/auth/logout", Who::Buyer, 204),
    endpoint("POST", "/api/v1/auth/guest", Who::Anyone, 201),
    endpoint("GET", "/api/v1/me", Who::Buyer, 200),
    endpoint("GET", "/api/v1/me/data", Who::Buyer, 200),
    endpoint("GET", "/api/v1/me/wallet", Who::Buyer, 200),
    list("/api/v1/events", Who::Anyone),
    Endpoint {
        body: Some(new_event),
        // All of it but the title.
        missing: EVENT_MISSING.split_at(1).1,
        null: &["/description", "/settings", "/settings/waiting_room/opens_at"],
        ..endpoint("POST", "/api/v1/events", Who::Organizer, 201)
    },
    endpoint("GET", "/api/v1/events/{event_id}", Who::Anyone, 200),
    Endpoint {
        body: Some(new_event),
        missing: EVENT_MISSING,
        null: &["/title", "/description", "/settings", "/settings/waiting_room/opens_at"],
        foreign: FORBIDDEN,
        ..endpoint("PATCH", "/api/v1/events/{event_id}", Who::Organizer, 200)
    },
    Endpoint { foreign: FORBIDDEN, ..endpoint("DELETE", "/api/v1/events/{event_id}", Who::Organizer, 204) },
    Endpoint { foreign: FORBIDDEN, ..list("/api/v1/events/{event_id}/orders", Who::Organizer) },
    Endpoint { foreign: FORBIDDEN, ..list("/api/v1/events/{event_id}/actions", Who::Organizer) },
    Endpoint { foreign: FORBIDDEN, ..endpoint("GET", "/api/v1/events/{event_id}/sale", Who::Organizer, 200) },
    export("/api/v1/events/{event_id}/orders.csv"),
    export("/api/v1/events/{event_id}/payments.csv"),
    export("/api/v1/events/{event_id}/ledger-entries.csv"),
    list("/api/v1/seating-plans", Who::Anyone),
    Endpoint {
        body: Some(|_| plan()),
        malformed: "invalid_plan",
        ..endpoint("POST", "/api/v1/seating-plans", Who::Organizer, 201)
    },
    endpoint("GET", "/api/v1/seating-plans/{plan_id}", Who::Anyone, 200),
    list("/api/v1/events/{event_id}/performances", Who::Anyone),
    Endpoint {
        body: Some(new_performance),
        missing: &[
            "/plan",
            "/areas",
            "/areas/0",
            "/areas/0/price",
            "/prices",
            "/prices/standard",
            "/sale_opens_at",
            "/sale_closes_at",
        ],
        null: &["/plan", "/areas", "/areas/0/price", "/prices", "/sale_opens_at", "/sale_closes_at"],
        foreign: FORBIDDEN,
        ..endpoint("POST", "/api/v1/events/{event_id}/performances", Who::Organizer, 201)
    },
    endpoint("GET", "/api/v1/performances/{performance_id}", Who::Anyone, 200),
    Endpoint {
        body: Some(|_| {
            json!({"starts_at": "2030-12-24T20:00:00Z", "sale_opens_at": "2030-01-01T00:00:00Z",
                "sale_closes_at": "2030-02-01T00:00:00Z", "reason": "moved"})
        }),
        missing: &["/starts_at", "/sale_opens_at", "/sale_closes_at", "/reason"],
        null: &["/starts_at", "/sale_opens_at", "/sale_closes_at", "/reason"],
        foreign: FORBIDDEN,
        ..endpoint("PATCH", "/api/v1/performances/{performance_id}", Who::Organizer, 200)
    },
    Endpoint {
        body: Some(|_| json!({"by_s": 600, "reason": "the bank is slow"})),
        missing: &["/reason"],
        null: &["/reason"],
        foreign: FORBIDDEN,
        ..endpoint("POST", "/api/v1/performances/{performance_id}/holds/extend", Who::Organizer, 200)
    },
    endpoint("GET", "/api/v1/performances/{performance_id}/plan", Who::Anyone, 200),
    endpoint("GET", "/api/v1/performances/{performance_id}/seats", Who::Anyone, 200),
    endpoint("GET", "/api/v1/performances/{performance_id}/seats/{seat_id}", Who::Anyone, 200),
    endpoint("GET", "/api/v1/performances/{performance_id}/availability", Who::Anyone, 200),
    // Asked as these tests ask, without a WebSocket; `live` asks rightly.
    endpoint("GET", "/api/v1/performances/{performance_id}/live", Who::Anyone, 400),
    Endpoint {
        foreign: FORBIDDEN,
        ..endpoint("GET", "/api/v1/performances/{performance_id}/stats", Who::Organizer, 200)
    },
    Endpoint {
        foreign: FORBIDDEN,
        ..endpoint("POST", "/api/v1/performances/{performance_id}/reconcile", Who::Organizer, 200)
    },
    Endpoint {
        body: Some(|_| json!({"seat_ids": [6], "blocked": true, "reason": "a camera"})),
        missing: &["/reason"],
        null: &["/reason"],
        foreign: FORBIDDEN,
        ..endpoint("POST", "/api/v1/performances/{performance_id}/blocks", Who::Organizer, 200)
    },
    Endpoint {
        body: Some(|_| json!({"seat_ids": [5]})),
        ..endpoint("POST", "/api/v1/performances/{performance_id}/reservations", Who::Buyer, 201)
    },
    list("/api/v1/me/reservations", Who::Buyer),
    Endpoint {
        foreign: UNKNOWN,
        ..endpoint("GET", "/api/v1/reservations/{reservation_id}", Who::Buyer, 200)
    },
    Endpoint {
        foreign: UNKNOWN,
        ..endpoint("DELETE", "/api/v1/reservations/{reservation_id}", Who::Buyer, 204)
    },
    Endpoint {
        foreign: UNKNOWN,
        ..endpoint("POST", "/api/v1/reservations/{reservation_id}/extend", Who::Buyer, 200)
    },
    Endpoint {
        body: Some(|_| {
            let mut body = payment("simulated");
            body["buyer"]["phone"] = json!("010-1234-5678");
            body["buyer"]["language"] = json!("ko");
            body["buyer"]["time_zone"] = json!("Asia/Seoul");
            body
        }),
        missing: &["/buyer/phone", "/buyer/email", "/buyer/language", "/buyer/time_zone"],
        null: &["/buyer/phone", "/buyer/email", "/buyer/language", "/buyer/time_zone"],
        foreign: UNKNOWN,
        ..endpoint("POST", "/api/v1/reservations/{reservation_id}/confirm", Who::Buyer, 201)
    },
    // Nothing is being paid.
    Endpoint {
        foreign: UNKNOWN,
        ..endpoint("POST", "/api/v1/reservations/{reservation_id}/resume", Who::Buyer, 204)
    },
    endpoint("GET", "/api/v1/payment-methods", Who::Anyone, 200),
    list("/api/v1/me/orders", Who::Buyer),
    Endpoint { foreign: UNKNOWN, ..endpoint("GET", "/api/v1/orders/{order_id}", Who::Buyer, 200) },
    Endpoint {
        body: Some(|_| json!({"keep_seats": false, "seat_ids": [2]})),
        missing: &["/keep_seats", "/seat_ids"],
        foreign: UNKNOWN,
        ..endpoint("POST", "/api/v1/orders/{order_id}/refund", Who::Organizer, 200)
    },
    // Nobody sends here; `letters` asks where somebody does.
    Endpoint {
        body: Some(|_| json!({"email": "door@example.com", "language": "en", "time_zone": "UTC"})),
        missing: &["/email", "/language", "/time_zone"],
        null: &["/email", "/language", "/time_zone"],
        foreign: UNKNOWN,
        ..endpoint("POST", "/api/v1/orders/{order_id}/tickets/resend", Who::Organizer, 409)
    },
    Endpoint {
        foreign: UNKNOWN,
        ..endpoint("GET", "/api/v1/orders/{order_id}/tickets.pdf", Who::Buyer, 200)
    },
    Endpoint { foreign: UNKNOWN, ..endpoint("GET", "/api/v1/tickets/{code}/qr.svg", Who::Buyer, 200) },
    Endpoint { foreign: UNKNOWN, ..endpoint("GET", "/api/v1/tickets/{code}/qr.png", Who::Buyer, 200) },
    Endpoint {
        body: Some(|world| json!({"performance_id": world.ids[1].1})),
        missing: &["/performance_id"],
        null: &["/performance_id"],
        foreign: UNKNOWN,
        ..endpoint("POST", "/api/v1/tickets/{code}/check-in", Who::Organizer, 200)
    },
    Endpoint {
        foreign: UNKNOWN,
        ..endpoint("DELETE", "/api/v1/tickets/{code}/check-in", Who::Organizer, 204)
    },
    Endpoint {
        foreign: FORBIDDEN,
        ..endpoint("GET", "/api/v1/performances/{performance_id}/check-ins", Who::Organizer, 200)
    },
    // Again: the buyer has a place.
    endpoint("POST", "/api/v1/events/{event_id}/queue", Who::Buyer, 200),
    Endpoint { ticket: true, ..endpoint("GET", "/api/v1/events/{event_id}/queue", Who::Anyone, 200) },
    Endpoint { ticket: true, ..endpoint("DELETE", "/api/v1/events/{event_id}/queue", Who::Anyone, 204) },
    // Asked without the ticket in the query; `queue` asks rightly.
    endpoint("GET", "/api/v1/events/{event_id}/queue/stream", Who::Anyone, 403),
    // Nothing is on sale, so it is nobody's turn.
    Endpoint {
        ticket: true,
        foreign: Some((403, "ticket_invalid")),
        ..endpoint("POST", "/api/v1/events/{event_id}/queue/enter", Who::Buyer, 425)
    },
    // The event has no return line; `queue` asks where there is one.
    Endpoint {
        ticket: true,
        body: Some(|world| {
            json!({"performance_id": world.ids[1].1, "quantity": 2, "together": true,
            "category": "standard", "area_id": 1, "email": "kim@example.com", "language": "ko",
            "time_zone": "Asia/Seoul"})
        }),
        missing: &["/together", "/category", "/area_id", "/email", "/language", "/time_zone"],
        null: &["/category", "/area_id", "/email", "/language", "/time_zone"],
        foreign: Some((403, "ticket_invalid")),
        ..endpoint("PUT", "/api/v1/events/{event_id}/queue/wish", Who::Buyer, 409)
    },
    Endpoint {
        ticket: true,
        foreign: Some((403, "ticket_invalid")),
        ..endpoint("GET", "/api/v1/events/{event_id}/queue/wish", Who::Buyer, 404)
    },
    Endpoint {
        ticket: true,
        foreign: Some((403, "ticket_invalid")),
        ..endpoint("DELETE", "/api/v1/events/{event_id}/queue/wish", Who::Buyer, 204)
    },
    Endpoint {
        body: Some(|_| json!({"pass": "x", "event_id": "01a1fcad-dbf5-78c0-a41a-138665a747ec"})),
        odd_text: Some((403, "pass_invalid")),
        ..endpoint("POST", "/api/v1/queue/passes/verify", Who::Anyone, 403)
    },
    // For servers, which have their own kind of token.
    endpoint("POST", "/api/v1/queue/reports", Who::Anyone, 401),
    endpoint("GET", "/api/v1/events/{event_id}/queue/draw", Who::Anyone, 200),
    endpoint("GET", "/api/v1/events/{event_id}/queue/draw/entries", Who::Anyone, 200),
    Endpoint { ticket: true, ..endpoint("GET", "/api/v1/events/{event_id}/queue/receipt", Who::Anyone, 404) },
    Endpoint {
        foreign: FORBIDDEN,
        ..endpoint("GET", "/api/v1/events/{event_id}/queue/control", Who::Organizer, 200)
    },
    Endpoint {
        body: Some(
            |_| json!({"paused": false, "admit_per_second": 10, "max_inside": 20, "closed": false, "reason": "x"}),
        ),
        missing: &["/paused", "/admit_per_second", "/max_inside", "/closed", "/reason"],
        null: &["/paused", "/admit_per_second", "/max_inside", "/closed", "/reason"],
        foreign: FORBIDDEN,
        ..endpoint("PATCH", "/api/v1/events/{event_id}/queue/control", Who::Organizer, 200)
    },
    endpoint("GET", "/api/v1/webhook-endpoints", Who::Organizer, 200),
    Endpoint {
        body: Some(|_| json!({"url": "https://hooks.invalid/", "events": ["order.paid", "order.failed"]})),
        missing: &["/events/0", "/events/1"],
        ..endpoint("POST", "/api/v1/webhook-endpoints", Who::Organizer, 201)
    },
    Endpoint {
        foreign: UNKNOWN,
        ..endpoint("DELETE", "/api/v1/webhook-endpoints/{endpoint_id}", Who::Organizer, 204)
    },
    list("/api/v1/webhook-deliveries", Who::Organizer),
    Endpoint {
        foreign: UNKNOWN,
        ..endpoint("POST", "/api/v1/webhook-deliveries/{delivery_id}/replay", Who::Organizer, 202)
    },
    endpoint("GET", "/api/v1/unsettled-payments", Who::Organizer, 200),
    // Nobody delivers where no provider does.
    endpoint("POST", "/api/v1/webhooks/{provider}", Who::Anyone, 404),
    // The last: whoever calls it is nobody afterwards, and whoever has money is not let go.
    endpoint("DELETE", "/api/v1/me/data", Who::Buyer, 200),
    Endpoint {
        body: Some(|_| json!({"amount": won(100)})),
        ..endpoint("POST", "/api/v1/me/wallet/top-ups", Who::Buyer, 201)
    },
];

const EVENT_MISSING: &[&str] = &[
    "/title",
    "/description",
    "/settings",
    "/settings/hold_ttl_s",
    "/settings/max_seats_per_buyer",
    "/settings/max_extensions",
    "/settings/buyer_identity",
    "/settings/currency",
    "/settings/waiting_room",
    "/settings/waiting_room/mode",
    "/settings/waiting_room/opens_at",
    "/settings/waiting_room/admit_per_second",
    "/settings/waiting_room/one_place_per",
];

const BUYER: &str = "buyer@example.com";

/// Somebody who logs in again and again; the buyer may be erased.
const REGULAR: &str = "regular@example.com";

fn new_event(_: &World) -> Value {
    json!({"title": "A winter's tale", "description": "In two acts.", "settings": {
        "hold_ttl_s": 60, "max_seats_per_buyer": 6, "max_extensions": 2, "buyer_identity": "guest",
        "currency": "KRW", "waiting_room": {"mode": "off", "opens_at": "2030-01-01T00:00:00Z",
            "admit_per_second": 10, "one_place_per": "buyer"}}})
}

fn new_performance(_: &World) -> Value {
    let mut body = grid(2, 3);
    body["areas"] = json!([{"label": "Pit", "capacity": 5, "price": won(300)}]);
    body["sale_opens_at"] = json!("2030-01-01T00:00:00Z");
    body["sale_closes_at"] = json!("2030-02-01T00:00:00Z");
    body
}

fn plan() -> Value {
    json!({"name": "Small", "categories": [{"name": "A", "color": "#ff0000"}], "size": {"width": 9, "height": 9},
        "zones": [{"name": "Z", "position": {"x": 0, "y": 0}, "rows": [{"row_number": "1",
            "position": {"x": 0, "y": 0}, "seats": [{"seat_guid": "g", "seat_number": "1", "category": "A",
                "position": {"x": 1, "y": 1}}]}]}]})
}
