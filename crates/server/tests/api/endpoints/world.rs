//! What good calls are made with: people, and fresh things of theirs.

use serde_json::{Value, json};

use super::{BUYER, Endpoint, REGULAR, Who, plan};
use crate::{
    calls::Call,
    support::{Onsale, grid, payment, text},
};

/// People, for as long as a program runs.
pub(crate) struct People {
    pub(crate) onsale: Onsale,
    organizer: String,
    buyer: String,
    /// An organizer and a guest who have nothing to do with the rest.
    other_organizer: String,
    stranger: String,
    admin: String,
}

impl People {
    pub(crate) async fn gather() -> Self {
        let onsale = Onsale::start();
        onsale.sign_up(REGULAR).await;
        Self {
            organizer: onsale.organizer().await,
            buyer: onsale.sign_up(BUYER).await,
            other_organizer: onsale.account("other@example.com", "organizer").await,
            stranger: onsale.guest().await,
            admin: onsale.account("admin@example.com", "admin").await,
            onsale,
        }
    }

    /// The token of a good call.
    pub(crate) fn token(&self, who: Who) -> Option<&str> {
        match who {
            Who::Anyone => None,
            Who::Buyer => Some(&self.buyer),
            Who::Organizer => Some(&self.organizer),
        }
    }

    /// The token of somebody who manages everything.
    pub(crate) fn admin(&self) -> &str {
        &self.admin
    }

    /// The token of somebody else of the same kind.
    pub(crate) fn foreign_token(&self, who: Who) -> &str {
        if who == Who::Organizer { &self.other_organizer } else { &self.stranger }
    }
}

/// Fresh things to make one good call with: an event without performances, a show with six seats of which the
/// buyer holds the first and has bought the second.
pub(crate) struct World<'a> {
    people: &'a People,
    pub(super) new_email: String,
    pub(super) refresh_token: String,
    /// Of the buyer's place in the event's waiting room.
    ticket: String,
    pub(super) ids: [(&'static str, String); 10],
}

/// The one endpoint of the organizer, where nobody is: in the place of earlier ones, which are too many some time.
async fn told_of_orders(People { onsale, organizer, .. }: &People) -> String {
    let path = "/webhook-endpoints";
    for earlier in onsale.get(path).by(organizer).await.ok(200)["items"].as_array().unwrap() {
        onsale.delete(&format!("{path}/{}", text(&earlier["id"]))).by(organizer).await.empty(204);
    }
    let body = json!({"url": "https://hooks.invalid/", "events": ["order.paid"]});
    text(&onsale.post(path, &body).by(organizer).await.ok(201)["id"])
}

impl<'a> World<'a> {
    pub(crate) async fn make(people: &'a People) -> Self {
        let People { onsale, organizer, buyer, .. } = people;
        let event = onsale.event(organizer, &json!({"waiting_room": {"mode": "on"}})).await;
        let show = onsale.event(organizer, &json!({"max_seats_per_buyer": 6})).await;
        let performance = onsale.performance(organizer, &show, &grid(2, 3)).await;
        let plan = text(&onsale.post("/seating-plans", &plan()).by(organizer).await.ok(201)["id"]);
        let hold = async |seat: u32| {
            let path = format!("/performances/{performance}/reservations");
            text(&onsale.post(&path, &json!({"seat_ids": [seat]})).by(buyer).await.ok(201)["id"])
        };
        let joined = onsale.post(&format!("/events/{event}/queue"), &json!({})).by(buyer).await.ok(201);
        let program = told_of_orders(people).await;
        let (reservation, paid) = (hold(1).await, hold(2).await);
        let confirm = format!("/reservations/{paid}/confirm");
        let order = onsale.post(&confirm, &payment("simulated")).by(buyer).await.ok(201);
        let told = onsale.get("/webhook-deliveries?limit=1").by(organizer).await.ok(200);
        Self {
            people,
            new_email: format!("{event}@example.com"),
            refresh_token: text(&onsale.log_in(REGULAR).await["refresh_token"]),
            ticket: text(&joined["ticket"]),
            ids: [
                ("{event_id}", event),
                ("{performance_id}", performance),
                ("{plan_id}", plan),
                ("{seat_id}", "1".to_owned()),
                ("{reservation_id}", reservation),
                ("{order_id}", text(&order["id"])),
                ("{code}", text(&order["tickets"][0]["code"])),
                ("{provider}", "stripe".to_owned()),
                ("{endpoint_id}", program),
                ("{delivery_id}", text(&told["items"][0]["id"])),
            ],
        }
    }

    /// A good call, without its token.
    pub(crate) fn anonymous_call(&self, endpoint: &Endpoint) -> Call {
        self.call_at(endpoint, &self.path(endpoint))
    }

    /// A good call.
    pub(crate) fn call(&self, endpoint: &Endpoint) -> Call {
        let call = self.anonymous_call(endpoint);
        match self.people.token(endpoint.who) {
            Some(token) => call.by(token),
            None => call,
        }
    }

    /// A call that is good but for its path.
    pub(crate) fn call_at(&self, endpoint: &Endpoint, path: &str) -> Call {
        let mut call = self.people.onsale.at_root(endpoint.method, path);
        if endpoint.ticket {
            call = call.header("queue-ticket", &self.ticket);
        }
        match self.body(endpoint) {
            Some(body) => call.json(&body),
            None => call,
        }
    }

    pub(crate) fn body(&self, endpoint: &Endpoint) -> Option<Value> {
        endpoint.body.map(|body| body(self))
    }

    /// The path with this world's ids.
    pub(crate) fn path(&self, endpoint: &Endpoint) -> String {
        let ids = self.ids.iter();
        ids.fold(endpoint.path.to_owned(), |path, (name, id)| path.replace(name, id))
    }

    /// The paths with one parameter replaced, each with the code that it deserves.
    pub(crate) fn paths_with(&self, endpoint: &Endpoint, id: &str) -> Vec<(String, &'static str)> {
        let wanted = self.ids.iter().filter(|(name, _)| endpoint.path.contains(name));
        wanted
            .map(|(name, _)| {
                let code = if *name == "{seat_id}" { "seat_not_found" } else { "not_found" };
                let odd = endpoint.path.replace(name, id);
                (self.ids.iter().fold(odd, |path, (name, id)| path.replace(name, id)), code)
            })
            .collect()
    }

    /// Everything that a bad call could have changed.
    pub(crate) async fn state(&self) -> Vec<Value> {
        let People { onsale, organizer, buyer, other_organizer, stranger, .. } = self.people;
        let event = &self.ids[0].1;
        let performance = format!("/performances/{}", self.ids[1].1);
        let public = [
            "/events?limit=200".to_owned(),
            "/seating-plans?limit=200".to_owned(),
            format!("/events/{event}"),
            format!("/events/{event}/performances"),
            format!("{performance}/availability"),
        ];
        let mut state = Vec::new();
        for path in public {
            state.push(onsale.get(&path).await.ok(200));
        }
        for counts in ["stats", "check-ins"] {
            state.push(onsale.get(&format!("{performance}/{counts}")).by(organizer).await.ok(200));
        }
        // Where nobody is, tries go on; what is there stays.
        state.push(onsale.get("/webhook-endpoints").by(organizer).await.ok(200));
        state.push(onsale.get("/webhook-endpoints").by(other_organizer).await.ok(200));
        for person in [organizer, buyer, other_organizer, stranger] {
            for path in ["/me", "/me/wallet", "/me/reservations?limit=200", "/me/orders?limit=200"] {
                let answer = onsale.get(path).by(person).await;
                // Who was erased is nobody, and stays it.
                state.push(if answer.status == 401 { Value::Null } else { answer.ok(200) });
            }
        }
        state
    }
}
