/** A simulator for each test with one social account, signed in. */
import { afterEach, beforeEach } from 'vitest';
import { type Simulator, startSimulator } from '../index.js';
import type { HandedOut } from '../routes/control.js';
import { type Ask, accessTokenOf, completionBody, type Frame, framesOf, type GenerateOptions, generate } from './client.js';

export interface Fixture {
  readonly sim: Simulator;
  /** The account `one`. */
  readonly donor: HandedOut;
  readonly token: string;
  ask(given?: Ask, options?: GenerateOptions): Promise<Response>;
  frames(given?: Ask): Promise<Frame[]>;
  post(path: string, body: unknown, method?: string): Promise<Response>;
}

/** Call it at the top of a test file; the members change with every test, so read them inside. */
export function useSimulator(): Fixture {
  let current: { sim: Simulator; donor: HandedOut; token: string } | null = null;
  const now = () => {
    if (!current) throw new Error('only inside a test');
    return current;
  };
  beforeEach(async () => {
    const sim = await startSimulator();
    const donor = sim.addCredential({ kind: 'social', id: 'one' });
    current = { sim, donor, token: await accessTokenOf(sim.url, donor) };
  });
  afterEach(() => now().sim.close());

  const ask: Fixture['ask'] = (given = {}, options = {}) => {
    const { sim, donor, token } = now();
    return generate(sim.url, token, completionBody({ ...given, root: { profileArn: donor.profileArn, ...given.root } }), options);
  };
  return {
    get sim() {
      return now().sim;
    },
    get donor() {
      return now().donor;
    },
    get token() {
      return now().token;
    },
    ask,
    frames: async (given) => framesOf(await ask(given)),
    post: (path, body, method = 'POST') =>
      fetch(now().sim.url + path, { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  };
}
