/**
 * A script that speaks the documented interface of Stripe.js, as far as pages of card forms use it, with frames of its own
 * like Stripe's: the page never sees what is typed there.
 *
 * Not Stripe's code and not that of `localstripe`, whose script knows neither the Payment Element nor how to make a
 * PaymentMethod in the browser. Everything here runs in the browser, as text; `front` is its own origin.
 */

/** What the page loads. */
export const script = `(() => {
  const front = new URL(document.currentScript.src).origin;
  let asked = 0;
  const ask = (frame, message) => new Promise((resolve) => {
    const id = ++asked;
    const hear = (event) => {
      if (event.origin !== front || event.data.id !== id) return;
      removeEventListener('message', hear);
      resolve(event.data.answer);
    };
    addEventListener('message', hear);
    frame.contentWindow.postMessage({ id, ...message }, front);
  });
  const framed = (path, title) => {
    const frame = document.createElement('iframe');
    frame.src = front + path;
    frame.title = title;
    frame.style.border = '0';
    frame.style.inlineSize = '100%';
    return frame;
  };
  window.Stripe = (key, { locale }) => {
    if (!key.startsWith('pk_')) throw new Error('a publishable key');
    return {
      elements: ({ mode, amount, currency, paymentMethodCreation }) => {
        if (mode !== 'payment' || !(amount > 0) || currency !== currency.toLowerCase())
          throw new Error('options of a deferred payment');
        if (paymentMethodCreation !== 'manual') throw new Error('made on the client, confirmed on the server');
        let frame;
        return {
          create: () => ({
            on: (event, heard) => { if (event === 'ready') (frame ??= framed('/form?locale=' + locale, 'Secure payment input frame')).addEventListener('load', heard); },
            mount: (place) => { frame.style.blockSize = '15rem'; place.append(frame); },
            destroy: () => frame.remove(),
          }),
          submit: () => ask(frame, { what: 'submit' }),
          frame: () => frame,
        };
      },
      createPaymentMethod: ({ elements, params }) =>
        ask(elements.frame(), { what: 'create', name: params.billing_details.name, key }),
      handleNextAction: async ({ clientSecret }) => {
        const frame = framed('/bank?locale=' + locale, 'Bank');
        frame.style.cssText += ';position:fixed;inset:10% 5% auto;block-size:16rem;inline-size:90%;z-index:99;background:#fff';
        const loaded = new Promise((resolve) => frame.addEventListener('load', resolve));
        document.body.append(frame);
        await loaded;
        const answer = await ask(frame, { what: 'authenticate', clientSecret, key });
        frame.remove();
        return answer;
      },
    };
  };
})();`;

const words = {
  en: {
    labels: ['Card number', 'Expiration date', 'Security code'],
    incomplete: 'Your card number is incomplete.',
    unproved: 'We are unable to authenticate your payment method.',
    bank: ['Complete authentication', 'Fail authentication'],
  },
  ko: {
    labels: ['카드 번호', '만료일', '보안 코드'],
    incomplete: '카드 번호가 완전하지 않습니다.',
    unproved: '결제 수단을 인증할 수 없습니다.',
    bank: ['인증 완료', '인증 실패'],
  },
};

const documentOf = (locale: string, body: string, code: string) =>
  `<!doctype html><html lang="${locale}"><meta charset="utf-8"><title>Stripe</title>
<style>label,input,button,p{display:block;font:1rem system-ui;margin:.25rem 0}input,button{min-height:2.75rem;inline-size:95%}p{color:#a8232b}</style>
<div>${body}</div><script>${code}</script></html>`;

const localeOf = (asked: string | null): 'en' | 'ko' => (asked === 'ko' ? 'ko' : 'en');

/** The frame into which a card is typed. */
export function formFrame(asked: string | null): string {
  const locale = localeOf(asked);
  const { labels, incomplete } = words[locale];
  const field = (label: string, index: number) =>
    `<label for="f${index}">${label}</label><input id="f${index}" inputmode="numeric">`;
  return documentOf(
    locale,
    `${labels.map(field).join('')}<p role="alert"></p>`,
    `const value = (index) => document.getElementById('f' + index).value.replaceAll(' ', '');
addEventListener('message', async ({ data, source, origin }) => {
  const answer = (answer) => source.postMessage({ id: data.id, answer }, origin);
  const isWhole = value(0).length === 16 && value(1).length === 4 && value(2).length === 3;
  document.querySelector('p').textContent = isWhole ? '' : ${JSON.stringify(incomplete)};
  if (!isWhole) return answer({ error: { type: 'validation_error', code: 'incomplete_number', message: ${JSON.stringify(incomplete)} } });
  if (data.what === 'submit') return answer({});
  const body = new URLSearchParams({ type: 'card', 'card[number]': value(0), 'card[exp_month]': value(1).slice(0, 2),
    'card[exp_year]': value(1).slice(2), 'card[cvc]': value(2), 'billing_details[name]': data.name });
  const response = await fetch('/browser/payment_methods', { method: 'POST', body });
  const made = await response.json();
  answer(response.ok ? { paymentMethod: { id: made.id } } : { error: made.error });
});`,
  );
}

/** The frame in which a bank asks its customer. */
export function bankFrame(asked: string | null): string {
  const locale = localeOf(asked);
  const { bank, unproved } = words[locale];
  return documentOf(
    locale,
    `<h1>3D Secure</h1>${bank.map((label, index) => `<button value="${index === 0}">${label}</button>`).join('')}`,
    `addEventListener('message', ({ data, source, origin }) => {
  for (const button of document.querySelectorAll('button')) button.onclick = async () => {
    const path = '/browser/authenticate?success=' + button.value;
    const response = await fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ key: data.key, client_secret: data.clientSecret }) });
    const isGood = response.ok && button.value === 'true';
    source.postMessage({ id: data.id, answer: isGood ? { paymentIntent: {} } : { error: {
      type: 'invalid_request_error', code: 'payment_intent_authentication_failure', message: ${JSON.stringify(unproved)} } } }, origin);
  };
});`,
  );
}
