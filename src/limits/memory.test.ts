import { describe } from 'vitest';
import { limitsContract, type OpenOptions } from './contract.js';
import { createMemoryLimits } from './memory.js';
import { createMemoryOpenRecords } from './openRecords.js';
import { createTestClock, risingRandom } from './testing/fixtures.js';
import { limitsModel } from './testing/model.js';

async function open({ settings, found }: OpenOptions) {
  const clock = createTestClock();
  const limits = createMemoryLimits({ clock, random: risingRandom(), openRecords: createMemoryOpenRecords(found), settings });
  return { limits, clock };
}

describe('limits in memory', () => {
  limitsContract(open);
  limitsModel(open);
});
