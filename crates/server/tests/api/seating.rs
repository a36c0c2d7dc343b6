//! Seating plans: upload, look, and what a performance makes of one.

use serde_json::{Value, json};

use crate::support::{Onsale, has, ids, seat_ids, text, won};

/// Two zones, three rows, five seats in two categories, one stage that is drawn only; and keys nobody knows.
fn hall() -> Value {
    let seat = |guid: &str, number: &str, x: f64, category: &str| {
        json!({"seat_guid": guid, "seat_number": number, "category": category, "position": {"x": x, "y": 0.0},
            "radius": 10, "uuid": "none of our business"})
    };
    let row = |label: &str, y: u32, seats: Value| json!({"row_number": label, "row_number_position": "both", "position": {"x": 0, "y": y}, "seats": seats});
    json!({
        "name": "작은 극장", "size": {"width": 400, "height": 300}, "_editor": {"version": 7},
        "categories": [{"name": "Gold", "color": "#ffcc00"}, {"name": "Silver", "color": "#c0c0c0"}],
        "zones": [
            {"name": "Stalls", "position": {"x": 10, "y": 20}, "rows": [
                row("A", 0, json!([seat("a1", "1", 0.0, "Gold"), seat("a2", "2", 25.0, "Gold")])),
                row("B", 25, json!([seat("b1", "1", 0.0, "Silver"), seat("b2", "2", 25.0, "Silver")]))],
             "areas": [{"shape": "rectangle", "color": "#000000", "border_color": "#ffffff", "rotation": 0,
                "position": {"x": 0, "y": -20}, "rectangle": {"width": 60, "height": 10},
                "text": {"text": "Stage", "color": "#ffffff"}}]},
            {"name": "Balcony", "position": {"x": 10, "y": 120}, "rows": [
                row("A", 0, json!([seat("c1", "1", 0.0, "Silver")]))], "areas": []},
        ]
    })
}

#[tokio::test]
async fn a_plan_is_uploaded_read_and_listed_newest_first() {
    let onsale = Onsale::start();
    let organizer = onsale.organizer().await;
    let plan = onsale.post("/seating-plans", &hall()).by(&organizer).await.ok(201);
    has(&plan, &["id", "name", "seat_count", "area_count"]);
    assert_eq!(
        (&plan["name"], &plan["seat_count"], &plan["area_count"]),
        (&json!("작은 극장"), &json!(5), &json!(1))
    );
    let mut read = onsale.get(&format!("/seating-plans/{}", text(&plan["id"]))).await.ok(200);
    let categories = read.as_object_mut().unwrap().remove("categories").unwrap();
    let seats = categories.as_array().unwrap().iter().map(|category| category["seats"].as_u64().unwrap());
    assert_eq!((read, seats.sum::<u64>()), (plan.clone(), 5));
    let second = onsale.post("/seating-plans", &hall()).by(&organizer).await.ok(201);
    let listed = ids(&onsale.get("/seating-plans").await.ok(200));
    assert_eq!(listed, [text(&second["id"]), text(&plan["id"])]);
    let page = onsale.get("/seating-plans?limit=1").await.ok(200);
    assert_eq!(ids(&page), listed[..1]);
    let next = format!("/seating-plans?limit=1&cursor={}", text(&page["next_cursor"]));
    assert_eq!(ids(&onsale.get(&next).await.ok(200)), listed[1..]);
}

#[tokio::test]
async fn buyers_upload_no_plans() {
    let onsale = Onsale::start();
    onsale.post("/seating-plans", &hall()).await.refused(401, "unauthenticated");
    let guest = onsale.guest().await;
    onsale.post("/seating-plans", &hall()).by(&guest).await.refused(403, "forbidden");
}

#[tokio::test]
async fn a_key_uploads_one_plan() {
    let onsale = Onsale::start();
    let organizer = onsale.organizer().await;
    let upload = |plan: &Value| onsale.post("/seating-plans", plan).by(&organizer).key("k-1");
    let first = upload(&hall()).await.ok(201);
    assert_eq!(upload(&hall()).await.ok(201), first);
    let mut other = hall();
    other["name"] = json!("Another");
    upload(&other).await.refused(422, "idempotency_mismatch");
    assert_eq!(ids(&onsale.get("/seating-plans").await.ok(200)).len(), 1);
}

#[tokio::test]
async fn a_plan_that_cannot_be_used_is_refused_with_pointers_to_what_is_wrong() {
    let onsale = Onsale::start();
    let organizer = onsale.organizer().await;
    let mut bad = hall();
    bad["zones"][0]["rows"][1]["seats"][1]["seat_guid"] = json!("a1");
    bad["zones"][1]["rows"][0]["seats"][0]["category"] = json!("Platinum");
    let problem = onsale.post("/seating-plans", &bad).by(&organizer).await.refused(400, "invalid_plan");
    let errors = problem["errors"].as_array().unwrap();
    let pointers: Vec<&str> = errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, ["/zones/0/rows/1/seats/1/seat_guid", "/zones/1/rows/0/seats/0/category"]);
    assert!(errors.iter().all(|error| !text(&error["detail"]).is_empty()));
    for nothing in [json!({}), json!([]), json!({"name": "Empty", "zones": [], "categories": []})] {
        let problem =
            onsale.post("/seating-plans", &nothing).by(&organizer).await.refused(400, "invalid_plan");
        assert!(!problem["errors"].as_array().unwrap().is_empty());
    }
    assert_eq!(ids(&onsale.get("/seating-plans").await.ok(200)), Vec::<String>::new());
}

#[tokio::test]
async fn a_performance_takes_seats_names_and_prices_from_its_plan() {
    let onsale = Onsale::start();
    let organizer = onsale.organizer().await;
    let plan = onsale.post("/seating-plans", &hall()).by(&organizer).await.ok(201);
    let event = onsale.event(&organizer, &json!({})).await;
    let body = json!({"starts_at": "2030-12-24T20:00:00Z", "plan": {"plan_id": plan["id"]},
        "prices": {"Gold": won(90_000), "Silver": won(50_000)}});
    let performance = onsale.performance(&organizer, &event, &body).await;
    let drawn = onsale.get(&format!("/performances/{performance}/plan")).await.ok(200);
    assert_eq!(
        drawn["categories"],
        json!([{"name": "Gold", "color": "#ffcc00", "price": won(90_000)},
            {"name": "Silver", "color": "#c0c0c0", "price": won(50_000)}])
    );
    let sections = drawn["sections"].as_array().unwrap();
    assert_eq!(
        sections.iter().map(|section| text(&section["label"])).collect::<Vec<_>>(),
        ["Stalls", "Balcony"]
    );
    assert_eq!(
        sections[0]["rows"][1],
        json!({"label": "B", "seats": [
            {"id": 3, "label": "B-1", "x": 10.0, "y": 45.0, "category": "Silver"},
            {"id": 4, "label": "B-2", "x": 35.0, "y": 45.0, "category": "Silver"}]})
    );
    assert_eq!(sections[1]["rows"][0]["seats"][0]["id"], 5);
    assert_eq!(drawn["areas"], json!([]));
    let guest = onsale.guest().await;
    let path = format!("/performances/{performance}/reservations");
    let held = onsale.post(&path, &json!({"seat_ids": [5, 1]})).by(&guest).await.ok(201);
    assert_eq!(held["total"], won(140_000));
    let best = json!({"best_available": {"quantity": 1, "category": "Gold"}});
    let best = onsale.post(&path, &best).by(&guest).await.ok(201);
    assert_eq!((&best["seats"][0]["id"], &best["total"]), (&json!(2), &won(90_000)));
    let unknown = json!({"best_available": {"quantity": 1, "category": "Platinum"}});
    onsale.post(&path, &unknown).by(&guest).await.refused(400, "validation");
}

#[tokio::test]
async fn a_performance_needs_a_plan_that_exists_and_prices_of_its_categories() {
    let onsale = Onsale::start();
    let organizer = onsale.organizer().await;
    let plan = onsale.post("/seating-plans", &hall()).by(&organizer).await.ok(201);
    let event = onsale.event(&organizer, &json!({})).await;
    let path = format!("/events/{event}/performances");
    let with = |plan: Value, prices: Value| {
        let body = json!({"starts_at": "2030-12-24T20:00:00Z", "plan": plan, "prices": prices});
        onsale.post(&path, &body).by(&organizer)
    };
    let mine = json!({"plan_id": plan["id"]});
    with(json!({"plan_id": event}), json!({})).await.refused(400, "validation");
    with(mine.clone(), json!({"Bronze": won(1)})).await.refused(400, "validation");
    with(mine.clone(), json!({"Gold": won(-1)})).await.refused(400, "validation");
    with(mine.clone(), json!({"Gold": {"amount": 1, "currency": "USD"}})).await.refused(400, "validation");
    with(json!({"plan_id": plan["id"], "rows": 1, "columns": 1}), json!({})).await.refused(400, "validation");
    assert_eq!(ids(&onsale.get(&path).await.ok(200)), Vec::<String>::new());
    with(mine, json!({})).await.ok(201);
}

/// The plans that come with onsale.
#[tokio::test]
async fn whole_houses_are_uploaded() {
    use onsale_domain::seating::examples;
    let onsale = Onsale::start();
    let organizer = onsale.organizer().await;
    for (house, seats) in [(examples::THEATRE, 500..700), (examples::ARENA, 10_000..10_001)] {
        let plan = onsale.call("POST", "/seating-plans").text(house).by(&organizer).await.ok(201);
        assert!(seats.contains(&plan["seat_count"].as_u64().unwrap()), "{plan}");
        let event = onsale.event(&organizer, &json!({})).await;
        let body = json!({"starts_at": "2030-12-24T20:00:00Z", "plan": {"plan_id": plan["id"]}});
        let performance = onsale.performance(&organizer, &event, &body).await;
        let drawn = onsale.get(&format!("/performances/{performance}/plan")).await.ok(200);
        let rows = drawn["sections"].as_array().unwrap().iter().flat_map(|s| s["rows"].as_array().unwrap());
        let drawn: Vec<&Value> = rows.flat_map(|row| row["seats"].as_array().unwrap()).collect();
        assert_eq!(drawn.len() as u64, plan["seat_count"].as_u64().unwrap());
        assert!(
            drawn.iter().zip(1..).all(|(seat, id)| seat["id"] == id),
            "numbered in the order of the plan"
        );
    }
}

/// They are told of on the plan of a performance, and nobody gets them who does not pick them.
#[tokio::test]
async fn spaces_for_wheelchairs_are_picked_and_not_given() {
    let onsale = Onsale::start();
    let organizer = onsale.organizer().await;
    let seat = |number: u32, mark: &str| {
        let mut seat = json!({"seat_guid": number.to_string(), "seat_number": number.to_string(), "category": "A",
            "position": {"x": number * 10, "y": 0}});
        if !mark.is_empty() {
            seat[mark] = json!(true);
        }
        seat
    };
    let seats = [seat(1, "accessible"), seat(2, "companion"), seat(3, ""), seat(4, "")];
    let plan = json!({"name": "Hall", "categories": [{"name": "A", "color": "#ff0000"}],
        "zones": [{"name": "Z", "rows": [{"row_number": "1", "seats": seats}]}]});
    let plan = onsale.post("/seating-plans", &plan).by(&organizer).await.ok(201);
    let event = onsale.event(&organizer, &json!({"max_seats_per_buyer": 4})).await;
    let body = json!({"starts_at": "2030-12-24T20:00:00Z", "plan": {"plan_id": plan["id"]}});
    let performance = onsale.performance(&organizer, &event, &body).await;
    let shown = onsale.get(&format!("/performances/{performance}/plan")).await.ok(200);
    let seats = &shown["sections"][0]["rows"][0]["seats"];
    let marks = |at: usize| (seats[at].get("accessible"), seats[at].get("companion"));
    assert_eq!(marks(0), (Some(&json!(true)), None));
    assert_eq!(marks(1), (None, Some(&json!(true))));
    assert_eq!(marks(2), (None, None));
    let guest = onsale.guest().await;
    let path = format!("/performances/{performance}/reservations");
    let best =
        |quantity: u32| onsale.post(&path, &json!({"best_available": {"quantity": quantity}})).by(&guest);
    best(3).await.refused(409, "sold_out");
    assert_eq!(seat_ids(&best(2).await.ok(201)), [3, 4]);
    onsale.post(&path, &json!({"seat_ids": [1, 2]})).by(&guest).await.ok(201);
}
