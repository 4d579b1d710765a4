/** An installation with a little of everything in it, for tests that carry it from one place to another. */
import { pino } from 'pino';
import { appendToArchive } from '../../../events/archive.js';
import type { Database } from '../../../infra/database/port.js';
import { createPasswords } from '../../../infra/passwords.js';
import type { Vault } from '../../../infra/vault.js';
import { projections } from '../../../projections/index.js';
import { applyEvents } from '../../../projections/runner/apply.js';
import { activate } from '../../../projections/runner/checkpoints.js';
import { placed, used } from '../../../projections/testing/events.js';
import { systemClock } from '../../../shared/clock.js';
import { createIds } from '../../../shared/ids.js';
import { defaultSettings } from '../../../shared/settings.js';
import { publishAnnouncement } from '../../announcement/publish.js';
import { changeConfig } from '../../config/change.js';
import { createCommands } from '../../handle.js';
import { banIp } from '../../ip/ban.js';
import { issueKey } from '../../key/issue.js';
import { donateToken } from '../../token/donate.js';
import { createUser } from '../../user/create.js';

const credential = (name: string) => ({
  authType: 'social',
  secret: { refreshToken: `refresh token of ${name}` },
  fingerprint: `fingerprint of ${name}`,
  region: 'us-east-1',
});

/** `requests`: traffic events over the partitions. The schema is there; everything is archived and folded. */
export async function fillInstallation(
  db: Database,
  vault: Vault,
  options: { partitions: number; requests: number },
): Promise<{ userId: string }> {
  await db.tx(async (tx) => {
    for (const projection of projections) await activate(tx, projection, 0);
  });
  const commands = createCommands({
    db,
    directory: () => ({ catchUp: async () => undefined }),
    clock: systemClock,
    ids: createIds(systemClock),
    nodeId: 'n1',
    vault,
    passwords: createPasswords({ cost: { N: 2, r: 1, p: 1 } }),
    logger: pino({ level: 'silent' }),
    defaults: defaultSettings,
  });
  const admin = { actor: 'admin' };
  const { id: userId } = await commands.execute(createUser, { username: 'ada', email: 'ada@example.com', password: 'long enough' }, admin);
  await commands.execute(issueKey, { userId, name: 'laptop', allowedModels: ['claude-sonnet-4.5'] }, admin);
  for (const name of ['one', 'two']) {
    await commands.execute(donateToken, { ownerId: userId, visibility: 'public', provider: 'kiro', credential: credential(name) }, admin);
  }
  await commands.execute(changeConfig, { token_rpm_limit: 20, token_min_success_rate: 0.5 }, admin);
  await commands.execute(banIp, { ip: '203.0.113.0/24', reason: 'ünïcödé \u{1f512}' }, admin);
  await commands.execute(publishAnnouncement, { content: 'Two\nlines.', active: true, allowGuest: false }, admin);
  await commands.close();
  await addTraffic(db, options);
  return { userId };
}

async function addTraffic(db: Database, { partitions, requests }: { partitions: number; requests: number }): Promise<void> {
  const fresh = placed(
    Array.from({ length: requests }, (_, n) => used({ tokenId: `t${n % 7}` })),
    partitions,
  );
  for (let n = 0; n < partitions; n += 1) {
    const mine = fresh.filter(({ partition }) => partition === `p${n}`);
    await db.tx(async (tx) => void (await applyEvents(tx, await appendToArchive(tx, `p${n}`, mine))));
  }
}
