/** Pictures of the organizers' pages, while an on-sale is under way. */
import { call, guest, hold, logIn, perform } from '../support/api.ts';
import { expect, serve, test } from '../support/test.ts';
import { nameOf, round, visitors } from './camera.ts';

const own = serve({ ONSALE_PAYMENTS__SIMULATED__FAILURE_RATE: '0' });

let scene: { event: string; performance: string };

test.beforeAll(async () => {
  const { server } = own;
  const settings = { waiting_room: { mode: 'on' } };
  await perform(server, { title: 'New Year’s concert', rows: 12, columns: 20, opensIn: 60 * 24 });
  scene = await perform(server, { title: 'The cherry orchard', rows: 12, columns: 20 });
  for (let buyer = 0; buyer < 12; buyer += 1) {
    const token = await guest(server);
    const held = await hold(server, token, scene.performance, [buyer * 4 + 1, buyer * 4 + 2]);
    if (buyer % 3 === 0) continue;
    await call(server, 'POST', `/reservations/${held.id}/confirm`, {
      token,
      key: held.id,
      body: { payment: { method: 'simulated' }, buyer: { name: `Buyer ${buyer + 1}` } },
    });
  }
  const token = await logIn(server);
  await call(server, 'PATCH', `/events/${scene.event}`, { token, body: { settings } });
});

/**
 * What is pictured: its name, where it is, and what is there when it is whole. Another page of the organizers is another
 * line here; what the documentation shows of it is named in `inDocs`, with the screen.
 */
const pages = (): readonly [name: string, path: string, whole: string][] => [
  ['manage', '/manage', 'h1'],
  ['manage-event', `/manage/events/${scene.event}`, 'h1'],
  ['manage-sale', `/manage/events/${scene.event}/sale`, 'h1'],
  ['manage-performance', `/manage/performances/${scene.performance}`, 'h1'],
  ['manage-plans', '/manage/plans', 'h1'],
  ['manage-new-plan', '/manage/plans/new', 'h1'],
];

const inDocs = new Set<string>(['manage-sale-desktop', 'manage-new-plan-desktop']);

test.describe.configure({ mode: 'serial' });
for (const visitor of visitors) {
  test(`organizers: ${nameOf(visitor)}`, async ({ browser }) => {
    const { server } = own;
    await round(browser, visitor, inDocs, async (page, take) => {
      await page.goto(`${server.url}/#/login?next=/manage`);
      await page.locator('#email').fill(server.organizer.email);
      await page.locator('#password').fill(server.organizer.password);
      await page.locator('form button[type=submit]').click();
      await expect(page).toHaveURL(/#\/manage$/);
      for (const [name, path, whole] of pages()) {
        await page.goto(`${server.url}/#${path}`);
        await expect(page.locator(`main ${whole}`).first()).toBeVisible();
        await expect(page.locator('.skeleton')).toHaveCount(0);
        await page.waitForLoadState('networkidle');
        await take(name);
      }
    });
  });
}
