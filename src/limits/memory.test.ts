import { describe } from 'vitest';
import { limitsContract } from './contract.js';
import { createMemoryLimits } from './memory.js';
import { createMemoryOpenRecords } from './openRecords.js';
import { createTestClock, risingRandom } from './testing.js';

describe('limits in memory', () => {
  limitsContract(async ({ settings, found }) => {
    const clock = createTestClock();
    const limits = createMemoryLimits({ clock, random: risingRandom(), openRecords: createMemoryOpenRecords(found), settings });
    return { limits, clock };
  });
});
