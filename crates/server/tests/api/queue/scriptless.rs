//! The waiting page without scripts: forms, cookies, and a page that says where one stands.
//!
//! Invariants checked: a browser that only follows links, sends forms and keeps cookies gets from joining to being
//! inside, in the same line as everybody; forms of other sites change nothing.

use serde_json::{Value, json};

use super::{MOVES_WITHIN, Queue, eventually, holding, room, staged, staged_on};
use crate::{
    calls::{Answer, Api},
    support::{Onsale, Stage, grid, text},
};

/// A browser without scripts.
struct Browser {
    api: Api,
    event: String,
    language: &'static str,
    address: &'static str,
    /// Name, value and path.
    cookies: Vec<(String, String, String)>,
}

impl Browser {
    fn at(queue: &Queue) -> Self {
        let (api, event) = (queue.api.clone(), queue.event.clone());
        Self { api, event, language: "en-US,en;q=0.9", address: "192.0.2.1", cookies: Vec::new() }
    }

    fn path(&self, rest: &str) -> String {
        format!("/wait/{}{rest}", self.event)
    }

    async fn send(&mut self, method: &str, path: &str, origin: Option<&str>) -> Answer {
        let sent: Vec<String> = self
            .cookies
            .iter()
            .filter(|(_, _, at)| path == at || path.starts_with(&format!("{at}/")))
            .map(|(name, value, _)| format!("{name}={value}"))
            .collect();
        let mut call = self.api.at_root(method, path).header("accept-language", self.language);
        call = call.header("x-forwarded-for", self.address).header("cookie", sent.join("; "));
        if let Some(origin) = origin {
            call = call.header("origin", origin);
        }
        let answer = call.await;
        for cookie in answer.header_lines("set-cookie") {
            self.take(cookie);
        }
        answer
    }

    fn take(&mut self, cookie: &str) {
        let mut parts = cookie.split("; ");
        let (name, value) = parts.next().unwrap().split_once('=').unwrap();
        let attributes: Vec<&str> = parts.collect();
        let attribute = |name: &str| attributes.iter().find_map(|part| part.strip_prefix(name));
        assert!(attributes.contains(&"HttpOnly") && attributes.contains(&"SameSite=Lax"), "{cookie}");
        let path = attribute("Path=").unwrap().to_owned();
        self.cookies.retain(|(known, _, at)| (known.as_str(), at) != (name, &path));
        if attribute("Max-Age=") != Some("0") {
            self.cookies.push((name.to_owned(), value.to_owned(), path));
        }
    }

    /// The page as it is shown.
    async fn look(&mut self) -> Answer {
        self.send("GET", &self.path(""), None).await
    }

    /// Presses a button: it sends its form, and the answer leads to a page.
    async fn press(&mut self, action: &str) -> Answer {
        let shown = self.look().await;
        let path = self.path(&format!("/{action}"));
        assert!(shown.text().contains(&format!("method=\"post\" action=\"{path}\"")), "{shown:?}");
        self.post(&path).await
    }

    async fn post(&mut self, path: &str) -> Answer {
        let origin = format!("http://{}", self.api.address());
        let answer = self.send("POST", path, Some(&origin)).await;
        if answer.status != 303 {
            return answer;
        }
        let next = answer.header("location").to_owned();
        self.send("GET", &next, None).await
    }

    /// Looks until the page says so.
    async fn until(&mut self, said: &str) -> String {
        let looked = eventually(said, MOVES_WITHIN, async || {
            let page = self.look().await.text();
            if page.contains(said) { Ok(page) } else { Err(page) }
        });
        looked.await.0
    }
}

/// What every such page keeps to; gives its text.
#[track_caller]
fn page(answer: &Answer, status: u16) -> String {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "no-store");
    let policy = answer.header("content-security-policy");
    assert!(policy.contains("default-src 'self'") && policy.contains("form-action 'self'"), "{policy}");
    let text = answer.text();
    assert!(!text.contains("<script"), "{text}");
    text
}

#[tokio::test]
async fn from_joining_to_being_inside_without_scripts() {
    let (stage, queue) = staged(&json!({"max_inside": 1}), 1, 10).await;
    let (first, other) = (stage.guest().await, stage.guest().await);
    let (ticket, _) = queue.come_in(&first).await;
    let second = queue.ticket(&other).await;
    let mut browser = Browser::at(&queue);
    let shown = page(&browser.look().await, 200);
    assert!(shown.contains("<html lang=\"en\">") && shown.contains("Join the line"), "{shown}");
    assert!(browser.cookies.is_empty(), "a look changes nothing");

    let waiting = page(&browser.press("join").await, 200);
    assert!(waiting.contains("<dd>1 person</dd>") && waiting.contains("<dd>3</dd>"), "{waiting}");
    assert!(waiting.contains("http-equiv=\"refresh\"") && waiting.contains(&browser.path("")), "{waiting}");
    // The button pressed again, in another tab: the same place.
    let again = browser.path("/join");
    assert!(page(&browser.post(&again).await, 200).contains("<dd>3</dd>"));
    browser.language = "ko-KR,ko;q=0.9,en;q=0.5";
    let korean = page(&browser.look().await, 200);
    assert!(korean.contains("<html lang=\"ko\">") && korean.contains("<dd>1명</dd>"), "{korean}");
    browser.language = "en";
    let early = browser.path("/enter");
    assert!(page(&browser.post(&early).await, 200).contains("<dd>3</dd>"), "not the turn yet");

    queue.leaving(&ticket).await.empty(204);
    queue.leaving(&second).await.empty(204);
    let ready = browser.until("It is your turn!").await;
    assert!(ready.contains("Go in within 60 seconds") || ready.contains("Go in within 5"), "{ready}");
    let inside = page(&browser.press("enter").await, 200);
    assert!(inside.contains("You are in") && inside.contains("/queue?carried"), "{inside}");

    // The pages with scripts go on with it.
    let carry = browser.path("/carry");
    let origin = format!("http://{}", browser.api.address());
    let carried = browser.send("POST", &carry, Some(&origin)).await.ok(200);
    let (token, ticket) = (text(&carried["access_token"]), text(&carried["ticket"]));
    assert!(carried["expires_in"].as_u64().unwrap() > 80_000, "{carried}");
    let pass = text(&queue.entering(&token, &ticket).await.ok(200)["pass"]);
    holding(&stage, &token, &pass, &[1]).await.ok(201);

    let left = page(&browser.press("leave").await, 200);
    assert!(left.contains("You have left the line") && left.contains("Join the line"), "{left}");
    eventually("used up", MOVES_WITHIN, async || queue.verifying(&pass).await.refusal(403, "pass_used"))
        .await;
    let last = page(&browser.press("join").await, 200);
    assert!(last.contains("line") && browser.cookies.len() == 2, "{last}");
}

#[tokio::test]
async fn forms_of_other_sites_change_nothing() {
    let (stage, queue) = staged(&json!({}), 1, 4).await;
    queue.setting(&stage.organizer, &json!({"paused": true})).await.ok(200);
    let mut browser = Browser::at(&queue);
    let paused = page(&browser.press("join").await, 200);
    assert!(paused.contains("has paused the line") && paused.contains("<dd>1</dd>"), "{paused}");
    let before = browser.cookies.clone();
    for action in ["join", "enter", "leave"] {
        for origin in [None, Some("https://evil.example"), Some("null")] {
            let path = browser.path(&format!("/{action}"));
            let refused = page(&browser.send("POST", &path, origin).await, 403);
            assert!(refused.contains("Nothing was changed"), "{action}, {origin:?}: {refused}");
        }
    }
    let carry = browser.path("/carry");
    browser.send("POST", &carry, Some("https://evil.example")).await.refused(403, "forbidden");
    assert_eq!(browser.cookies, before);
    assert!(page(&browser.look().await, 200).contains("<dd>1</dd>"), "still there");

    // Somebody else's ticket is looked at and not used.
    let mut thief = Browser::at(&queue);
    let place = before.iter().find(|(name, ..)| name == "onsale_place").unwrap().clone();
    thief.cookies.push(place);
    queue.setting(&stage.organizer, &json!({"paused": false})).await.ok(200);
    thief.until("It is your turn!").await;
    let enter = thief.path("/enter");
    assert!(page(&thief.post(&enter).await, 403).contains("no place any more"));
    thief.cookies = vec![("onsale_place".to_owned(), "nonsense".to_owned(), browser.path(""))];
    assert!(page(&thief.look().await, 403).contains("no place any more"));
    assert!(thief.cookies.is_empty(), "what is good for nothing is forgotten");
    assert!(page(&thief.look().await, 200).contains("Join the line"));
}

#[tokio::test]
async fn ends_and_what_is_not_possible_without_scripts_is_said() {
    let (stage, queue) = staged(&json!({"opens_at": "2100-01-01T00:00:00Z"}), 1, 2).await;
    let mut browser = Browser::at(&queue);
    assert!(page(&browser.look().await, 200).contains("drawn by lot"));
    let lobby = page(&browser.press("join").await, 200);
    assert!(lobby.contains("You are in the waiting room") && lobby.contains("It opens in"), "{lobby}");

    queue.setting(&stage.organizer, &json!({"closed": true})).await.ok(200);
    browser.until("If it opens again, you have the place that you had").await;
    let mut late = Browser::at(&queue);
    let join = late.path("/join");
    assert!(page(&late.post(&join).await, 410).contains("nobody can join right now"));
    assert!(page(&late.look().await, 200).contains("nobody can join right now"));

    let listed = page(&late.send("GET", "/wait", None).await, 200);
    assert!(listed.contains(&format!("href=\"/wait/{}\"", queue.event)), "{listed}");
    let set = async |settings: &Value| {
        let body = json!({"settings": settings});
        stage.patch(&format!("/events/{}", queue.event), &body).by(&stage.organizer).await.ok(200);
    };
    queue.setting(&stage.organizer, &json!({"closed": false})).await.ok(200);
    set(&json!({"waiting_room": {"proof_of_work_bits": 8}})).await;
    late.until("a little work first").await;
    assert!(page(&late.post(&join).await, 428).contains("a little work first"));
    set(&json!({"waiting_room": {"proof_of_work_bits": 0}, "buyer_identity": "account"})).await;
    late.until("with an account only").await;
    assert!(page(&late.post(&join).await, 403).contains("with an account only"));
    set(&json!({"waiting_room": {"mode": "off"}, "buyer_identity": "guest"})).await;
    eventually("no room", MOVES_WITHIN, async || {
        let shown = late.look().await;
        if shown.status == 404 { Ok(shown) } else { Err(shown.text()) }
    })
    .await;
    assert!(page(&late.post(&join).await, 404).contains("has no waiting room"));
    late.send("GET", "/wait/nonsense", None).await.refused(404, "not_found");
    assert!(!page(&late.send("GET", "/wait", None).await, 200).contains("href=\"/wait/"));
}

#[tokio::test]
async fn sold_out_and_one_place_an_address_are_said() {
    let proxied = Onsale::with(&[("ONSALE_TRUSTED_PROXIES", "127.0.0.1")]);
    let settings = json!({"one_place_per": "address", "max_inside": 1});
    let (stage, queue) = staged_on(proxied, &settings, 1, 2).await;
    let (mut first, mut second) = (Browser::at(&queue), Browser::at(&queue));
    page(&first.press("join").await, 200);
    assert!(page(&second.press("join").await, 409).contains("Somebody from your network"));
    second.address = "192.0.2.2";
    page(&second.press("join").await, 200);
    first.until("It is your turn!").await;
    assert!(page(&first.press("enter").await, 200).contains("You are in"));
    let seats = json!({"seat_ids": [1, 2], "blocked": true});
    stage.post(&stage.path("/blocks"), &seats).by(&stage.organizer).await.ok(200);
    let told = second.until("Everything was sold before your turn came").await;
    assert!(!told.contains("http-equiv"), "there is nothing to wait for: {told}");
}

/// Somebody for whom a gateway vouches waits as who they are.
#[tokio::test]
async fn a_gateway_says_who_waits() {
    let settings = [("ONSALE_TRUSTED_PROXIES", "127.0.0.1"), ("ONSALE_IDENTITY_HEADER", "x-buyer")];
    let onsale = Onsale::with(&settings);
    let stage = Stage::on(onsale, &json!({"waiting_room": room(&json!({}))}), &grid(1, 4)).await;
    let queue = Queue::at(&stage, &stage.event);
    let origin = format!("http://{}", queue.api.address());
    let path = format!("/wait/{}/join", queue.event);
    let by = |buyer: &'static str| {
        queue.api.at_root("POST", &path).header("x-buyer", buyer).header("origin", &origin)
    };
    let kim = by("kim").await;
    assert_eq!((kim.status, kim.header_lines("set-cookie").len()), (303, 1), "{kim:?}");
    let joining = stage.post(&queue.path(""), &json!({})).header("x-buyer", "kim");
    assert_eq!(joining.await.ok(200)["position"], 1, "the same place");
}
