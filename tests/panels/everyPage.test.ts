/** Every page, as a whole: nothing to complain about, accessible, as wide as a phone, in both languages and schemes. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBrowser, type TestBrowser, type Visitor } from '../support/browser.js';
import { adminPages, brokenLabels, cutBadges, memberPages, signInAsAdmin, signInAsMember, widthOverflow } from '../support/panelSteps.js';
import { type Service, startService } from '../support/service.js';
import { addTokens, ask } from '../support/traffic.js';

const mia = { email: 'mia@members.test', password: 'a long password' };
let service: Service;
let browser: TestBrowser;

beforeAll(async () => {
  service = await startService();
  browser = await startBrowser();
  const { admin, url } = service;
  await addTokens(service, 2);
  await addTokens(service, 1, { name: `a-very-long-name-${'without-a-break'.repeat(5)}` });
  await admin.post('/admin/api/users', {
    username: 'w'.repeat(100),
    email: `${'long'.repeat(15)}@members.test`,
    password: 'a long password',
  });
  const { id } = await admin.post<{ id: string }>('/admin/api/users', { username: 'mia', ...mia });
  const { key } = await admin.post<{ key: string }>(`/admin/api/users/${id}/keys`, { name: 'laptop' });
  for (let i = 0; i < 5; i += 1) expect((await ask(url, key, `hello ${i}`)).status).toBe(200);
  expect((await ask(url, 'sk-unknown', 'hello')).status).toBe(401);
  await admin.post('/admin/api/announcements', { content: 'Welcome to all of you.', active: true, allowGuest: true });
  await admin.post('/admin/api/ip-bans', { ip: '203.0.113.0/24', reason: 'too-much-'.repeat(30) });
  await admin.post('/admin/api/import-keys', { name: 'nightly script' });
});
afterAll(async () => {
  await browser?.close();
  await service?.stop();
});

const phone = { viewport: { width: 360, height: 740 } };
const looks = [
  ['wide and light', { colorScheme: 'light' as const }],
  ['on a dark phone, in Chinese', { ...phone, colorScheme: 'dark' as const, locale: 'zh-CN' }],
] as const;

async function signedIn(audience: 'member' | 'admin', options: object): Promise<Visitor> {
  // Sign-in is by English names: the language changes with the visitor afterwards.
  const visitor = await browser.visit(`${service.url}${audience === 'admin' ? '/admin/login' : '/login'}`, {
    expected: /401/,
    ...options,
    locale: 'en-US',
  });
  if (audience === 'admin') await signInAsAdmin(visitor.page);
  else {
    await signInAsMember(visitor.page, mia);
    await visitor.page.getByRole('heading', { name: 'Overview' }).waitFor();
  }
  return visitor;
}

async function faultsOf(visitor: Visitor, path: string): Promise<string[]> {
  const { page } = visitor;
  await page.goto(`${service.url}${path}`);
  await page.getByRole('heading', { level: 1 }).first().waitFor();
  await page.locator('[aria-busy="true"], .mantine-Skeleton-root').first().waitFor({ state: 'detached' });
  const faults = await visitor.accessibilityFaults();
  const overflow = await widthOverflow(page);
  faults.push(...(await cutBadges(page)).map((badge) => `cut: ${badge}`));
  faults.push(...(await brokenLabels(page)).map((label) => `broken: ${label}`));
  if (overflow > 0) faults.push(`sticks out by ${overflow} px`);
  return faults.map((fault) => `${path}: ${fault}`);
}

describe.each(looks)('every page, %s', { timeout: 300_000 }, (_name, options) => {
  it.each([
    ['member', memberPages],
    ['admin', adminPages],
  ] as const)('of the %s has nothing that axe, the console or the policy find serious', async (audience, pages) => {
    const visitor = await signedIn(audience, options);
    if ('locale' in options) await visitor.page.evaluate("localStorage.setItem('kirogate-language', 'zh-CN')");
    const faults: string[] = [];
    for (const path of pages) faults.push(...(await faultsOf(visitor, path)));
    expect(faults).toEqual([]);
    expect(visitor.complaints).toEqual([]);
    if ('locale' in options) expect(await visitor.page.locator('html').getAttribute('lang')).toBe('zh-CN');
    await visitor.leave();
  });

  it('of a guest has nothing that axe, the console or the policy find serious', async () => {
    const visitor = await browser.visit(`${service.url}/`, { expected: /401/, ...options });
    const faults: string[] = [];
    for (const path of ['/login', '/register', '/admin/login', '/docs', '/panel/nowhere']) faults.push(...(await faultsOf(visitor, path)));
    expect(faults).toEqual([]);
    expect(visitor.complaints).toEqual([]);
    await visitor.leave();
  });
});
