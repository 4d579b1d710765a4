import { describe, expect, it } from 'vitest';
import { AppError } from '../../errors.js';
import type { AttemptRecord } from './run.js';
import { type Ending, isCharged } from './settle.js';

const sent = { sent: true } as AttemptRecord;
const notSent = { sent: false } as AttemptRecord;
const failed: Ending = { kind: 'failed', error: new AppError('upstream_error') };
const left: Ending = { kind: 'left' };
const completed: Ending = { kind: 'completed' };

describe('what is charged to the quotas (contract §3)', () => {
  const cases: readonly [string, Ending, readonly AttemptRecord[], number | null, boolean][] = [
    ['an error and no model output is given back', failed, [sent, sent], null, false],
    ['some output, then an error, is charged once', failed, [sent], 5, true],
    ['some output, then the client left, is charged once', left, [sent], 5, true],
    ['the client left after the upstream was called', left, [sent], null, true],
    ['the client left before anything was sent', left, [notSent], null, false],
    ['completed, with output', completed, [sent], 5, true],
    ['completed, also when empty', completed, [sent], null, true],
  ];
  it.each(cases)('%s', (_name, ending, attempts, firstOutputMono, charged) => {
    expect(isCharged(ending, { attempts: [...attempts], firstOutputMono })).toBe(charged);
  });
});
