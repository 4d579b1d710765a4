import { describe, expect, it } from 'vitest';
import { rowsOf } from './donation';

const defaults = { visibility: 'private' } as const;

describe('a bulk donation', () => {
  it('takes one refresh token a line', () => {
    expect(rowsOf(' one\r\n\n two \n', defaults)).toEqual([
      { visibility: 'private', refreshToken: 'one' },
      { visibility: 'private', refreshToken: 'two' },
    ]);
  });

  it('takes an array in any spelling, and leaves what a row says of itself', () => {
    const text = JSON.stringify([{ refresh_token: 'a', visibility: 'public' }, 'b', { refreshToken: 'c' }, 7, null]);
    expect(rowsOf(text, defaults)).toEqual([
      { refresh_token: 'a', visibility: 'public' },
      { visibility: 'private', refreshToken: 'b' },
      { visibility: 'private', refreshToken: 'c' },
      7,
      null,
    ]);
  });

  it('takes a single object', () => {
    expect(rowsOf('{"refreshToken":"a"}', defaults)).toEqual([{ visibility: 'private', refreshToken: 'a' }]);
  });

  it('hands broken JSON to the API as it is', () => {
    expect(rowsOf('[{"refreshToken":', defaults)).toBe('[{"refreshToken":');
  });
});
