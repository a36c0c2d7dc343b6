//! Beginning and paying orders in PostgreSQL, those of many buyers in one statement each: the two commands that every
//! sale waits for. Step by step an order takes nine and seven, and its rows stay locked for as long; measured on two cores
//! with 64 clients and the database on the same machine, a statement an order gave twice as many orders a second as steps.
//!
//! Invariant: a statement here either does the whole of a command or nothing of it; where it does nothing, the queries
//! that all dialects share say why.
//!
//! These statements are prepared while a new sale's tables are empty, and PostgreSQL keeps the plan that it made then.
//! `IS TRUE` keeps it from looking for an order among all that are or were being paid for; the connections that they are
//! for keep it from reading whole tables.

use std::collections::{HashMap, HashSet};

use onsale_app::ports::{
    StoreError,
    ledger::{DeliveryStatus, LetterKind, Order, SettleOrder},
};
use onsale_domain::{ids::OrderId, orders::OrderStatus};
use sea_orm::sqlx::{self, PgPool, Row, postgres::PgRow};
use uuid::Uuid;

use super::{
    Begin, Met, Pay,
    rows::{self, PaymentStatus},
};
use crate::{
    columns::{signed, unit_column},
    deliveries,
    entity::orders,
    failures::{Failure, is_of_a_row},
    idempotency::{self, Kind},
};

/// Records orders, claims their units, all in one order, so that two statements never wait for each other, and points
/// their keys at them. Gives which: one that is there already, whose performance is gone or that has an earlier attempt
/// to be ended first is left out; a claimed unit is a unique violation, which undoes the rest. A few keys that nobody
/// will ask for any more go on the way.
const BEGIN: &str = "
WITH wanted AS MATERIALIZED (
    SELECT * FROM UNNEST($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::int8[], $6::int8[], $7::text[],
                         $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::int8[],
                         $14::int8[], $15::text[], $16::uuid[], $17::bytea[], $18::bytea[])
        AS wanted (id, reservation_id, performance_id, owner_id, fence, total, currency,
                   buyer_name, buyer_phone, buyer_email, letter_language, letter_time_zone, sequence,
                   created_at, method, key_owner_id, key_digest, request_digest)
), performed AS (
    SELECT id FROM performances WHERE id = ANY ($3) FOR KEY SHARE
), begun AS (
    INSERT INTO orders (id, reservation_id, performance_id, owner_id, fence, status, total, currency,
                        buyer_name, buyer_phone, buyer_email, letter_language, letter_time_zone, sequence,
                        created_at)
    SELECT wanted.id, reservation_id, performance_id, owner_id, fence, $19::text, total, currency,
           buyer_name, buyer_phone, buyer_email, letter_language, letter_time_zone, sequence, created_at
    FROM wanted JOIN performed ON performed.id = wanted.performance_id
    WHERE NOT EXISTS (SELECT 1 FROM orders
                      WHERE orders.reservation_id = wanted.reservation_id AND (orders.status = $19::text) IS TRUE)
    ON CONFLICT (id) DO NOTHING
    RETURNING id
), claimed AS (
    INSERT INTO order_units (order_id, unit, performance_id, price, currency, ticket_code, live)
    SELECT order_id, unit, performance_id, price, currency, ticket_code, TRUE
    FROM UNNEST($20::uuid[], $21::uuid[], $22::int4[], $23::int8[], $24::text[], $25::text[])
             AS units (order_id, performance_id, unit, price, currency, ticket_code)
    JOIN begun ON begun.id = order_id
    ORDER BY performance_id, unit
), payment AS (
    INSERT INTO payments (order_id, method, status, amount, currency, updated_at)
    SELECT id, method, $26, total, currency, created_at FROM wanted JOIN begun USING (id)
), pointed AS (
    INSERT INTO idempotency_keys (owner_id, key_digest, request_digest, kind, thing_id, created_at)
    SELECT key_owner_id, key_digest, request_digest, $27, id, created_at FROM wanted JOIN begun USING (id)
    WHERE key_owner_id IS NOT NULL ORDER BY key_owner_id, key_digest
    ON CONFLICT (owner_id, key_digest) DO UPDATE SET
        request_digest = excluded.request_digest, kind = excluded.kind,
        thing_id = excluded.thing_id, created_at = excluded.created_at
), forgotten AS (
    DELETE FROM idempotency_keys WHERE (owner_id, key_digest) IN (
        SELECT owner_id, key_digest FROM idempotency_keys AS old
        WHERE created_at <= $28 AND NOT EXISTS (
            SELECT 1 FROM wanted WHERE key_owner_id = old.owner_id AND wanted.key_digest = old.key_digest
        )
        ORDER BY created_at LIMIT $29 FOR UPDATE OF old SKIP LOCKED
    )
)
SELECT id FROM begun";

/// Begins those that can be; gives which. `false` where the shared queries have to say what is in the way.
pub(super) async fn begin(pool: &PgPool, these: &[&Begin]) -> Result<Vec<bool>, Failure> {
    let mut met = Met::default();
    let are_alone = column(these, |begin| met.is_alone(begin));
    let alone: Vec<&Begin> =
        these.iter().zip(&are_alone).filter(|(_, is_alone)| **is_alone).map(|(begin, _)| *begin).collect();
    let Some(oldest) = alone.iter().map(|begin| begin.order.created_at).min() else { return Ok(Vec::new()) };
    let mut units: Vec<_> = alone
        .iter()
        .flat_map(|begin| begin.order.units.iter().map(|wanted| (&begin.order, wanted)))
        .collect();
    units.sort_unstable_by_key(|(order, wanted)| (order.performance, wanted.unit));
    let fences = column(&alone, |begin| signed::<i64>(begin.order.fence.0)).into_iter();
    let sequences = column(&alone, |begin| signed::<i64>(begin.order.sequence)).into_iter();
    let numbers = column(&units, |(_, wanted)| unit_column(wanted.unit)).into_iter();
    let writing = |begin: &Begin| begin.order.buyer.letters.clone();
    let begun = sqlx::query(BEGIN)
        .bind(column(&alone, |begin| begin.order.id.0))
        .bind(column(&alone, |begin| begin.order.reservation.0))
        .bind(column(&alone, |begin| begin.order.performance.0))
        .bind(column(&alone, |begin| begin.order.owner.0))
        .bind(fences.collect::<Result<Vec<_>, _>>()?)
        .bind(column(&alone, |begin| begin.order.total.amount))
        .bind(column(&alone, |begin| begin.order.total.currency.to_string()))
        .bind(column(&alone, |begin| begin.order.buyer.name.clone()))
        .bind(column(&alone, |begin| begin.order.buyer.phone.clone()))
        .bind(column(&alone, |begin| begin.order.buyer.email.clone()))
        .bind(column(&alone, |begin| writing(begin).map(|writing| writing.language)))
        .bind(column(&alone, |begin| writing(begin).map(|writing| writing.time_zone)))
        .bind(sequences.collect::<Result<Vec<_>, _>>()?)
        .bind(column(&alone, |begin| begin.order.created_at.as_millis()))
        .bind(column(&alone, |begin| begin.order.method.clone()))
        .bind(column(&alone, |begin| begin.key.map(|key| key.owner.0)))
        .bind(column(&alone, |begin| begin.key.map(|key| key.key.key.to_vec())))
        .bind(column(&alone, |begin| begin.key.map(|key| key.key.request.to_vec())))
        .bind(OrderStatus::Paying.as_str())
        .bind(column(&units, |(order, _)| order.id.0))
        .bind(column(&units, |(order, _)| order.performance.0))
        .bind(numbers.collect::<Result<Vec<_>, _>>()?)
        .bind(column(&units, |(_, wanted)| wanted.price.amount))
        .bind(column(&units, |(_, wanted)| wanted.price.currency.to_string()))
        .bind(column(&units, |(_, wanted)| wanted.ticket_code.clone()))
        .bind(PaymentStatus::Open.as_str())
        .bind(Kind::Order.as_str())
        .bind(idempotency::forgotten(oldest))
        .bind(signed::<i64>(idempotency::PRUNED_AT_ONCE)?)
        .fetch_all(pool)
        .await;
    let begun = unless_of_a_row(begun)?;
    let begun = begun.iter().map(|row| row.try_get("id")).collect::<Result<HashSet<Uuid>, _>>()?;
    let is_begun = |(begin, is_alone): (&&Begin, bool)| is_alone && begun.contains(&begin.order.id.0);
    Ok(these.iter().zip(are_alone).map(is_begun).collect())
}

/// Pays orders that are paying, and gives them as they are then, a row a unit. Their tickets are put among the letters,
/// where there are to be any. No row either where a program of the organizer wants to be told of it.
const PAY: &str = "
WITH wanted AS MATERIALIZED (
    SELECT * FROM UNNEST($1::uuid[], $2::int8[], $3::text[], $4::uuid[]) AS wanted (id, at, reference, letter_id)
), moved AS (
    UPDATE orders SET status = $5, settled_at = wanted.at
    FROM wanted WHERE orders.id = wanted.id AND (orders.status = $6) IS TRUE
    AND (NOT EXISTS (SELECT 1 FROM webhook_endpoints) OR NOT EXISTS (
        SELECT 1 FROM performances
        JOIN events ON events.id = performances.event_id
        JOIN webhook_endpoints ON webhook_endpoints.organizer_id = events.organizer_id
        WHERE performances.id = orders.performance_id
    )) RETURNING orders.*, wanted.at, wanted.reference, wanted.letter_id
), written AS (
    INSERT INTO deliveries (id, lane, kind, order_id, address, language, time_zone, status, attempts,
                            due_at, begun_at, created_at)
    SELECT letter_id, $8, $9, id, buyer_email, letter_language, letter_time_zone, $10, 0, at, at, at
    FROM moved WHERE buyer_email IS NOT NULL AND letter_language IS NOT NULL AND letter_time_zone IS NOT NULL
    ON CONFLICT (id) DO NOTHING
), captured AS (
    UPDATE payments SET status = $7, reference = moved.reference, updated_at = moved.at
    FROM moved WHERE payments.order_id = moved.id
    RETURNING payments.order_id, payments.method
)
SELECT moved.*, captured.method,
       order_units.unit, order_units.price, order_units.currency AS unit_currency, order_units.ticket_code
FROM moved JOIN captured ON captured.order_id = moved.id LEFT JOIN order_units ON order_units.order_id = moved.id
ORDER BY moved.id, order_units.unit";

/// Pays those that can be; `None` where the shared queries have to say how one stands.
pub(super) async fn pay(pool: &PgPool, these: &[&Pay]) -> Result<Vec<Option<SettleOrder>>, Failure> {
    // One that is there twice is paid once; the other is asked after.
    let mut seen = HashSet::new();
    let wanted: Vec<&Pay> = these.iter().copied().filter(|pay| seen.insert(pay.id)).collect();
    let found = sqlx::query(PAY)
        .bind(column(&wanted, |pay| pay.id.0))
        .bind(column(&wanted, |pay| pay.at.as_millis()))
        .bind(column(&wanted, |pay| pay.reference.clone()))
        .bind(column(&wanted, |pay| deliveries::letter_id(pay.id.0, LetterKind::Tickets, pay.at).0))
        .bind(OrderStatus::Paid.as_str())
        .bind(OrderStatus::Paying.as_str())
        .bind(PaymentStatus::Captured.as_str())
        .bind(deliveries::MAIL)
        .bind(LetterKind::Tickets.as_str())
        .bind(DeliveryStatus::Waiting.as_str())
        .fetch_all(pool)
        .await;
    let mut paid = HashMap::new();
    for rows in unless_of_a_row(found)?.chunk_by(|one, next| id_of(one) == id_of(next)) {
        if let Some(order) = paid_order(rows)? {
            paid.insert(order.id, order);
        }
    }
    Ok(these.iter().map(|pay| Some(SettleOrder::Done(Box::new(paid.remove(&pay.id)?)))).collect())
}

fn id_of(row: &PgRow) -> Option<Uuid> {
    row.try_get("id").ok()
}

/// An order that was paid just now, of its rows, one a unit.
fn paid_order(rows: &[PgRow]) -> Result<Option<Order>, Failure> {
    let Some(first) = rows.first() else { return Ok(None) };
    let mut units = Vec::with_capacity(rows.len());
    for row in rows {
        let Some(unit) = row.try_get("unit")? else { continue };
        let currency: &str = row.try_get("unit_currency")?;
        units.push(rows::bought(unit, row.try_get("price")?, currency, row.try_get("ticket_code")?)?);
    }
    let order = order(first)?;
    let id = OrderId(order.id);
    let payment = (first.try_get("method")?, Some(first.try_get("reference")?));
    let paid = rows::put_together(&order, Some(payment), units)?;
    paid.map(Some).ok_or_else(|| StoreError::corrupt(format!("order {id} was paying and never begun")).into())
}

/// The same of each of many, as a column.
fn column<T, V>(these: &[T], value: impl FnMut(&T) -> V) -> Vec<V> {
    these.iter().map(value).collect()
}

/// What a statement about many gave; nothing where it was refused for one of them.
fn unless_of_a_row(found: Result<Vec<PgRow>, sqlx::Error>) -> Result<Vec<PgRow>, Failure> {
    match found {
        Err(error) if is_of_a_row(&error) => {
            tracing::debug!(%error, "one after the other");
            Ok(Vec::new())
        }
        found => Ok(found?),
    }
}

fn order(row: &PgRow) -> Result<orders::Model, sqlx::Error> {
    Ok(orders::Model {
        id: row.try_get::<Uuid, _>("id")?,
        reservation_id: row.try_get("reservation_id")?,
        performance_id: row.try_get("performance_id")?,
        owner_id: row.try_get("owner_id")?,
        fence: row.try_get("fence")?,
        status: row.try_get("status")?,
        total: row.try_get("total")?,
        currency: row.try_get("currency")?,
        buyer_name: row.try_get("buyer_name")?,
        buyer_phone: row.try_get("buyer_phone")?,
        buyer_email: row.try_get("buyer_email")?,
        letter_language: row.try_get("letter_language")?,
        letter_time_zone: row.try_get("letter_time_zone")?,
        failure: row.try_get("failure")?,
        sequence: row.try_get("sequence")?,
        created_at: row.try_get("created_at")?,
        settled_at: row.try_get("settled_at")?,
        refunded_at: row.try_get("refunded_at")?,
    })
}
