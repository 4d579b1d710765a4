import { describe } from 'vitest';
import { limitsContract } from './contract.js';
import { createMemoryLimits } from './memory.js';
import { createMemoryOpenRecords } from './openRecords.js';
import type { OpenOptions } from './testing/context.js';
import { createTestClock, risingRandom } from './testing/fixtures.js';
import { memorySite } from './testing/memorySite.js';

async function open({ settings, found }: OpenOptions) {
  const clock = createTestClock();
  const limits = createMemoryLimits({ clock, random: risingRandom(), openRecords: createMemoryOpenRecords(found), settings });
  return { limits, clock, site: memorySite(clock, settings) };
}

describe('limits in memory', () => {
  limitsContract(open);
});
