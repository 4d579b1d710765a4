/** Sessions as signed cookies: nothing is stored while they last, every node can check them, and an event ends them on all. */
import { createHmac, hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../../shared/clock.js';

const sessionSchema = z.strictObject({
  /** `admin`, or a user's id. */
  sub: z.string().min(1).max(64),
  /** The user's session version at sign-in; of an admin, the control position at which all admin sessions were last ended. */
  sv: z.int().nonnegative(),
  /** ms since epoch */
  iat: z.int().nonnegative(),
  csrf: z.string().min(16).max(64),
});
export type Session = z.output<typeof sessionSchema>;

export interface SessionSigner {
  issue(subject: string, sessionVersion: number): { readonly cookie: string; readonly csrfToken: string };
  /** The session in a cookie's value; undefined when forged, foreign, mangled or older than its life. */
  read(cookie: string | undefined): Session | undefined;
}

/** A working day and a bit; a session does not outlive it however busy it is. */
export const sessionLifeMs = 12 * 3_600_000;
const clockSkewMs = 60_000;

/**
 * `purpose` parts the keys of different cookies even where an operator gave both the same secret.
 * The previous secret is accepted, never used to sign.
 */
export function createSessionSigner(options: {
  readonly purpose: string;
  readonly secret: string;
  readonly previousSecret?: string | undefined;
  readonly clock: Clock;
}): SessionSigner {
  if (options.secret === '') throw new Error(`the session secret for ${options.purpose} is empty`);
  const secrets = options.previousSecret ? [options.secret, options.previousSecret] : [options.secret];
  const keys = secrets.map((secret) => createHmac('sha256', secret).update(`kirogate session ${options.purpose}`).digest());
  const sign = (key: Buffer, payload: string): Buffer => createHmac('sha256', key).update(payload).digest();

  return {
    issue(subject, sessionVersion) {
      const csrf = randomBytes(24).toString('base64url');
      const session: Session = { sub: subject, sv: sessionVersion, iat: options.clock.now(), csrf };
      const payload = Buffer.from(JSON.stringify(session)).toString('base64url');
      const [key] = keys;
      if (!key) throw new Error('no session key');
      return { cookie: `${payload}.${sign(key, payload).toString('base64url')}`, csrfToken: csrf };
    },
    read(cookie) {
      if (!cookie || cookie.length > 1_000) return undefined;
      const dot = cookie.indexOf('.');
      if (dot <= 0) return undefined;
      const payload = cookie.slice(0, dot);
      const signature = Buffer.from(cookie.slice(dot + 1), 'base64url');
      const known = keys.some((key) => signature.length === 32 && timingSafeEqual(sign(key, payload), signature));
      if (!known) return undefined;
      const session = sessionSchema.safeParse(parseJson(payload));
      if (!session.success) return undefined;
      const age = options.clock.now() - session.data.iat;
      return age < -clockSkewMs || age > sessionLifeMs ? undefined : session.data;
    },
  };
}

/** Names a session where all may see it: nobody gets from it to the cookie. */
export function sessionId({ sub, iat, csrf }: Session): string {
  return hash('sha256', `kirogate session ${sub} ${iat} ${csrf}`, 'base64url').slice(0, 24);
}

function parseJson(payload: string): unknown {
  try {
    return JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}
