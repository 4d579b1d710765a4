/** What a browser carries from our door to the provider and back: signed, short-lived, and good for one way. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../../../shared/clock.js';

const flowSchema = z.strictObject({
  provider: z.enum(['github', 'oidc']),
  state: z.string().min(16).max(200),
  nonce: z.string().min(16).max(200),
  /** PKCE code verifier. */
  verifier: z.string().min(43).max(128),
  /** A signed-in member who adds this way in; their session cookie does not travel back from another site. */
  link: z.strictObject({ userId: z.string().max(64), sessionVersion: z.int() }).nullable(),
  /** ms since epoch */
  iat: z.int(),
});
export type Flow = z.output<typeof flowSchema>;

/** Long enough to type a password and a second factor. */
export const flowLifeMs = 10 * 60_000;

export interface FlowSigner {
  seal(flow: Omit<Flow, 'iat'>): string;
  /** undefined: none, forged, mangled or too old. */
  open(cookie: string | undefined): Flow | undefined;
}

/** The previous secret is accepted, never used to sign. Its purpose parts the key from that of sessions. */
export function createFlowSigner(deps: {
  readonly secret: string;
  readonly previousSecret?: string | undefined;
  readonly clock: Clock;
}): FlowSigner {
  const keyOf = (secret: string): Buffer => createHmac('sha256', secret).update('kirogate sign-in flow').digest();
  const key = keyOf(deps.secret);
  const keys = deps.previousSecret ? [key, keyOf(deps.previousSecret)] : [key];
  const sign = (with_: Buffer, payload: string): Buffer => createHmac('sha256', with_).update(payload).digest();
  return {
    seal(flow) {
      const payload = Buffer.from(JSON.stringify({ ...flow, iat: deps.clock.now() })).toString('base64url');
      return `${payload}.${sign(key, payload).toString('base64url')}`;
    },
    open(cookie) {
      if (!cookie || cookie.length > 2_000) return undefined;
      const [payload = '', signature = '', ...more] = cookie.split('.');
      const given = Buffer.from(signature, 'base64url');
      if (more.length > 0 || given.length !== 32 || !keys.some((one) => timingSafeEqual(sign(one, payload), given))) return undefined;
      const flow = flowSchema.safeParse(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))).data;
      const age = flow === undefined ? Number.NaN : deps.clock.now() - flow.iat;
      return age >= -60_000 && age <= flowLifeMs ? flow : undefined;
    },
  };
}
