/** How long an event waits for its archive while they come at a steady rate. */
import { startIngest } from '../../dist/projections/runner/ingest.js';

const PER_SECOND = 2_000;
const SECONDS = 10;
const STEP_MS = 10;

/** Notes when each entry that was read is let go, which is when its transaction has committed. */
function watched(log, clock, lags) {
  const open = new Map();
  return {
    partitions: log.partitions,
    append: (event) => log.append(event),
    backlog: () => log.backlog(),
    async read(after, options) {
      const entries = await log.read(after, options);
      for (const { partition, cursor, event } of entries) {
        if (!open.has(partition)) open.set(partition, []);
        open.get(partition).push({ cursor, time: event.time });
      }
      return entries;
    },
    archived(watermarks) {
      const now = clock.now();
      for (const { partition, cursor } of watermarks) {
        const waiting = open.get(partition) ?? [];
        const upTo = waiting.findIndex((entry) => entry.cursor === cursor);
        for (const { time } of waiting.splice(0, upTo + 1)) lags.push(now - time);
      }
      return log.archived(watermarks);
    },
  };
}

/** Events a second that were sent, and how long they took until the archive had them: p50 and p99 in ms. */
export async function measureLag({ db, log, make, clock, logger }) {
  const lags = [];
  const ingest = startIngest({ db, log: watched(log, clock, lags), clock, logger });
  await ingest.idle();
  lags.length = 0;
  const start = performance.now();
  const appends = [];
  for (let sent = 0; sent < PER_SECOND * SECONDS; ) {
    const due = Math.min(PER_SECOND * SECONDS, Math.floor(((performance.now() - start) / 1_000) * PER_SECOND));
    for (; sent < due; sent += 1) appends.push(log.append(make()));
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  }
  await Promise.all(appends);
  const perSecond = appends.length / ((performance.now() - start) / 1_000);
  // It lingers no longer than ever: somebody who waits would hurry it.
  while (lags.length < appends.length) await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  await ingest.close();
  lags.sort((a, b) => a - b);
  return { perSecond, p50: lags[Math.floor(lags.length * 0.5)], p99: lags[Math.floor(lags.length * 0.99)] };
}
