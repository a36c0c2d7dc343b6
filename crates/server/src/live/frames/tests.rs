//! Whoever follows the frames, however brokenly, ends where the views are.

use base64::Engine;
use onsale_domain::units::Counts;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::Value;

use super::*;

const SEATS: u32 = 203;

fn at(offset: u32) -> Position {
    Position { epoch: 1, offset }
}

fn view(offset: u32, bits: &[u8], free: u32) -> Availability {
    let states =
        bits.chunks(4).map(|four| four.iter().rev().fold(0, |byte, bits| (byte << 2) | bits)).collect();
    Availability {
        position: at(offset),
        seat_count: bits.len() as u32,
        states,
        areas: vec![(1, free)],
        counts: Counts::default(),
    }
}

/// A client as the interface describes it.
#[derive(Default)]
struct Client {
    position: Option<Position>,
    bits: Vec<u8>,
    free: u64,
    snapshots: u32,
}

impl Client {
    fn take(&mut self, text: &str) {
        let frame: Value = serde_json::from_str(text).unwrap();
        if frame["type"] == "snapshot" {
            let states =
                base64::engine::general_purpose::STANDARD.decode(frame["states"].as_str().unwrap()).unwrap();
            let count = frame["seat_count"].as_u64().unwrap() as usize;
            self.bits = (0..count).map(|seat| (states[seat / 4] >> (seat % 4 * 2)) & 0b11).collect();
            self.free = frame["areas"][0]["available"].as_u64().unwrap();
            self.position = Some(frame["position"].as_str().unwrap().parse().unwrap());
            self.snapshots += 1;
            return;
        }
        assert_eq!(frame["type"], "delta");
        let from: Position = frame["from"].as_str().unwrap().parse().unwrap();
        assert_eq!(Some(from), self.position, "a gap that the server should have seen");
        for (name, bits) in [("available", 0), ("held", 1), ("sold", 2), ("blocked", 3)] {
            for seat in frame[name].as_array().unwrap() {
                self.bits[seat.as_u64().unwrap() as usize - 1] = bits;
            }
        }
        for area in frame["areas"].as_array().unwrap() {
            self.free = area["available"].as_u64().unwrap();
        }
        self.position = Some(frame["to"].as_str().unwrap().parse().unwrap());
    }
}

#[test]
fn clients_that_look_seldom_end_with_the_same_states() {
    for seed in 0..50 {
        let mut random = StdRng::seed_from_u64(seed);
        let mut ring = Ring::default();
        let mut bits = vec![0_u8; SEATS as usize];
        let (mut free, mut offset) = (100, 0);
        let mut shown = view(offset, &bits, free);
        let mut clients: Vec<Client> = Vec::new();
        clients.resize_with(5, Client::default);
        for _ in 0..1_000 {
            for _ in 0..random.random_range(1..4) {
                offset += 1;
                let seat = random.random_range(0..bits.len());
                bits[seat] = random.random_range(0..4);
                if random.random_bool(0.2) {
                    free = random.random_range(0..100);
                }
            }
            let next = view(offset, &bits, free);
            let changes = Changes::between(&shown, &next);
            if !changes.is_empty() {
                ring.push(shown.position, next.position, changes);
                shown = next;
            }
            for (slowness, client) in clients.iter_mut().enumerate() {
                if random.random_bool(0.25_f64.powf(slowness as f64)) {
                    catch_up(client, &ring, &shown);
                    assert_eq!(client.bits, decoded(&shown), "seed {seed}");
                }
            }
        }
        for client in &mut clients {
            catch_up(client, &ring, &shown);
            assert_eq!((&client.bits, client.free), (&bits, u64::from(free)), "seed {seed}");
        }
        assert_eq!(clients[0].snapshots, 1, "who keeps up needs one snapshot");
    }
}

fn decoded(view: &Availability) -> Vec<u8> {
    (1..=view.seat_count).map(|seat| view.bits(onsale_domain::units::Unit(seat))).collect()
}

fn catch_up(client: &mut Client, ring: &Ring, shown: &Availability) {
    let since = client.position.map_or(Since::Snapshot, |position| ring.since(position, shown));
    match since {
        Since::Nothing => {}
        Since::Delta(text) => client.take(&text),
        Since::Snapshot => client.take(&snapshot(shown)),
    }
}

#[test]
fn a_position_between_two_frames_can_be_continued() {
    let mut ring = Ring::default();
    let mut bits = vec![0; 1_000];
    let first = view(10, &bits, 5);
    bits[0] = 1;
    bits[4] = 2;
    let second = view(20, &bits, 5);
    ring.push(first.position, second.position, Changes::between(&first, &second));
    let Since::Delta(text) = ring.since(at(15), &second) else { panic!("continued") };
    let frame: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&frame["from"], &frame["to"]), (&"1:15".into(), &"1:20".into()));
    assert_eq!((&frame["held"], &frame["sold"]), (&serde_json::json!([1]), &serde_json::json!([5])));
    assert_eq!(ring.since(at(20), &second), Since::Nothing);
    assert_eq!(ring.since(at(9), &second), Since::Snapshot);
}

#[test]
fn a_delta_of_one_seat_is_small() {
    let mut changes = Changes::default();
    changes.seats.insert(99_999, 1);
    let far = |offset| Position { epoch: 1, offset };
    let text = delta(far(999_999), far(1_000_000), &changes);
    assert!(text.len() <= 120, "{} bytes: {text}", text.len());
}
