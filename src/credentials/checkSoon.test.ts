import { pino } from 'pino';
import { expect, test, vi } from 'vitest';
import { createCheckSoon } from './checkSoon.js';

function checks() {
  const begun: { readonly tokenId: string; readonly end: (error?: Error) => void }[] = [];
  const logger = pino({ level: 'silent' });
  const warn = vi.spyOn(logger, 'warn');
  const checkSoon = createCheckSoon({
    check: (tokenId) =>
      new Promise<void>((resolve, reject) => begun.push({ tokenId, end: (error) => (error === undefined ? resolve() : reject(error)) })),
    logger,
  });
  return { begun, warn, checkSoon, tokens: () => begun.map(({ tokenId }) => tokenId) };
}

test('a token is checked once at a time, beside others', async () => {
  const { begun, checkSoon, tokens } = checks();
  for (const id of ['a', 'a', 'b', 'a']) checkSoon(id);
  expect(tokens()).toEqual(['a', 'b']);
  begun[0]?.end();
  await vi.waitFor(() => {
    checkSoon('a');
    expect(tokens()).toEqual(['a', 'b', 'a']);
  });
});

test('a check that cannot be made is logged, and made again when asked', async () => {
  const { begun, warn, checkSoon, tokens } = checks();
  checkSoon('a');
  begun[0]?.end(new Error('the database is gone'));
  await vi.waitFor(() => expect(warn).toHaveBeenCalledOnce());
  await vi.waitFor(() => {
    checkSoon('a');
    expect(tokens()).toEqual(['a', 'a']);
  });
});
