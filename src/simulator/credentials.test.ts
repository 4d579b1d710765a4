import { describe, expect, it } from 'vitest';
import { createCredentials } from './credentials.js';
import { createRandom } from './random.js';
import { Refusal } from './refusals.js';

const setup = () => {
  let ms = Date.UTC(2026, 10, 23);
  const clock = { now: () => ms, monotonic: () => ms };
  return { credentials: createCredentials({ clock, random: createRandom(7), seed: 7 }), pass: (by: number) => (ms += by) };
};
const refusal = (work: () => unknown): Refusal => {
  try {
    work();
  } catch (error) {
    if (error instanceof Refusal) return error;
  }
  throw new Error('nothing was refused');
};

describe('bound credentials', () => {
  it('are the same for the same seed', () => {
    const [a, b] = [setup(), setup()].map(({ credentials }) => credentials.add({ kind: 'idc' }));
    expect(a).toEqual(b);
    expect(a?.refreshToken.length).toBeGreaterThan(100);
  });

  it('give access tokens that belong to one account and expire', () => {
    const { credentials, pass } = setup();
    const one = credentials.add({ kind: 'social', accessTokenSeconds: 60 });
    const two = credentials.add({ kind: 'social' });
    const { issued } = credentials.refresh(one.refreshToken);
    expect(credentials.authenticate(issued.accessToken)).toBe(one);
    expect(credentials.refresh(two.refreshToken).issued.accessToken).not.toBe(issued.accessToken);
    pass(60_000);
    expect(refusal(() => credentials.authenticate(issued.accessToken)).detail).toMatchObject({ status: 403, rule: 'bearer.expired' });
    expect(credentials.ownerOfAccessToken(issued.accessToken)).toBe(one);
  });

  it('keep the refresh token when they do not rotate, and then do not send it', () => {
    const { credentials } = setup();
    const { refreshToken } = credentials.add({ kind: 'social' });
    expect(credentials.refresh(refreshToken).issued).not.toHaveProperty('refreshToken');
    expect(credentials.refresh(refreshToken).issued.expiresIn).toBe(3_600);
  });

  it('refuse the old refresh token once it was rotated', () => {
    const { credentials } = setup();
    const idc = credentials.add({ kind: 'idc', rotate: true });
    const old = idc.refreshToken;
    const client = { id: idc.clientId ?? '', secret: idc.clientSecret ?? '' };
    const rotated = credentials.refresh(old, client).issued.refreshToken ?? '';
    expect(rotated).not.toBe(old);
    expect(refusal(() => credentials.refresh(old, client)).body()).toEqual({
      error: 'invalid_grant',
      error_description: 'Invalid refresh token provided',
    });
    expect(credentials.ownerOfRefreshToken(old)).toBe(idc);
    expect(credentials.refresh(rotated, client).credential).toBe(idc);
  });

  it('refuse the wrong client, the wrong endpoint and a revoked token', () => {
    const { credentials } = setup();
    const idc = credentials.add({ kind: 'idc' });
    const social = credentials.add({ kind: 'social' });
    expect(refusal(() => credentials.refresh(idc.refreshToken, { id: 'x', secret: 'y' })).detail.status).toBe(401);
    expect(refusal(() => credentials.refresh(idc.refreshToken)).detail.status).toBe(401);
    credentials.update(social.id, { revoked: true });
    expect(refusal(() => credentials.refresh(social.refreshToken)).body()).toMatchObject({ message: 'Invalid refresh token provided' });
  });

  it('lose their access tokens at once when told so', () => {
    const { credentials } = setup();
    const social = credentials.add({ kind: 'social' });
    const { issued } = credentials.refresh(social.refreshToken);
    credentials.update(social.id, { expireAccessTokens: true });
    expect(refusal(() => credentials.authenticate(issued.accessToken)).detail.rule).toBe('bearer.expired');
  });

  it('sign thinking so that it fits one account and one model only', () => {
    const { credentials } = setup();
    const [one, two] = [credentials.add({ kind: 'social' }), credentials.add({ kind: 'social' })];
    const signature = credentials.sign(one, 'claude-opus-5', 'hm');
    expect(credentials.sign(one, 'claude-opus-5', 'hm')).toBe(signature);
    expect(credentials.sign(two, 'claude-opus-5', 'hm')).not.toBe(signature);
    expect(credentials.sign(one, 'claude-sonnet-5', 'hm')).not.toBe(signature);
  });
});
