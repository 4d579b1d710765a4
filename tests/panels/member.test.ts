/** A member's way through the panel in a real browser: sign-up, approval, a donated token, a key, a request, and where it shows. */
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBrowser, type TestBrowser } from '../support/browser.js';
import { go, register, rowOf, signInAsAdmin, signInAsMember } from '../support/panelSteps.js';
import { type Service, startService } from '../support/service.js';
import { ask } from '../support/traffic.js';

let service: Service;
let browser: TestBrowser;

beforeAll(async () => {
  service = await startService({ env: { DEFAULT_USER_DAILY_QUOTA: '10' } });
  browser = await startBrowser();
});
afterAll(async () => {
  await browser?.close();
  await service?.stop();
});

const ada = { username: 'ada', email: 'ada@members.test', password: 'a long password' };

describe('a member', () => {
  it('registers, waits, is approved, donates, makes a key, sends a request, and finds it in activity and quota', async () => {
    await service.admin.put('/admin/api/config', { require_approval: true });
    const member = await browser.visit(`${service.url}/register`, { expected: /401|403/ });
    await register(member.page, ada);
    await member.page.getByRole('heading', { name: 'Waiting for approval' }).waitFor();

    const admin = await browser.visit(`${service.url}/admin/login`, { expected: /401/ });
    await signInAsAdmin(admin.page);
    await go(admin.page, 'Users');
    await rowOf(admin.page, 'ada').getByRole('checkbox').check();
    await admin.page.getByRole('region', { name: 'Actions for the selected members' }).getByRole('button', { name: 'Approve' }).click();
    await admin.page.getByText('1 member approved.').waitFor();
    await rowOf(admin.page, 'ada').getByText('Active').waitFor();

    // As it promised.
    await member.page.getByRole('heading', { name: 'Overview' }).waitFor();

    await go(member.page, 'My tokens');
    await member.page.getByRole('button', { name: 'Donate' }).first().click();
    const donation = member.page.getByRole('dialog', { name: 'Donate' });
    const secret = service.sim.addCredential({ kind: 'social' }).refreshToken;
    await donation.getByLabel('I am entitled to share these credentials').check();
    await donation.getByLabel('Name').fill('from the laptop');
    await donation.getByLabel('Refresh token').fill(secret);
    await donation.getByRole('button', { name: 'Donate' }).click();
    await donation.waitFor({ state: 'detached' });
    await rowOf(member.page, 'from the laptop').getByText('active', { exact: true }).waitFor();
    expect(await member.page.content()).not.toContain(secret);

    await go(member.page, 'API keys');
    await member.page.getByRole('button', { name: 'Create key' }).first().click();
    const form = member.page.getByRole('dialog');
    await form.getByLabel('Name').fill('laptop');
    await form.getByRole('button', { name: 'Create' }).click();
    const key = (await form.getByLabel('API key', { exact: true }).first().textContent()) ?? '';
    expect(key).toMatch(/^sk-[A-Za-z0-9]{48}$/);
    expect(await form.getByLabel('Settings for Claude Code', { exact: true }).textContent()).toContain(`ANTHROPIC_BASE_URL=${service.url}`);
    // The key is shown this once: a slip of the finger does not lose it.
    await form.press('Escape');
    await form.getByRole('button', { name: 'I have stored it' }).click();
    expect(await member.page.content()).not.toContain(key);

    const client = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: key, maxRetries: 0 });
    const reply = await client.chat.completions.create({ model: 'claude-sonnet-4-5', messages: [{ role: 'user', content: 'hello' }] });
    expect(reply.choices[0]?.message.content).toBeTruthy();

    await rowOf(member.page, 'laptop').getByRole('cell', { name: '1', exact: true }).waitFor();
    await go(member.page, 'Activity');
    await rowOf(member.page, 'claude-sonnet-4-5').getByText('completed').waitFor();
    await go(member.page, 'Overview');
    await member.page.getByText('1 of 10', { exact: true }).waitFor();
    expect(member.complaints).toEqual([]);
    expect(admin.complaints).toEqual([]);
    await member.leave();
    await admin.leave();
  });

  it('gives many at once for their own use, in a table, and reads of each that was refused why', async () => {
    const { page, complaints, accessibilityFaults, leave } = await browser.visit(`${service.url}/login`, { expected: /401/ });
    await signInAsMember(page, ada);
    await go(page, 'My tokens');
    await page.getByRole('button', { name: 'Donate' }).first().click();
    const donation = page.getByRole('dialog', { name: 'Donate' });
    await donation.getByLabel('I am entitled to share these credentials').check();
    await donation.getByRole('tab', { name: 'Many at once' }).click();
    const secret = (): string => service.sim.addCredential({ kind: 'social' }).refreshToken;
    const refused = Array.from({ length: 20 }, (_, index) => `short-${index},x`);
    const text = ['refreshToken,name,visibility', `${secret()},kept,`, `${secret()},shared,public`, ...refused].join('\n');
    const table = { name: 'tokens.csv', mimeType: 'text/csv', buffer: Buffer.from(text) };
    await donation.locator('input[type=file]').setInputFiles(table);
    await donation.getByLabel('private').check();
    await donation.getByRole('button', { name: 'Check and donate' }).click();
    await donation.getByText('2 accepted, 20 rejected.').waitFor();
    await rowOf(page, /^22/).getByText('This has not as many columns as the header.').waitFor();
    expect(await accessibilityFaults()).toEqual([]);
    await donation.getByRole('button', { name: 'Close' }).last().click();
    await rowOf(page, 'kept').getByText('private', { exact: true }).waitFor();
    await rowOf(page, 'shared').getByText('public', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Actions for from the laptop' }).click();
    await page.getByRole('menuitem', { name: 'Who used it' }).click();
    await page.getByRole('table', { name: 'Who used it' }).waitFor();
    expect(await accessibilityFaults()).toEqual([]);
    expect(complaints).toEqual([]);
    await leave();
  });

  it('writes nothing into the account that another tab signed in to', async () => {
    const bea = { username: 'bea', email: 'bea@members.test', password: 'a long password' };
    const { id } = await service.admin.post<{ id: string }>('/admin/api/users', bea);
    const { page, leave } = await browser.visit(`${service.url}/login`, { expected: /401|403/ });
    await signInAsMember(page, ada);
    await go(page, 'API keys');
    await page.getByRole('button', { name: 'Create key' }).first().click();
    const form = page.getByRole('dialog');
    await form.getByLabel('Name').fill('of ada');
    const other = await page.context().newPage();
    // What another tab's sign-in does to the cookies, without the focus that goes with it.
    await other.request.post(`${service.url}/auth/login`, { data: { email: bea.email, password: bea.password } });
    await form.getByRole('button', { name: 'Create' }).click();
    await page.getByText('You are signed in as bea now').waitFor();
    await form.waitFor({ state: 'detached' });
    await page.getByText('No API keys yet').waitFor();
    expect((await service.admin.get<{ keys: unknown[] }>(`/admin/api/users/${id}`)).keys).toEqual([]);
    await leave();
  });

  it('is told when 80 % of the day is used, while the page is open', async () => {
    await service.admin.put('/admin/api/config', { require_approval: false });
    const grace = { username: 'grace', email: 'grace@members.test', password: 'a long password' };
    const { page, complaints, leave } = await browser.visit(`${service.url}/register`, { expected: /401/ });
    await register(page, grace);
    await page.getByText('0 of 10', { exact: true }).waitFor();
    const users = await service.admin.all<{ id: string; username: string }>('/admin/api/users?q=grace');
    const { key } = await service.admin.post<{ key: string }>(`/admin/api/users/${users[0]?.id}/keys`, { name: 'used up' });
    for (let sent = 0; sent < 8; sent += 1) expect((await ask(service.url, key, `message ${sent}`)).status).toBe(200);
    const notices = page.getByRole('list', { name: 'Notifications' });
    await notices.getByText('Quota running low').waitFor();
    await notices.getByText(/^8 of 10 requests of today are used\. The quota starts anew on \w+ \d+, \d+/).waitFor();
    await page.getByText('8 of 10', { exact: true }).waitFor();
    await notices.getByRole('button', { name: 'Mark as read' }).click();
    await notices.getByText('new', { exact: true }).waitFor({ state: 'detached' });
    expect(complaints).toEqual([]);
    await leave();
  });

  it('is led to the sign-in from an open page within seconds of being banned', async () => {
    const member = await browser.visit(`${service.url}/register`, { expected: /401|403/ });
    await register(member.page, { username: 'zoe', email: 'zoe@members.test', password: 'a long password' });
    await go(member.page, 'My tokens');
    await member.page.getByRole('heading', { name: 'My tokens' }).waitFor();
    await member.page.getByText('Live', { exact: true }).waitFor();
    const [user] = await service.admin.all<{ id: string }>('/admin/api/users?q=zoe');
    await service.admin.post('/admin/api/users/batch-ban', { ids: [user?.id] });
    await member.page.getByRole('form', { name: 'Sign in' }).waitFor({ timeout: 15_000 });
    expect(member.complaints).toEqual([]);
    await member.leave();
  });

  it('is told that a page is for admins, and the way back', async () => {
    const { page, leave } = await browser.visit(`${service.url}/login`, { expected: /401|403/ });
    await signInAsMember(page, ada);
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    await page.goto(`${service.url}/admin/users`);
    await page.getByText('You are signed in as the member ada. This page is for admins').waitFor();
    await page.getByRole('link', { name: 'Back to your pages' }).click();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    await leave();
  });

  it('sees the beginning of a long announcement, and all of it on demand', async () => {
    const { id } = await service.admin.post<{ id: string }>('/admin/api/announcements', {
      content: `${'Long news. '.repeat(800)}The end.`,
      active: true,
      allowGuest: true,
    });
    const { page, leave } = await browser.visit(`${service.url}/login`, { expected: /401/ });
    const news = page.getByRole('region', { name: 'Announcements' });
    await news.getByRole('button', { name: 'Show all' }).waitFor();
    expect((await news.boundingBox())?.height).toBeLessThan(400);
    await news.getByRole('button', { name: 'Show all' }).click();
    await news.getByRole('button', { name: 'Show less' }).waitFor();
    await service.admin.del(`/admin/api/announcements/${id}`);
    await leave();
  });

  it('reads a streamed reply in the playground', async () => {
    const { key } = await service.admin.member('player');
    const { page, leave, complaints } = await browser.visit(`${service.url}/register`, { expected: /401/ });
    await register(page, { username: 'player-one', email: 'player@members.test', password: 'a long password' });
    await go(page, 'Playground');
    await page.getByRole('textbox', { name: 'Message' }).fill('say something');
    await page.getByLabel(/^API key/).fill('sk-ключ');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('This has characters that no key has.').waitFor();
    await page.getByLabel(/^API key/).fill(key);
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText(/\d+ tokens out/).waitFor();
    expect(complaints).toEqual([]);
    await leave();
  });

  it('reads everything in Chinese after one switch, also after the page is loaded again', async () => {
    const { page, leave } = await browser.visit(`${service.url}/login`, { expected: /401/ });
    await signInAsMember(page, ada);
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    await page.getByRole('button', { name: 'Language' }).click();
    await page.getByRole('menuitem', { name: '简体中文' }).click();
    await page.getByRole('heading', { name: '总览' }).waitFor();
    expect(await page.locator('html').getAttribute('lang')).toBe('zh-CN');
    await page.reload();
    await page.getByRole('heading', { name: '总览' }).waitFor();
    await leave();
  });

  it('changes the password, which an admin sets anew when it is lost', async () => {
    const eve = { username: 'eve', email: 'eve@members.test', password: 'a long password' };
    const member = await browser.visit(`${service.url}/register`, { expected: /400|401/ });
    await register(member.page, eve);
    await go(member.page, 'Account');
    const form = member.page.getByRole('form', { name: 'Password' });
    const change = async (current: string, password: string): Promise<void> => {
      await form.getByLabel(/^Current password/).fill(current);
      await form.getByLabel(/^New password/).fill(password);
      await form.getByRole('button', { name: 'Change password' }).click();
    };
    await change('a wrong password', 'a new long password');
    await form.getByText('This is not your password.').waitFor();
    await change(eve.password, 'a new long password');
    await member.page.getByText('Your password is changed.').waitFor();
    await go(member.page, 'Overview');
    await member.page.getByText('0 of 10', { exact: true }).waitFor();

    const admin = await browser.visit(`${service.url}/admin/login`, { expected: /401/ });
    await signInAsAdmin(admin.page);
    await go(admin.page, 'Users');
    await rowOf(admin.page, 'eve').getByRole('button', { name: 'eve' }).click();
    await admin.page.getByRole('button', { name: 'Set password' }).click();
    const dialog = admin.page.getByRole('dialog', { name: 'Set password' });
    await dialog.getByLabel(/^New password/).fill('given by the admin');
    await dialog.getByRole('button', { name: 'Set password' }).click();
    await admin.page.getByText('eve has a new password.').waitFor();
    // The session that was open has ended.
    await signInAsMember(member.page, { ...eve, password: 'given by the admin' });
    await member.page.getByText('0 of 10', { exact: true }).waitFor();
    expect([...member.complaints, ...admin.complaints]).toEqual([]);
    await member.leave();
    await admin.leave();
  });

  it('keeps a page right when the connection was lost for a while', async () => {
    const { page, leave } = await browser.visit(`${service.url}/login`, { expected: /401|ERR_/ });
    await signInAsMember(page, ada);
    await page.getByText('1 of 10', { exact: true }).waitFor();
    await page.context().setOffline(true);
    const [user] = await service.admin.all<{ id: string }>('/admin/api/users?q=ada');
    await service.admin.put(`/admin/api/users/${user?.id}/quota`, { daily: 77 });
    await page.context().setOffline(false);
    await page.getByText('1 of 77', { exact: true }).waitFor();
    await leave();
  });
});
