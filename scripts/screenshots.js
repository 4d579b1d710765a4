/** `npm run screenshots`: every page of the panels over a demo node, in both languages and schemes, into docs/screenshots. */
import { spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { ensureBuilt, ensureInstalled, root } from './prepare.js';
import { ensureServer } from './services.js';

ensureInstalled();
ensureBuilt();

const folder = join(root, 'docs', 'screenshots');
/** So that figures and curves have something to show. */
const TRAFFIC_MS = 60_000;
const pages = {
  guest: ['login', 'register', 'admin/login', 'docs'],
  member: ['panel', 'panel/keys', 'panel/tokens', 'panel/activity', 'panel/playground', 'panel/account'],
  admin: [
    'admin',
    'admin/tokens',
    'admin/metrics',
    'admin/users',
    'admin/activity',
    'admin/audit',
    'admin/settings',
    'admin/ip-bans',
    'admin/announcements',
    'admin/import-keys',
    'admin/parked-events',
    'admin/projections',
    'admin/events',
    'admin/migration',
  ],
};

/** A demo node and what it says about itself: address, password of the admin, a member. */
async function startDemo() {
  const child = spawn(process.execPath, [join(root, 'scripts', 'start.js'), 'demo'], {
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const said = {};
  for await (const line of createInterface({ input: child.stdout })) {
    said.url ??= /^KiroGate demo: (\S+)/.exec(line)?.[1];
    said.adminPassword ??= /^Admin panel: \S+\s+password (\S+)/.exec(line)?.[1];
    said.member ??= /Member: (\S+), password (\S+),/.exec(line)?.slice(1);
    if (line.startsWith('Reference:')) break;
  }
  return { ...said, stop: () => child.kill('SIGTERM') };
}

async function signIn(page, url, audience, demo) {
  if (audience === 'guest') return;
  await page.goto(`${url}/${audience === 'admin' ? 'admin/login' : 'login'}`);
  if (audience === 'member') await page.locator('input[type="email"]').fill(demo.member[0]);
  await page.locator('input[type="password"]').fill(audience === 'admin' ? demo.adminPassword : demo.member[1]);
  await page.locator('button[type="submit"]').click();
  await page.locator('nav').first().waitFor({ state: 'attached' });
}

async function shoot(browser, demo, language, scheme) {
  for (const [audience, paths] of Object.entries(pages)) {
    const context = await browser.newContext({
      colorScheme: scheme,
      locale: language,
      viewport: { width: 1280, height: 860 },
      reducedMotion: 'reduce',
    });
    const page = await context.newPage();
    await signIn(page, demo.url, audience, demo);
    for (const path of paths) {
      await page.goto(`${demo.url}/${path}`);
      await page.locator('h1').first().waitFor();
      await page.locator('.mantine-Skeleton-root').first().waitFor({ state: 'detached' });
      await page.screenshot({ path: join(folder, `${path.replaceAll('/', '-')}.${language}.${scheme}.png`) });
    }
    await context.close();
  }
}

const demo = await startDemo();
const browser = await chromium.launch({
  executablePath: ensureServer('chromium'),
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-sync'],
});
try {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  console.log(`Letting a minute of demo traffic run at ${demo.url}.`);
  await wait(TRAFFIC_MS);
  for (const language of ['en', 'zh-CN']) for (const scheme of ['light', 'dark']) await shoot(browser, demo, language, scheme);
  console.log(`Screenshots are in ${folder}.`);
} finally {
  await browser.close();
  demo.stop();
}
