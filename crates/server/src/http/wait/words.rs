//! The texts of the waiting page without scripts, in both languages.
//!
//! Invariant: one record has them all, so none can be missing in one language. They say what the pages with scripts say
//! (`web/src/lib/messages`), and times as spans, because only a browser knows the time of its place.

/// The languages there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    English,
    Korean,
}

impl Language {
    /// The one that the browser likes best; English where it likes neither.
    pub(super) fn preferred(accept_language: &str) -> Self {
        let mut best = (0.0, Self::English);
        for range in accept_language.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let tag = parts.next().unwrap_or_default().split('-').next().unwrap_or_default();
            let quality = parts.find_map(|part| part.strip_prefix("q="));
            let quality: f32 = quality.map_or(1.0, |quality| quality.parse().unwrap_or(0.0));
            let language = match tag.to_ascii_lowercase().as_str() {
                "ko" => Self::Korean,
                "en" => Self::English,
                _ => continue,
            };
            if quality > best.0 {
                best = (quality, language);
            }
        }
        best.1
    }

    pub(super) fn words(self) -> &'static Words {
        match self {
            Self::English => &ENGLISH,
            Self::Korean => &KOREAN,
        }
    }
}

/// A text about a number, which stands where `#` is.
pub(super) struct Counted {
    one: &'static str,
    other: &'static str,
}

impl Counted {
    pub(super) fn of(&self, count: u64) -> String {
        let form = if count == 1 { self.one } else { self.other };
        form.replace('#', &grouped(count))
    }
}

/// With thousands set off, as both languages write them.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Every text. `{}` is a name or a span.
pub(super) struct Words {
    pub(super) tag: &'static str,
    pub(super) title: &'static str,
    pub(super) list_title: &'static str,
    pub(super) list_text: &'static str,
    pub(super) list_empty: &'static str,
    pub(super) join: &'static str,
    pub(super) join_text: &'static str,
    pub(super) join_again: &'static str,
    pub(super) lobby: &'static str,
    pub(super) lobby_text: &'static str,
    pub(super) opens_in: &'static str,
    pub(super) opening: &'static str,
    pub(super) waiting: &'static str,
    pub(super) position: &'static str,
    pub(super) ahead: &'static str,
    pub(super) people: Counted,
    pub(super) nobody: &'static str,
    pub(super) turn_in: &'static str,
    pub(super) soon: &'static str,
    pub(super) about_minutes: Counted,
    pub(super) about_hours: Counted,
    pub(super) seconds: Counted,
    pub(super) minutes: Counted,
    pub(super) unknown: &'static str,
    pub(super) paused: &'static str,
    pub(super) still: &'static str,
    pub(super) reached: Counted,
    pub(super) likely: &'static str,
    pub(super) unlikely: &'static str,
    pub(super) kept: &'static str,
    pub(super) looks_again: Counted,
    pub(super) look: &'static str,
    pub(super) leave: &'static str,
    pub(super) leave_text: &'static str,
    pub(super) leave_lobby: &'static str,
    pub(super) leave_yes: &'static str,
    pub(super) left: &'static str,
    pub(super) ready: &'static str,
    pub(super) ready_text: &'static str,
    pub(super) enter: &'static str,
    pub(super) at_door: &'static str,
    pub(super) at_door_text: &'static str,
    pub(super) missed: &'static str,
    pub(super) missed_text: &'static str,
    pub(super) missed_enter: &'static str,
    pub(super) full: &'static str,
    pub(super) inside: &'static str,
    pub(super) inside_text: &'static str,
    pub(super) choose_needs_script: &'static str,
    pub(super) choose: &'static str,
    pub(super) sold_out: &'static str,
    pub(super) sold_out_text: &'static str,
    pub(super) closed: &'static str,
    pub(super) closed_text: &'static str,
    pub(super) closed_join: &'static str,
    pub(super) gone: &'static str,
    pub(super) gone_text: &'static str,
    pub(super) needs_work: &'static str,
    pub(super) needs_account: &'static str,
    pub(super) to_script: &'static str,
    pub(super) no_room: &'static str,
    pub(super) no_room_text: &'static str,
    pub(super) duplicate: &'static str,
    pub(super) too_many: &'static str,
    pub(super) unavailable: &'static str,
    pub(super) unavailable_text: &'static str,
    pub(super) elsewhere: &'static str,
    pub(super) elsewhere_text: &'static str,
    pub(super) events: &'static str,
}

static ENGLISH: Words = Words {
    tag: "en",
    title: "Waiting room: {}",
    list_title: "Waiting rooms",
    list_text: "You can wait here without JavaScript. Choosing seats and paying need it.",
    list_empty: "No event has a waiting room just now.",
    join: "Join the line",
    join_text: "Join the line, and this page tells you when it is your turn. Your place is kept in a cookie of this site.",
    join_again: "Join again",
    lobby: "You are in the waiting room",
    lobby_text: "The waiting room has not opened yet. When it does, the order of everybody here is drawn by lot: coming earlier is no advantage, and reloading is none either.",
    opens_in: "It opens in {}.",
    opening: "It is opening now. The order is being drawn…",
    waiting: "You are in the line",
    position: "Your place",
    ahead: "Ahead of you",
    people: Counted { one: "# person", other: "# people" },
    nobody: "Nobody",
    turn_in: "Your turn comes in",
    soon: "less than a minute",
    about_minutes: Counted { one: "about # minute", other: "about # minutes" },
    about_hours: Counted { one: "about # hour", other: "about # hours" },
    seconds: Counted { one: "# second", other: "# seconds" },
    minutes: Counted { one: "# minute", other: "# minutes" },
    unknown: "not known right now",
    paused: "The organizer has paused the line. Your place is kept.",
    still: "Nobody is being let in at the moment. Your place is kept.",
    reached: Counted {
        one: "About # of those waiting will be reached with what is left.",
        other: "About # of those waiting will be reached with what is left.",
    },
    likely: "You are likely to be among them.",
    unlikely: "Your place will probably not be reached. You may wait all the same: seats that are given back go to the line.",
    kept: "Your place never changes; the line in front of you gets shorter. You can close this page and come back: your place is kept. Be here when your turn comes.",
    looks_again: Counted {
        one: "This page looks again by itself after # second.",
        other: "This page looks again by itself after # seconds.",
    },
    look: "Look again now",
    leave: "Leave the line …",
    leave_text: "If you come back later, you start at the end of the line.",
    leave_lobby: "If you come back before it opens, you have the same chance as now.",
    leave_yes: "Leave the line",
    left: "You have left the line. Nothing was charged.",
    ready: "It is your turn!",
    ready_text: "Go in within {}. After that the next person is called.",
    enter: "Go in",
    at_door: "You are at the door",
    at_door_text: "It is full inside just now. You are let in as soon as somebody leaves, before everybody who waits behind you. Keep this page open.",
    missed: "Your turn has passed",
    missed_text: "You did not go in within the time. As long as there is room, you can still go in: try it.",
    missed_enter: "Try to go in",
    full: "There is no room just now. Try again in a moment, or leave and join again at the end of the line.",
    inside: "You are in",
    inside_text: "Choose your seats within {}. Seats that you hold by then are yours to pay for.",
    choose_needs_script: "Choosing seats and paying do not work without JavaScript. Switch JavaScript on for this site and follow the link; your place goes with you.",
    choose: "Choose seats",
    sold_out: "Sold out",
    sold_out_text: "Everything was sold before your turn came. Nothing was charged. Sometimes seats come back: look at the event again later, or see what else is on.",
    closed: "The waiting room is closed",
    closed_text: "The organizer has closed it. If it opens again, you have the place that you had: come back later.",
    closed_join: "The organizer has closed it, so nobody can join right now. Try again later.",
    gone: "You have no place any more",
    gone_text: "It was given up, has been used to buy, or its time is over. What you have paid for is yours.",
    needs_work: "This event needs JavaScript already to join: your device has to do a little work first, which keeps robots out of the line. Switch JavaScript on for this site and follow the link.",
    needs_account: "This event is sold to people with an account only, and logging in needs JavaScript. Switch it on for this site and follow the link.",
    to_script: "To the waiting room with JavaScript",
    no_room: "No waiting room",
    no_room_text: "There is no such event, or it has no waiting room.",
    duplicate: "Somebody from your network is waiting already, and this event gives one place to each.",
    too_many: "Too many people join from your network at once. Try again in {}.",
    unavailable: "One moment",
    unavailable_text: "The waiting room does not answer right now. Your place is kept, and this page tries again by itself.",
    elsewhere: "That did not come from here",
    elsewhere_text: "Something other than this page sent you on. Nothing was changed.",
    events: "See other events",
};

static KOREAN: Words = Words {
    tag: "ko",
    title: "대기실: {}",
    list_title: "대기실 목록",
    list_text: "JavaScript 없이도 여기서 줄을 설 수 있습니다. 좌석 선택과 결제에는 JavaScript가 필요합니다.",
    list_empty: "지금은 대기실이 있는 공연이 없습니다.",
    join: "줄 서기",
    join_text: "줄을 서면 차례가 되었을 때 이 화면이 알려 드립니다. 순번은 이 사이트의 쿠키에 보관됩니다.",
    join_again: "다시 줄 서기",
    lobby: "입장 대기 중입니다",
    lobby_text: "아직 대기실이 열리지 않았습니다. 열리면 여기 있는 모든 분의 순서를 추첨으로 정합니다. 먼저 오거나 새로 고쳐도 유리해지지 않습니다.",
    opens_in: "{} 뒤에 열립니다.",
    opening: "지금 열립니다. 순서를 추첨하는 중…",
    waiting: "줄을 서 있습니다",
    position: "내 순번",
    ahead: "내 앞",
    people: Counted { one: "#명", other: "#명" },
    nobody: "없음",
    turn_in: "예상 대기 시간",
    soon: "1분 이내",
    about_minutes: Counted { one: "약 #분", other: "약 #분" },
    about_hours: Counted { one: "약 #시간", other: "약 #시간" },
    seconds: Counted { one: "#초", other: "#초" },
    minutes: Counted { one: "#분", other: "#분" },
    unknown: "지금은 알 수 없음",
    paused: "주최자가 입장을 잠시 멈추었습니다. 순번은 유지됩니다.",
    still: "지금은 아무도 입장하지 않고 있습니다. 순번은 유지됩니다.",
    reached: Counted {
        one: "남은 좌석으로 대기 중인 분 가운데 약 #명이 입장할 수 있습니다.",
        other: "남은 좌석으로 대기 중인 분 가운데 약 #명이 입장할 수 있습니다.",
    },
    likely: "고객님도 입장할 가능성이 높습니다.",
    unlikely: "고객님 차례까지 오지 않을 가능성이 높습니다. 그래도 기다리실 수 있으며, 반납된 좌석은 줄을 선 분들에게 돌아갑니다.",
    kept: "순번은 바뀌지 않고 앞의 줄이 짧아집니다. 이 화면을 닫았다가 다시 오셔도 순번은 유지됩니다. 차례가 되면 자리에 계셔야 합니다.",
    looks_again: Counted {
        one: "이 화면은 #초 뒤에 스스로 다시 확인합니다.",
        other: "이 화면은 #초 뒤에 스스로 다시 확인합니다.",
    },
    look: "지금 다시 확인",
    leave: "줄에서 나가기…",
    leave_text: "나중에 다시 오면 줄의 맨 뒤부터 시작합니다.",
    leave_lobby: "열리기 전에 다시 오면 지금과 같은 기회를 갖습니다.",
    leave_yes: "줄에서 나가기",
    left: "줄에서 나왔습니다. 결제된 금액은 없습니다.",
    ready: "입장할 차례입니다!",
    ready_text: "{} 안에 입장하세요. 시간이 끝나면 다음 분을 부릅니다.",
    enter: "입장하기",
    at_door: "문 앞에 있습니다",
    at_door_text: "지금은 안이 가득 찼습니다. 누군가 나가면 뒤에서 기다리는 분들보다 먼저 들여보내 드립니다. 이 화면을 열어 두세요.",
    missed: "입장 순서가 지나갔습니다",
    missed_text: "정해진 시간 안에 입장하지 않았습니다. 안에 자리가 있으면 아직 입장할 수 있습니다.",
    missed_enter: "입장 시도하기",
    full: "지금은 자리가 없습니다. 잠시 뒤 다시 시도하거나 줄에서 나가 맨 뒤에 다시 서세요.",
    inside: "입장했습니다",
    inside_text: "{} 안에 좌석을 고르세요. 그때까지 선점한 좌석은 결제하실 수 있습니다.",
    choose_needs_script: "좌석 선택과 결제는 JavaScript 없이는 되지 않습니다. 이 사이트에서 JavaScript를 켜고 아래 링크로 가시면 순번이 그대로 따라갑니다.",
    choose: "좌석 선택",
    sold_out: "매진",
    sold_out_text: "차례가 되기 전에 모두 판매되었습니다. 결제된 금액은 없습니다. 취소된 좌석이 나올 수 있으니 나중에 다시 확인하거나 다른 공연을 보세요.",
    closed: "대기실이 닫혔습니다",
    closed_text: "주최자가 대기실을 닫았습니다. 다시 열리면 순번은 그대로입니다. 나중에 다시 오세요.",
    closed_join: "주최자가 대기실을 닫아 지금은 줄을 설 수 없습니다. 나중에 다시 시도하세요.",
    gone: "더 이상 순번이 없습니다",
    gone_text: "순번을 포기했거나 구매에 사용했거나 시간이 끝났습니다. 이미 결제한 좌석은 고객님의 것입니다.",
    needs_work: "이 공연은 줄을 설 때부터 JavaScript가 필요합니다. 자동 프로그램을 막기 위해 기기가 먼저 짧은 계산을 해야 합니다. 이 사이트에서 JavaScript를 켜고 아래 링크로 가세요.",
    needs_account: "이 공연은 회원만 구매할 수 있으며 로그인에는 JavaScript가 필요합니다. 이 사이트에서 JavaScript를 켜고 아래 링크로 가세요.",
    to_script: "JavaScript로 대기실 열기",
    no_room: "대기실이 없습니다",
    no_room_text: "없는 공연이거나 대기실이 없는 공연입니다.",
    duplicate: "같은 네트워크에서 이미 줄을 선 분이 있습니다. 이 공연은 네트워크마다 한 자리만 드립니다.",
    too_many: "같은 네트워크에서 한꺼번에 너무 많은 분이 줄을 서고 있습니다. {} 뒤에 다시 시도하세요.",
    unavailable: "잠시만 기다려 주세요",
    unavailable_text: "지금은 대기실이 응답하지 않습니다. 순번은 유지되며 이 화면이 스스로 다시 시도합니다.",
    elsewhere: "이 화면에서 보낸 요청이 아닙니다",
    elsewhere_text: "이 화면이 아닌 곳에서 온 요청이어서 아무것도 바꾸지 않았습니다.",
    events: "다른 공연 보기",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_that_is_liked_best() {
        let of = Language::preferred;
        assert_eq!(of("ko-KR,ko;q=0.9,en;q=0.8"), Language::Korean);
        assert_eq!(of("en-US,en;q=0.9,ko;q=0.8"), Language::English);
        assert_eq!(of("fr, ko;q=0.4, en;q=0.6"), Language::English);
        assert_eq!(of("fr;q=1, KO;q=0.4"), Language::Korean);
        assert_eq!([of(""), of("fr"), of("ko;q=0"), of("ko;q=x")], [Language::English; 4]);
    }

    #[test]
    fn numbers_stand_in_the_right_form() {
        let [english, korean] = [Language::English, Language::Korean].map(Language::words);
        assert_eq!([0, 1, 2].map(|count| english.people.of(count)), ["0 people", "1 person", "2 people"]);
        assert_eq!(english.people.of(1_234_567), "1,234,567 people");
        assert_eq!(korean.people.of(1_000), "1,000명");
        assert_eq!([0, 999, 1_000, 100_000].map(grouped), ["0", "999", "1,000", "100,000"]);
    }
}
