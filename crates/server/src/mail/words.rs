//! The sentences of letters, in the languages there are.

use crate::language::Language;

/// The sentences.
pub(super) struct Words {
    pub(super) tickets_subject: &'static str,
    pub(super) refund_subject: &'static str,
    pub(super) tickets: &'static str,
    pub(super) refund: &'static str,
    pub(super) void: &'static str,
    pub(super) refund_in_part: &'static str,
    pub(super) void_in_part: &'static str,
    pub(super) given_back: &'static str,
    pub(super) seats: &'static str,
    pub(super) total: &'static str,
    pub(super) look: &'static str,
    pub(super) hello: &'static str,
    pub(super) offer_subject: &'static str,
    pub(super) offer: &'static str,
    pub(super) held_until: &'static str,
    pub(super) take: &'static str,
    pub(super) same_browser: &'static str,
}

impl Words {
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::Korean => &KOREAN,
        }
    }
}

/// How a letter begins.
pub(super) fn greeting(language: Language, name: &str) -> String {
    match language {
        Language::English => format!("Hello {name},"),
        Language::Korean => format!("{name} 님, 안녕하세요."),
    }
}

static ENGLISH: Words = Words {
    tickets_subject: "Your tickets",
    refund_subject: "Your money is on its way back",
    tickets: "thank you for your order. Your tickets are attached as a PDF, a page each: print it, or show it on \
              your phone at the door.",
    refund: "the money for your order has been given back. Depending on how you paid, it takes a few days until \
             you have it.",
    void: "The tickets of this order are void.",
    refund_in_part: "the money for some seats of your order has been given back. Depending on how you paid, it takes a \
                     few days until you have it.",
    void_in_part: "The tickets for the seats below are void; all others of your order stay good.",
    given_back: "Given back",
    seats: "Seats",
    total: "Total",
    look: "Your order",
    hello: "Hello,",
    offer_subject: "Seats have come back for you",
    offer: "what you were waiting for has come back, and it is held for you. Buy it in time; after that it is \
            offered to the next in line. Nothing is charged if you do not.",
    held_until: "Held for you until",
    take: "Buy it now",
    same_browser: "If you are waiting without an account, open the link in the browser in which you joined the line.",
};

static KOREAN: Words = Words {
    tickets_subject: "티켓이 도착했습니다",
    refund_subject: "환불이 처리되었습니다",
    tickets: "예매해 주셔서 감사합니다. 티켓을 한 장에 한 쪽씩 PDF로 첨부했습니다. 출력하시거나 휴대전화에서 \
              열어 입장할 때 보여 주세요.",
    refund: "주문하신 금액을 환불했습니다. 결제 수단에 따라 돌려받기까지 며칠이 걸릴 수 있습니다.",
    void: "이 주문의 티켓은 더 이상 사용할 수 없습니다.",
    refund_in_part: "주문하신 좌석 가운데 일부의 금액을 환불했습니다. 결제 수단에 따라 돌려받기까지 며칠이 걸릴 수 \
                     있습니다.",
    void_in_part: "아래 좌석의 티켓은 더 이상 사용할 수 없으며, 나머지 티켓은 그대로 유효합니다.",
    given_back: "환불 금액",
    seats: "좌석",
    total: "합계",
    look: "주문 보기",
    hello: "안녕하세요.",
    offer_subject: "기다리시던 좌석이 나왔습니다",
    offer: "기다리시던 좌석이 다시 나와 고객님 앞으로 잡아 두었습니다. 시간 안에 결제해 주세요. 시간이 지나면 다음 \
            대기자에게 넘어가며, 결제하지 않으시면 요금은 청구되지 않습니다.",
    held_until: "잡아 둔 시간",
    take: "지금 결제하기",
    same_browser: "회원 가입 없이 기다리셨다면 대기를 시작한 브라우저에서 링크를 열어 주세요.",
};
