import { expect, test } from 'vitest';
import type { Facts } from '../facts.js';
import type { KeyHistory, PoolToken } from '../port.js';
import { poolToken, roomy, START } from '../testing/fixtures.js';
import { buildState, withPool } from './build.js';

function built({ rates = [], keys, tokens = [] }: { rates?: Facts['rates'][]; keys?: KeyHistory[]; tokens?: PoolToken[] }) {
  return buildState({
    facts: rates.map((one, i) => ({ runId: `run-${i}`, facts: { requests: [], rates: one, healths: [] } })),
    sends: [],
    archived: new Set(),
    history: { tokens: [], users: [], ...(keys === undefined ? {} : { keys }) },
    pool: { settings: roomy, tokens },
    now: START,
    random: () => 0.5,
  });
}

test('what a key was used is what living runs tell together, or the archive where it knows of more', () => {
  const rates = [[{ keyId: 'living', times: [START - 3, START - 1] }], [{ keyId: 'living', times: [START - 2] }]];
  expect(built({ rates }).rates).toEqual([{ keyId: 'living', times: [START - 3, START - 2, START - 1] }]);
  const keys = [
    { keyId: 'dead', times: [START - 4, START - 9] },
    { keyId: 'living', times: [START - 3, START - 2] },
  ];
  expect(built({ rates, keys }).rates).toEqual([
    { keyId: 'living', times: [START - 3, START - 2, START - 1] },
    { keyId: 'dead', times: [START - 9, START - 4] },
  ]);
  const both = [{ keyId: 'living', times: [4, 3, 2, 1].map((ms) => START - ms) }];
  expect(built({ rates, keys: both }).rates).toEqual(both);
});

test('a send of a dead run that was noted and is archived counts by the archive alone, and none counts beyond now', () => {
  const state = buildState({
    facts: [],
    sends: [
      { tokenId: 'a', terminalEventId: 'known', at: START - 2 },
      { tokenId: 'a', terminalEventId: 'unknown', at: START + 5 },
    ],
    archived: new Set(['known']),
    history: { tokens: [], users: [] },
    pool: { settings: roomy, tokens: [poolToken('a')] },
    now: START,
    random: () => 0.5,
  });
  expect(state.tokens).toMatchObject([{ id: 'a', sends: [START], dayUsed: 1, lastUsedAt: START }]);
});

test('a token that was out of credits is tried with one request, whether the home or the directory knew it first', () => {
  const parked = poolToken('a', { parkedUntil: START + 1, position: 2 });
  const early = built({ tokens: [parked, poolToken('b')] });
  expect(early.tokens.map(({ id, halfOpen }) => [id, halfOpen])).toEqual([
    ['a', true],
    ['b', false],
  ]);
  const late = withPool(built({ tokens: [poolToken('a')] }), { settings: roomy, tokens: [parked] }, START, () => 0.5);
  expect(late.tokens).toMatchObject([{ id: 'a', halfOpen: true, facts: parked }]);
});
