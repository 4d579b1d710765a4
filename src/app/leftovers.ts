/** What a single node that did not stop in order left in its data folder: events and requests that are not in its database yet. */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { scan } from '../infra/appendFile.js';
import { openFileOpenRecords } from '../limits/openRecords.js';

/** The folder's node must not run. */
export async function journalLeftovers(dataDir: string): Promise<{ readonly events: number; readonly requests: number }> {
  const dir = join(dataDir, 'journal');
  if (!existsSync(dir)) return { events: 0, requests: 0 };
  let events = 0;
  for (const name of await readdir(dir)) {
    if (name.endsWith('.log')) events += scan(await readFile(join(dir, name))).records.length;
  }
  const path = join(dir, 'open-requests');
  if (!existsSync(path)) return { events, requests: 0 };
  const records = await openFileOpenRecords({ path });
  const requests = records.abandoned().length;
  await records.close();
  return { events, requests };
}
