/** What people do in the panels, found the way they find it: by role and name. */
import type { Locator, Page } from 'playwright-core';
import { until } from './until.js';

export const ADMIN_PASSWORD = 'a-password-for-tests';

/** The panel's pages, in the order of the navigation. */
export const memberPages = ['', '/keys', '/tokens', '/activity', '/playground', '/account'].map((path) => `/panel${path}`);
export const adminPages = [
  '',
  '/tokens',
  '/metrics',
  '/users',
  '/activity',
  '/audit',
  '/settings',
  '/ip-bans',
  '/announcements',
  '/import-keys',
  '/parked-events',
  '/projections',
  '/events',
  '/migration',
].map((path) => `/admin${path}`);

/** From the sign-in page of the admin to the panel. */
export async function signInAsAdmin(page: Page, password = ADMIN_PASSWORD): Promise<void> {
  await page.getByLabel(/^Password/).fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page
    .getByRole('navigation', { name: 'Pages' })
    .or(page.getByRole('button', { name: 'Open navigation' }))
    .first()
    .waitFor();
}

export async function register(page: Page, account: { username: string; email: string; password: string }): Promise<void> {
  const form = page.getByRole('form', { name: 'Create an account' });
  await form.getByLabel('Name').fill(account.username);
  await form.getByLabel('E-mail').fill(account.email);
  await form.getByLabel(/^Password/).fill(account.password);
  await form.getByRole('button', { name: 'Create account' }).click();
}

export async function signInAsMember(page: Page, account: { email: string; password: string }): Promise<void> {
  await page.getByLabel('E-mail').fill(account.email);
  await page.getByLabel(/^Password/).fill(account.password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}

/** Follows the navigation. */
export const go = (page: Page, name: string): Promise<void> =>
  page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name, exact: true }).click();

export const rowOf = (page: Page, text: string | RegExp): Locator => page.getByRole('row').filter({ hasText: text });

/** The whole page as wide as the window: nothing sticks out to the side. */
export const widthOverflow = (page: Page): Promise<number> =>
  page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');

/** States that are not shown whole: "High …" for "High risk". */
export const cutBadges = (page: Page): Promise<string[]> =>
  page.evaluate(
    `[...document.querySelectorAll('.mantine-Badge-root, .mantine-Badge-label')]
      .filter((badge) => badge.clientWidth > 0 && badge.scrollWidth > badge.clientWidth)
      .map((badge) => badge.textContent)`,
  );

/** Short names beside a value that break to a character a line: Chinese does so wherever it may. */
export const brokenLabels = (page: Page): Promise<string[]> =>
  page.evaluate(
    `[...document.querySelectorAll('.kg-label')]
      .filter((label) => label.textContent.length <= 4 && label.clientHeight > 1.9 * parseFloat(getComputedStyle(label).lineHeight))
      .map((label) => label.textContent)`,
  );

/** The panel loads its pages while nobody does anything; `last` is the file of the last one in the navigation. */
export const pagesAreLoadedAhead = (page: Page, last: string): Promise<true> =>
  until(
    `${last} to be loaded ahead`,
    async () =>
      (await page.evaluate<boolean>(`performance.getEntriesByType('resource').some(({ name }) => name.includes('${last}'))`)) || undefined,
    60_000,
  );
