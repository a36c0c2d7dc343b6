//! What the derives cannot say of the interface: names of operations, how to authenticate, media types of problems, what may be
//! left out, and the list of reason codes.
//!
//! Invariant: it describes what is there and changes nothing of it; `tests/api/description.rs` holds one against the other.

use std::fmt::Write;

use onsale_app::errors::Reason;
use utoipa::openapi::{
    Components, Content, OpenApi, RefOr, Required, Schema,
    security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};

/// Names each operation after its method and path, because handlers of different nouns share their names and clients
/// are generated with these: `GET /events/{event_id}` is `get_events_by_event_id`.
fn name_operations(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        let words: Vec<String> = path
            .trim_start_matches("/api/v1")
            .split('/')
            .filter(|word| !word.is_empty())
            .map(|word| word.replace(['-', '.'], "_").replace('{', "by_").replace('}', ""))
            .collect();
        let words = words.join("_");
        let methods = [
            ("get", &mut item.get),
            ("post", &mut item.post),
            ("put", &mut item.put),
            ("patch", &mut item.patch),
            ("delete", &mut item.delete),
        ];
        for (method, operation) in methods {
            if let Some(operation) = operation {
                operation.operation_id = Some(format!("{method}_{words}"));
            }
        }
    }
}

/// Adds what the derive cannot say: how to authenticate, the media type of problems, and the list of reason codes.
pub(super) fn complete(document: &mut OpenApi) {
    name_operations(document);
    loosen(document);
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    document
        .components
        .get_or_insert_default()
        .security_schemes
        .insert("bearer".into(), SecurityScheme::Http(bearer).into());
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            operation.responses.responses.values_mut().for_each(name_problems);
        }
    }
    let mut description = document.info.description.take().unwrap_or_default();
    description.push_str("\n\n| code | status | |\n|---|---|---|\n");
    for reason in Reason::ALL {
        // Writing to a string cannot fail.
        let _ = writeln!(description, "| `{}` | {} | {} |", reason.code(), reason.status(), reason.title());
    }
    document.info.description = Some(description);
}

/// Problems have a media type of their own (RFC 9457); the derive knows JSON only.
fn name_problems(response: &mut RefOr<utoipa::openapi::Response>) {
    const PROBLEM: &str = "#/components/schemas/ProblemDocument";
    let RefOr::T(response) = response else { return };
    let is_problem = |content: &RefOr<Content>| match content {
        RefOr::T(content) => {
            matches!(&content.schema, Some(RefOr::Ref(schema)) if schema.ref_location == PROBLEM)
        }
        RefOr::Ref(_) => false,
    };
    if response.content.get("application/json").is_some_and(is_problem)
        && let Some(problem) = response.content.shift_remove("application/json")
    {
        response.content.insert("application/problem+json".to_owned(), problem);
    }
}

/// Settings that may be left out one by one where an event is made or changed: there they have schemas of their own, without
/// anything that is required. And a body of which nothing is required may be left out as a whole.
fn loosen(document: &mut OpenApi) {
    const LOOSER: [(&str, &str); 2] =
        [("WaitingRoomDto", "WaitingRoomPatch"), ("EventSettings", "EventSettingsPatch")];
    let Some(components) = &mut document.components else { return };
    for (of, looser) in LOOSER {
        let Some(RefOr::T(Schema::Object(mut schema))) = components.schemas.get(of).cloned() else {
            continue;
        };
        schema.required.clear();
        schema.properties.values_mut().for_each(|property| refer_to(property, LOOSER[0]));
        components.schemas.insert(looser.to_owned(), RefOr::T(Schema::Object(schema)));
    }
    for of in ["NewEvent", "EventPatch"] {
        if let Some(RefOr::T(Schema::Object(schema))) = components.schemas.get_mut(of) {
            schema.properties.values_mut().for_each(|property| refer_to(property, LOOSER[1]));
        }
    }
    let components = components.clone();
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.post, &mut item.put, &mut item.patch];
        for operation in operations.into_iter().flatten() {
            let Some(RefOr::T(body)) = &mut operation.request_body else { continue };
            let json = body.content.get("application/json");
            if json.is_some_and(|content| asks_for_nothing(&components, content)) {
                body.required = Some(Required::False);
            }
        }
    }
}

/// Lets a property refer to another schema, also where it may be `null` instead.
fn refer_to(property: &mut RefOr<Schema>, (of, looser): (&str, &str)) {
    let path = |name: &str| format!("#/components/schemas/{name}");
    match property {
        RefOr::Ref(reference) if reference.ref_location == path(of) => {
            reference.ref_location = path(looser);
        }
        RefOr::T(Schema::OneOf(either)) => {
            either.items.iter_mut().for_each(|item| refer_to(item, (of, looser)));
        }
        _ => {}
    }
}

fn asks_for_nothing(components: &Components, content: &RefOr<Content>) -> bool {
    let RefOr::T(Content { schema: Some(RefOr::Ref(reference)), .. }) = content else { return false };
    let name = reference.ref_location.rsplit('/').next().unwrap_or_default();
    matches!(components.schemas.get(name), Some(RefOr::T(Schema::Object(schema))) if schema.required.is_empty())
}
