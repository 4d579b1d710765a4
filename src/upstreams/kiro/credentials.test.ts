import { describe, expect, it } from 'vitest';
import { parseExpiry, parseKiroCredential, readAuthType, readSecret } from './credentials.js';

const refreshToken = `aorAAAAA${'x'.repeat(120)}`;
const parse = (input: Record<string, unknown>) => parseKiroCredential(input, 'us-east-1');
const refused = (param: string) => expect.objectContaining({ code: 'invalid_request', param }) as Error;

describe('donated credentials', () => {
  it('reads camelCase and snake_case alike', () => {
    const camel = parse({
      authType: 'idc',
      refreshToken,
      clientId: 'c',
      clientSecret: 's',
      region: 'ap-southeast-2',
      apiRegion: 'eu-central-1',
    });
    const snake = parse({
      auth_type: 'idc',
      refresh_token: refreshToken,
      client_id: 'c',
      client_secret: 's',
      region: 'ap-southeast-2',
      api_region: 'eu-central-1',
    });
    expect(snake).toEqual(camel);
    expect(camel).toMatchObject({
      authType: 'idc',
      region: 'ap-southeast-2',
      secret: { clientId: 'c', clientSecret: 's', apiRegion: 'eu-central-1' },
    });
  });

  it('understands what the IDE writes, and guesses the kind where none is named', () => {
    expect(parse({ refreshToken, authMethod: 'IdC', clientId: 'c', clientSecret: 's' }).authType).toBe('idc');
    expect(parse({ refreshToken, authMethod: 'social' }).authType).toBe('social');
    expect(parse({ refreshToken }).authType).toBe('social');
    expect(parse({ refreshToken, clientId: 'c', clientSecret: 's' }).authType).toBe('idc');
    expect(parse({ refreshToken, authType: 'builder_id', clientId: 'c', clientSecret: 's' }).authType).toBe('builder_id');
  });

  it('fingerprints the refresh token, and keeps an id that outlives its rotation', () => {
    const first = parse({ refreshToken: ` ${refreshToken}\n` });
    expect(first.fingerprint).toMatch(/^[0-9a-f]{64}$/);
    expect(parse({ refreshToken }).fingerprint).toBe(first.fingerprint);
    expect(readSecret(first.secret).id).toBe(first.fingerprint.slice(0, 32));
  });

  it.each([
    [{ refreshToken: 'aorAAAAA...xyz'.padEnd(130, 'x') }, 'refreshToken'],
    [{ refreshToken: `${'x'.repeat(60)}…${'y'.repeat(60)}` }, 'refreshToken'],
    [{ refreshToken: 'short' }, 'refreshToken'],
    [{ refreshToken: `${'x'.repeat(60)} ${'y'.repeat(60)}` }, 'refreshToken'],
    [{ refreshToken: 12 }, 'refreshToken'],
    [{ refreshToken: `{"refreshToken":"${refreshToken}"}` }, 'refreshToken'],
    [{ refreshToken: `${refreshToken},xx` }, 'refreshToken'],
    [{ refreshToken: `"${refreshToken}"` }, 'refreshToken'],
    [{ refreshToken: `${refreshToken}é` }, 'refreshToken'],
    [{}, 'refreshToken'],
    [{ refreshToken, authType: 'idc', clientSecret: 's' }, 'clientId'],
    [{ refreshToken, authType: 'builder_id', clientId: 'c' }, 'clientSecret'],
    [{ refreshToken, authType: 'magic' }, 'authType'],
    [{ refreshToken, region: 'evil.example.com/' }, 'region'],
    [{ refreshToken, region: 'us-east-1.evil' }, 'region'],
    [{ refreshToken, apiRegion: 'US EAST' }, 'apiRegion'],
    [{ refreshToken, profileArn: 'arn:aws:s3:::bucket' }, 'profileArn'],
    [{ refreshToken, profileArn: 'arn:aws:codewhisperer:evil.com#:1:profile/X' }, 'profileArn'],
  ])('B2: refuses %j because of %s', (input, param) => {
    expect(() => parse(input)).toThrowError(refused(param));
  });

  it('B2: reads expiry as ISO text, epoch seconds and epoch milliseconds', () => {
    const at = Date.parse('2026-11-23T10:00:00Z');
    for (const form of ['2026-11-23T10:00:00Z', at, at / 1_000, String(at), String(at / 1_000)]) expect(parseExpiry(form)).toBe(at);
    for (const form of [null, undefined, '', 'soon', 0, -1, Number.NaN, {}]) expect(parseExpiry(form)).toBeNull();
  });

  it('refuses a stored secret that is not whole and a kind it does not know', () => {
    expect(() => readSecret({ refreshToken })).toThrowError(expect.objectContaining({ kind: 'invalid_credential' }));
    expect(() => readAuthType('constructor')).toThrowError(expect.objectContaining({ kind: 'invalid_credential' }));
  });
});
