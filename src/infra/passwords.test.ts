import { pbkdf2Sync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createPasswords, isPasswordRecord } from './passwords.js';

const cheap = { N: 2, r: 1, p: 1 };
const passwords = createPasswords({ cost: cheap });

function legacy(password: string, salt: string | Buffer, stored: string): string {
  return `pbkdf2_sha256$1000$${stored}$${pbkdf2Sync(password, salt, 1000, 32, 'sha256').toString('base64url')}`;
}

describe('passwords', () => {
  test('a password is verified against its own hash and no other', async () => {
    const encoded = await passwords.hash('correct horse');
    expect(await passwords.verify('correct horse', encoded)).toBe(true);
    expect(await passwords.verify('correct horsf', encoded)).toBe(false);
    expect(encoded).not.toContain('correct');
  });

  test('two hashes of one password differ', async () => {
    expect(await passwords.hash('same')).not.toBe(await passwords.hash('same'));
  });

  test('hashes of older releases are verified and asked to be upgraded', async () => {
    const salt = Buffer.from('0123456789abcdef0123456789abcdef', 'hex');
    const encoded = legacy('päss', salt, salt.toString('base64url'));
    expect(await passwords.verify('päss', encoded)).toBe(true);
    expect(await passwords.verify('pass', encoded)).toBe(false);
    expect(await passwords.verify('päss', legacy('päss', 'text-salt', 'text-salt'))).toBe(true);
    expect(passwords.needsRehash(encoded)).toBe(true);
  });

  test('a hash of other cost is verified and asked to be upgraded', async () => {
    const stronger = createPasswords({ cost: { N: 4, r: 1, p: 1 } });
    const encoded = await passwords.hash('x');
    expect(await stronger.verify('x', encoded)).toBe(true);
    expect(stronger.needsRehash(encoded)).toBe(true);
    expect(passwords.needsRehash(encoded)).toBe(false);
  });

  test.each([
    null,
    '',
    'scrypt$3$1$1$c2FsdA$aGFzaGhhc2hoYXNoaGFzaA',
    'scrypt$1073741824$8$1$c2FsdA$aGFzaGhhc2hoYXNoaGFzaA',
    'scrypt$16384$8$5$c2FsdA$',
    'pbkdf2_sha256$99999999999$c2FsdA$aGFzaA',
    'pbkdf2_sha256$120000$c2FsdA$tooshort',
    'plain$text',
  ])('the record %s verifies nothing and costs one calculation', async (encoded) => {
    expect(await passwords.verify('', encoded)).toBe(false);
    expect(await passwords.verify('anything', encoded)).toBe(false);
  });

  test('a record is of its alphabet alone, so that every store can keep it', () => {
    const sound = legacy('x', 'text-salt', 'text-salt');
    const [kind, rounds, salt, hash = ''] = sound.split('$');
    const padded = [kind, rounds, salt, `${hash.replaceAll('-', '+').replaceAll('_', '/')}=`].join('$');
    expect([sound, padded].map(isPasswordRecord)).toEqual([true, true]);
    const broken = [
      [kind, rounds, 'sa\0lt', hash],
      [kind, rounds, 'sa\ud800lt', hash],
      [kind, rounds, '', hash],
      [kind, '1e3', salt, hash],
      [kind, rounds, salt, `\0${hash}`],
      [kind, rounds, salt, `${hash.slice(0, 20)}\n${hash.slice(20)}`],
      [kind, rounds, salt, `${hash}AAAA`],
      ['scrypt', '2', '1', '1', 'c2Fs\0dA', 'aGFzaGhhc2hoYXNoaGFzaA'],
    ];
    expect(broken.filter((parts) => isPasswordRecord(parts.join('$')))).toEqual([]);
  });

  test('a flood is refused instead of queued without end', async () => {
    const narrow = createPasswords({ cost: cheap, maxQueued: 1 });
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => narrow.hash('x')));
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(2);
    expect(results.at(-1)).toMatchObject({ status: 'rejected', reason: { code: 'too_many_attempts' } });
    expect(await narrow.hash('afterwards')).toContain('scrypt$');
  });

  test('the cost used in production stays within the memory given to it', async () => {
    const real = createPasswords();
    expect(await real.verify('x', await real.hash('x'))).toBe(true);
  });
});
