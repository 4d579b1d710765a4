/** The panel API as one Express app over its dependencies. */

import { createHash } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type { Express } from 'express';
import type { PanelContext, PanelDeps } from './deps.js';
import { createFeed } from './feed.js';
import { mount } from './mount.js';
import { openApiDocument } from './openapi.js';
import { routes } from './routes.js';
import { createSessionSigner } from './session.js';
import { createFlowSigner } from './signIn/flow.js';
import { createOrigin } from './signIn/origin.js';
import { createGithub, createOidc } from './signIn/provider.js';
import { createSharedThrottle, type Throttle } from './throttle.js';

const minute = 60_000;

/** Answers every path it is given; what it does not know is a shaped 404. Mount it last. */
export function createPanelApi(deps: PanelDeps): Express {
  const { clock, signIn } = deps;
  // Each event stream listens; their number is bounded where they begin.
  setMaxListeners(0, deps.closing);
  let document: unknown;
  const throttle = (name: string, tries: number): Throttle =>
    createSharedThrottle({ name, clock, tries, windowMs: minute, shared: deps.tries, secret: deps.userSessionSecret });
  const context: PanelContext = {
    ...deps,
    sessions: {
      admin: createSessionSigner({
        // With the password in the purpose, changing it ends all admin sessions.
        purpose: `admin ${createHash('sha256').update(deps.adminPassword).digest('hex')}`,
        secret: deps.adminSecret,
        previousSecret: deps.adminSecretPrevious,
        clock,
      }),
      user: createSessionSigner({ purpose: 'user', secret: deps.userSessionSecret, previousSecret: deps.userSessionSecretPrevious, clock }),
    },
    throttles: {
      adminLogin: throttle('admin-login', 20),
      userLogin: throttle('user-login', 20),
      // Each sign-up costs a password hash, so one address may not ask for them without end.
      register: throttle('register', 120),
      // Each return makes calls to the provider.
      signIn: throttle('sign-in', 60),
      password: throttle('password', 20),
    },
    providers: {
      github: signIn.github && createGithub(signIn.github),
      oidc: signIn.oidc && createOidc(signIn.oidc, { monotonic: () => clock.monotonic() }),
    },
    flows: createFlowSigner({ secret: deps.userSessionSecret, previousSecret: deps.userSessionSecretPrevious, clock }),
    publicOrigin: createOrigin(signIn),
    listeners: { count: 0, byCaller: new Map() },
    feed: createFeed({ db: deps.db, clock }),
    rebuilding: new Map(),
    openApi: () => (document ??= openApiDocument(routes, deps.documentedRoutes, deps.version)),
  };
  return mount(routes, context);
}
