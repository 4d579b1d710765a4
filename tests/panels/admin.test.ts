/** What an admin does in a real browser: the pool, settings, audit, bans; and what a page may not be made to do. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startBrowser, type TestBrowser, type Visitor } from '../support/browser.js';
import { go, pagesAreLoadedAhead, rowOf, signInAsAdmin } from '../support/panelSteps.js';
import { type Service, startService } from '../support/service.js';
import { startTimeMachine, type TimeMachine } from '../support/timeMachine.js';
import { addTokens, ask, codeOf } from '../support/traffic.js';

let service: Service;
let browser: TestBrowser;
let visitors: Visitor[] = [];
let time: TimeMachine;

beforeAll(async () => {
  time = startTimeMachine();
  service = await startService();
  browser = await startBrowser();
});
afterEach(async () => {
  await Promise.all(visitors.map(({ leave }) => leave()));
  visitors = [];
});
afterAll(async () => {
  await browser?.close();
  await service?.stop();
  time.restore();
});

async function admin(expected = /401/): Promise<Visitor> {
  const visitor = await browser.visit(`${service.url}/admin/login`, { expected });
  visitors.push(visitor);
  await signInAsAdmin(visitor.page);
  return visitor;
}

describe('an admin', () => {
  it('pauses a token and the pool says so, resumes it and the pool serves', async () => {
    const [token] = await addTokens(service, 1, { name: 'only one' });
    const { key } = await service.admin.member('pool-user');
    // A risk is told for each quarter of an hour in which there was one.
    for (const quarter of [1, 2, 3]) {
      expect((await ask(service.url, key, `before, ${quarter}`)).status).toBe(200);
      time.advance(15 * 60_000);
    }
    const { page, complaints } = await admin();
    await go(page, 'Token pool');
    const act = async (what: string): Promise<void> => {
      await page.getByRole('button', { name: 'Actions for only one' }).click();
      await page.getByRole('menuitem', { name: what, exact: true }).click();
    };
    await act('Pause');
    await rowOf(page, 'only one').getByText('Suspended').waitFor();
    const refused = await ask(service.url, key, 'while paused');
    expect(refused.status).toBe(503);
    expect(await codeOf(refused)).toBe('no_token_available');
    await act('Resume');
    await rowOf(page, 'only one').getByText('Active', { exact: true }).waitFor();
    expect((await ask(service.url, key, 'after')).status).toBe(200);

    await act('Open details');
    const drawer = page.getByRole('dialog');
    await drawer.getByRole('heading', { name: 'Risk over 24 hours' }).waitFor();
    // A curve, drawn from what the API remembers.
    await drawer.locator('svg path.recharts-curve').first().waitFor();
    const history = await service.admin.get<{ series: { points: unknown[] }[] }>(
      `/admin/api/tokens/risk-history?hours=24&tokenId=${token?.id}`,
    );
    expect(history.series[0]?.points.length).toBeGreaterThan(2);
    expect(complaints).toEqual([]);
  });

  it('bans many members at once, and their keys are refused', async () => {
    const members = await Promise.all(['bulk-one', 'bulk-two'].map((name) => service.admin.member(name)));
    const { page, complaints } = await admin();
    await go(page, 'Users');
    await page.getByLabel('Search').fill('bulk-');
    await rowOf(page, 'bulk-two').waitFor();
    await rowOf(page, 'pool-user').waitFor({ state: 'detached' });
    await page.getByRole('checkbox', { name: 'Select all shown' }).check();
    await page.getByRole('region', { name: 'Actions for the selected members' }).getByRole('button', { name: 'Ban', exact: true }).click();
    const question = page.getByRole('dialog', { name: 'Ban 2 members?' });
    await question.getByRole('button', { name: 'Ban', exact: true }).click();
    await page.getByText('2 members banned.').waitFor();
    for (const { key } of members) expect((await ask(service.url, key, 'still?')).status).toBe(403);
    expect(complaints).toEqual([]);
  });

  it('filters the audit log by type and actor', async () => {
    await service.admin.put('/admin/api/config', { token_rph_limit: 321 });
    const { page, complaints } = await admin();
    await go(page, 'Audit log');
    const table = page.getByRole('table', { name: 'Audit log' });
    await table.getByRole('row').nth(2).waitFor();
    const search = page.getByRole('search', { name: 'Filters' });
    await search.getByLabel('Type').selectOption('config.changed');
    await table.getByText('321').waitFor();
    const rows = await table.getByRole('row').allTextContents();
    expect(rows.slice(1).every((row) => row.includes('admin-api-key'))).toBe(true);
    await search.getByLabel('Actor').fill('nobody-of-that-name');
    await page.getByText('No entry fits these filters').waitFor();
    expect(complaints).toEqual([]);
  });

  it('is told when another admin changed the same setting meanwhile', async () => {
    const one = await admin(/401|409/);
    const other = await admin(/401|409/);
    const limit = 'Requests per token and minute';
    for (const { page } of [one, other]) {
      await go(page, 'Settings');
      await page.getByLabel(limit).waitFor();
    }
    const save = one.page.getByRole('button', { name: 'Save changes' });
    for (const [typed, fault] of [
      ['21', null],
      ['', 'Enter a number.'],
      ['1.5', 'Enter a whole number.'],
      ['1e3', 'Enter plain digits, such as 25.'],
    ] as const) {
      await one.page.getByLabel(limit).fill(typed);
      if (fault) await one.page.getByText(fault).waitFor();
      expect([await one.page.getByLabel(limit).inputValue(), await save.isDisabled()]).toEqual([typed, fault !== null]);
    }
    await go(one.page, 'Audit log');
    const question = one.page.getByRole('dialog', { name: 'Leave without saving?' });
    await question.getByRole('button', { name: 'Cancel' }).click();
    await one.page.getByLabel(limit).fill('41');
    await other.page.getByLabel(limit).fill('42');
    await save.click();
    await one.page.getByText('Saved and in force.').waitFor();
    await other.page.getByText('Another admin just changed this to 41').waitFor();
    expect((await service.admin.get<{ token_rpm_limit: number }>('/admin/api/config')).token_rpm_limit).toBe(41);
    await other.page.getByRole('button', { name: `Take theirs (${limit})` }).click();
    expect(await other.page.getByLabel(limit).inputValue()).toBe('41');
    expect([...one.complaints, ...other.complaints]).toEqual([]);
  });

  it('loses nothing: neither another’s announcement, nor the place on the page, nor a new key', async () => {
    const { id } = await service.admin.post<{ id: string }>('/admin/api/announcements', { content: 'as it was' });
    const { page, complaints } = await admin(/401|409/);
    await go(page, 'Announcements');
    await rowOf(page, 'as it was').getByRole('button', { name: /^Edit/ }).click();
    const form = page.getByRole('dialog', { name: 'Edit announcement' });
    await form.getByLabel('Text').fill('mine');
    await service.admin.patch(`/admin/api/announcements/${id}`, { content: 'theirs' });
    await form.getByRole('button', { name: 'Save', exact: true }).click();
    await form.getByRole('alert').getByText('theirs', { exact: true }).waitFor();
    await form.getByRole('button', { name: 'Take theirs' }).click();
    expect(await form.getByLabel('Text').inputValue()).toBe('theirs');
    await page.keyboard.press('Escape');
    await form.waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Write announcement' }).click();
    await page.getByRole('dialog', { name: 'Write announcement' }).getByLabel('Text').press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Write announcement');
    // A key that is shown this once stays until its owner has it.
    await go(page, 'Import keys');
    await page.getByRole('button', { name: 'Create import key' }).click();
    await page.getByRole('dialog').getByLabel('Name').fill('script');
    await page.getByRole('dialog').getByRole('button', { name: 'Create' }).click();
    await page.getByRole('dialog', { name: 'The import key was made' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'I have stored it' }).click();
    expect(complaints).toEqual([]);
  });

  it('is shown what others wrote as text, whatever it says', async () => {
    const nasty = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
    await service.admin.post('/admin/api/announcements', { content: nasty, active: true, allowGuest: true });
    await service.admin.post('/admin/api/ip-bans', { ip: '203.0.113.9', reason: nasty });
    await service.admin.post('/admin/api/users', { username: nasty.slice(0, 60) });
    await addTokens(service, 1, { name: nasty.slice(0, 90) });
    const { page, complaints } = await admin();
    for (const [name, there] of [
      ['Announcements', nasty],
      ['IP bans', nasty],
      ['Users', nasty.slice(0, 60)],
      ['Token pool', nasty.slice(0, 90)],
      ['Audit log', nasty],
    ] as const) {
      await go(page, name);
      await page.getByText(there).first().waitFor();
      expect(await page.title()).not.toMatch(/^[12]$/);
      expect(await page.locator('img[src="x"]').count()).toBe(0);
    }
    const guest = await browser.visit(`${service.url}/login`, { expected: /401/ });
    visitors.push(guest);
    await guest.page.getByText(nasty).waitFor();
    expect([...complaints, ...guest.complaints]).toEqual([]);
  });

  it('opens pages not yet seen while the node is away, without the panel being lost', async () => {
    const { page, complaints } = await admin(/401|ERR_/);
    await pagesAreLoadedAhead(page, 'MigrationPage');
    await page.evaluate('window.stays = true');
    await page.route('**/*', (route) => route.abort());
    await go(page, 'Token pool');
    await page.getByRole('heading', { name: 'Token pool' }).waitFor();
    await page.getByText('This could not be loaded').first().waitFor();
    await page.unroute('**/*');
    await page.getByRole('button', { name: 'Try again' }).first().click();
    await rowOf(page, 'only one').first().waitFor();
    expect(await page.evaluate('window.stays')).toBe(true);
    expect(complaints).toEqual([]);
  });

  it('is told that a page could not be had, and has it by trying again', async () => {
    const visitor = await browser.visit(`${service.url}/admin/login`, { expected: /401|ERR_/ });
    visitors.push(visitor);
    const { page, complaints } = visitor;
    await page.route(/TokensPage/, (route) => route.abort());
    await signInAsAdmin(page);
    await page.evaluate('window.stays = true');
    await go(page, 'Token pool');
    await page.getByText('This could not be loaded').waitFor();
    await page.unroute(/TokensPage/);
    await page.getByRole('button', { name: 'Try again' }).click();
    await rowOf(page, 'only one').first().waitFor();
    expect(await page.evaluate('window.stays')).toBe(true);
    expect(complaints).toEqual([]);
  });

  it('sees a frozen node’s page at once as loading, not as nothing', async () => {
    const { page } = await admin(/401|ERR_/);
    await pagesAreLoadedAhead(page, 'MigrationPage');
    let release = (): void => undefined;
    const frozen = new Promise<void>((resolve) => {
      release = resolve;
    });
    await page.route('**/admin/api/audit**', async (route) => {
      await frozen;
      await route.continue();
    });
    await go(page, 'Audit log');
    await page.getByRole('heading', { name: 'Audit log' }).waitFor();
    await page.getByRole('status', { name: 'Loading' }).first().waitFor();
    release();
    await page.getByRole('table', { name: 'Audit log' }).waitFor();
  });

  it('sees a single busy minute in the charts as points', async () => {
    const { page } = await admin();
    await go(page, 'Live metrics');
    await page.locator('circle.kg-lone-point').first().waitFor();
  });

  it('is warned before banning the address they come from', async () => {
    const { page, complaints } = await admin(/401|409/);
    await go(page, 'IP bans');
    await page.getByRole('button', { name: 'Ban address' }).click();
    await page.getByLabel('Address or range').fill('127.0.0.0/8');
    await page.getByRole('dialog').getByRole('button', { name: 'Ban address' }).click();
    const warning = page.getByRole('dialog', { name: '127.0.0.0/8 holds your own address' });
    await warning.getByText('After the ban everybody there is refused').waitFor();
    expect((await service.admin.all('/admin/api/ip-bans')).map(({ ip }) => ip)).not.toContain('127.0.0.0/8');
    await warning.getByRole('button', { name: 'Ban it all the same' }).click();
    await rowOf(page, '127.0.0.0/8').waitFor();
    const ban = (await service.admin.all('/admin/api/ip-bans')).find(({ ip }) => ip === '127.0.0.0/8');
    await service.admin.del(`/admin/api/ip-bans/${String(ban?.['id'])}`);
    expect(complaints).toEqual([]);
  });

  it('is told that a page is for members', async () => {
    const { page } = await admin();
    await page.goto(`${service.url}/panel/keys`);
    await page.getByText('You are signed in as an admin. This page is for members').waitFor();
    await page.getByRole('link', { name: 'Back to the admin pages' }).click();
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Token pool' }).waitFor();
  });

  it('signs out, and the way back leads to the sign-in', async () => {
    const { page } = await admin();
    await page.getByRole('button', { name: 'Account: admin' }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.getByRole('form', { name: 'Admin sign-in' }).waitFor();
    await page.goto(`${service.url}/admin/users`);
    await page.getByRole('form', { name: 'Admin sign-in' }).waitFor();
    await signInAsAdmin(page);
    await page.getByRole('heading', { name: 'Users' }).waitFor();
  });
});
