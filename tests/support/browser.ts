/** The system's Chromium under Playwright: each visitor has cookies of their own, and whatever a page complains about is kept. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { AxeResults } from 'axe-core';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const services = fileURLToPath(new URL('../../scripts/services.js', import.meta.url));
const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Nothing but the pages under test leaves the browser. */
const quiet = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export interface Visitor {
  readonly page: Page;
  /** Console errors, uncaught exceptions and CSP violations so far. */
  readonly complaints: readonly string[];
  /** Serious and critical faults that axe finds on the page as it is now, one line each. */
  readonly accessibilityFaults: () => Promise<string[]>;
  readonly leave: () => Promise<void>;
}

export interface TestBrowser {
  /** `expected`: complaints that the test provokes, such as the browser's own line about a refused request. */
  readonly visit: (url: string, options?: BrowserContextOptions & { expected?: RegExp }) => Promise<Visitor>;
  readonly close: () => Promise<void>;
}

export async function startBrowser(): Promise<TestBrowser> {
  const executablePath = execFileSync(process.execPath, [services, 'chromium'], { encoding: 'utf8' }).trim();
  const browser = await chromium.launch({ executablePath, args: quiet });
  return {
    visit: (url, options = {}) => visit(browser, url, options),
    close: () => browser.close(),
  };
}

async function visit(browser: Browser, url: string, options: BrowserContextOptions & { expected?: RegExp }): Promise<Visitor> {
  const { expected, ...rest } = options;
  const context = await browser.newContext({ locale: 'en-US', viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce', ...rest });
  context.setDefaultTimeout(60_000);
  const complaints: string[] = [];
  const complain = (line: string): void => {
    if (!expected?.test(line)) complaints.push(line);
  };
  const page = await context.newPage();
  // A violation of the policy is an error of the console as well.
  page.on('console', (message) => {
    if (message.type() === 'error') complain(`${message.text()} (${message.location().url})`);
  });
  page.on('pageerror', (error) => complain(`uncaught: ${error.message}`));
  await page.goto(url);
  return {
    page,
    complaints,
    accessibilityFaults: () => accessibilityFaults(page),
    leave: () => context.close(),
  };
}

async function accessibilityFaults(page: Page): Promise<string[]> {
  // The debugger puts axe in: the page's policy is not loosened for it.
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate<Pick<AxeResults, 'violations'>>(
    "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => ({ violations }))",
  );
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(
      ({ id, impact, nodes }) =>
        `${impact} ${id}: ${nodes.map(({ target, failureSummary }) => `${target.join(' ')} ${failureSummary ?? ''}`).join(' | ')}`,
    );
}
