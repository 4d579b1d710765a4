import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSessionSigner, sessionLifeMs } from './session.js';

const clock = { at: 1_795_392_000_000, now: () => clock.at, monotonic: () => clock.at };
const signer = createSessionSigner({ purpose: 'user', secret: 'first secret', clock });

describe('a session cookie', () => {
  it('reads back as what was issued', () => {
    const { cookie, csrfToken } = signer.issue('u1', 3);
    expect(signer.read(cookie)).toEqual({ sub: 'u1', sv: 3, iat: clock.at, csrf: csrfToken });
  });

  it('gives each sign-in its own CSRF token', () => {
    expect(signer.issue('u1', 1).csrfToken).not.toBe(signer.issue('u1', 1).csrfToken);
  });

  it('is refused after any single character was changed', () => {
    const { cookie } = signer.issue('u1', 1);
    fc.assert(
      fc.property(fc.nat(cookie.length - 1), fc.constantFrom(...'abcXYZ019_-.'), (at, char) => {
        const forged = cookie.slice(0, at) + char + cookie.slice(at + 1);
        const session = signer.read(forged);
        // The last character of unpadded base64 carries spare bits: the bytes may be the same.
        if (session !== undefined)
          expect(Buffer.from(forged.split('.')[1] ?? '', 'base64url')).toEqual(Buffer.from(cookie.split('.')[1] ?? '', 'base64url'));
      }),
    );
  });

  it('is never read from made-up text', () => {
    fc.assert(fc.property(fc.string(), (text) => signer.read(text) === undefined));
    for (const text of [undefined, '', '.', 'a.b', '{}', '{}.{}', 'null.', `${'a'.repeat(2_000)}.b`])
      expect(signer.read(text)).toBeUndefined();
  });

  it('is refused when signed for another purpose with the same secret', () => {
    const other = createSessionSigner({ purpose: 'admin', secret: 'first secret', clock });
    expect(signer.read(other.issue('admin', 0).cookie)).toBeUndefined();
  });

  it('is refused when its payload is not a session, however well signed', () => {
    const key = createHmac('sha256', 'first secret').update('kirogate session user').digest();
    for (const payload of ['{}', 'null', '[]', '"admin"', '{"sub":"admin"}', 'not json']) {
      const text = Buffer.from(payload).toString('base64url');
      expect(signer.read(`${text}.${createHmac('sha256', key).update(text).digest('base64url')}`)).toBeUndefined();
    }
  });

  it('outlives a change of the secret while the previous one is named, and not longer', () => {
    const { cookie } = signer.issue('u1', 1);
    expect(createSessionSigner({ purpose: 'user', secret: 'second', previousSecret: 'first secret', clock }).read(cookie)?.sub).toBe('u1');
    expect(createSessionSigner({ purpose: 'user', secret: 'second', clock }).read(cookie)).toBeUndefined();
  });

  it('ends after twelve hours and does not come from the future', () => {
    const { cookie } = signer.issue('u1', 1);
    const issued = clock.at;
    clock.at = issued + sessionLifeMs;
    expect(signer.read(cookie)).toBeDefined();
    clock.at = issued + sessionLifeMs + 1;
    expect(signer.read(cookie)).toBeUndefined();
    clock.at = issued - 3_600_000;
    expect(signer.read(cookie)).toBeUndefined();
    clock.at = issued;
  });

  it('cannot be signed with an empty secret', () => {
    expect(() => createSessionSigner({ purpose: 'user', secret: '', clock })).toThrow(/empty/);
  });
});
