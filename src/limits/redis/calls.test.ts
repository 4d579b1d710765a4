/** What the limits make of a Redis that refuses a script. */
import { describe, expect, it } from 'vitest';
import { createCalls, loadLimitsScripts } from './calls.js';

function callsTo(message: string, retryAfterMs: readonly number[] = []) {
  const heard: string[] = [];
  const call = createCalls({
    scripts: loadLimitsScripts(),
    redis: {
      run: async () => {
        heard.push(message);
        throw Object.assign(new Error(message), { name: 'ReplyError' });
      },
    },
    root: 'test:{limits}:',
    runId: 'run',
    clock: undefined,
    retryAfterMs,
  });
  return { heard, call };
}

const WITHHELD = [
  'NOPERM this user has no permissions to run the evalsha command',
  "ERR The user executing the script can't run this command or subcommand script: 1f, on @user_script:12.",
  "ERR The user executing the script can't access at least one of the keys mentioned in the command script: 1f",
  "OOM command not allowed when used memory > 'maxmemory'.",
  'MISCONF Redis is configured to save RDB snapshots, but it is currently unable to persist to disk.',
  'NOREPLICAS Not enough good replicas to write.',
];

describe('a script that Redis refuses', () => {
  it.each(WITHHELD)('is refused as a store that is not there: %s', async (message) => {
    await expect(callsTo(message).call('settleAttempt')).rejects.toMatchObject({ code: 'storage_unavailable' });
  });

  it('is called again while the server is only not itself', async () => {
    const { call, heard } = callsTo('LOADING Redis is loading the dataset in memory', [0, 0]);
    await expect(call('settleAttempt')).rejects.toMatchObject({ code: 'storage_unavailable' });
    expect(heard).toHaveLength(3);
  });

  it('is a fault of ours where the script itself is wrong', async () => {
    await expect(callsTo('ERR user_script:9: attempt to index a nil value').call('settleAttempt')).rejects.toMatchObject({
      name: 'ReplyError',
    });
  });
});
