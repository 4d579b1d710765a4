/** What the panel API stands on, and what it makes of that once for all handlers. */
import type { IncomingMessage } from 'node:http';
import type { Logger } from 'pino';
import type { SharedTries } from '../../cluster/tries.js';
import type { Commands } from '../../commands/define.js';
import type { ImportService } from '../../commands/migration/service.js';
import type { Database } from '../../infra/database/port.js';
import type { Passwords } from '../../infra/passwords.js';
import type { Limits } from '../../limits/port.js';
import type { Directory } from '../../projections/directory.js';
import type { BuildProgress } from '../../projections/runner/build.js';
import type { Unarchived } from '../../projections/runner/progress.js';
import type { Clock } from '../../shared/clock.js';
import type { Ids } from '../../shared/ids.js';
import type { Settings } from '../../shared/settings.js';
import type { Upstream } from '../../upstreams/define.js';
import type { Access } from './define.js';
import type { Feed } from './feed.js';
import type { SessionSigner } from './session.js';
import type { FlowSigner } from './signIn/flow.js';
import type { SignInOptions } from './signIn/options.js';
import type { Seen } from './signIn/origin.js';
import type { Provider } from './signIn/provider.js';
import type { Throttle } from './throttle.js';

/** One node as the cluster page shows it. */
export interface NodeView {
  readonly id: string;
  readonly healthy: boolean;
  /** ms since epoch */
  readonly startedAt: number;
  /** Open client connections. */
  readonly connections: number;
  readonly requestsLastMinute: number;
  readonly leader: boolean;
  /** Control position up to which the live settings are in force there; null: it does not say. */
  readonly settingsPosition: number | null;
}

/** What a token check found (`kirogate.token.checked`). */
export interface TokenCheckResult {
  readonly ok: boolean;
  /** FailureKind of the upstream, or null. */
  readonly failure: string | null;
  readonly message: string | null;
}

/** A route that others serve and `/openapi.json` shows as well. */
export interface DocumentedRoute {
  readonly method: 'get' | 'post';
  /** In Express's spelling: `/v1/models/:id`. */
  readonly path: string;
  readonly access: Access | 'client-key' | 'metrics-token';
  readonly summary: string;
  /** Description of a success, and of what else may come. */
  readonly responses: Readonly<Record<string, string>>;
  /** JSON Schema (2020-12) of the body, or absent. */
  readonly body?: Readonly<Record<string, unknown>>;
}

export interface PanelDeps {
  readonly db: Database;
  /** It is known not to answer; absent: it is a file of this process. */
  readonly databaseLost?: () => boolean;
  readonly commands: Commands;
  /** The one the commands use: hashing is one at a time. */
  readonly passwords: Passwords;
  readonly directory: Directory;
  readonly limits: Limits;
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly version: string;
  readonly adminPassword: string;
  /** Empty: scripts cannot sign in with a key. */
  readonly adminApiKey: string;
  readonly adminSecret: string;
  readonly adminSecretPrevious?: string | undefined;
  readonly userSessionSecret: string;
  readonly userSessionSecretPrevious?: string | undefined;
  /** Always mark cookies `Secure`; without it they are when the request says that it came over TLS. */
  readonly secureCookies?: boolean;
  readonly signIn: SignInOptions;
  /** Risk above this is high (TOKEN_RISK_THRESHOLD). */
  readonly riskThreshold: number;
  /** Settings as the environment has them, without what is stored. */
  readonly environmentSettings: Settings;
  readonly clientAddress: (request: IncomingMessage) => string;
  /** Refreshes the credential, reads plan and limits, and records what it found. Throws AppError `not_found`. */
  readonly checkToken: (tokenId: string, actor: string) => Promise<TokenCheckResult>;
  /** What the event log holds behind the archive, by partition; absent: not known. */
  readonly unarchived?: () => Promise<ReadonlyMap<string, Unarchived>>;
  /** Counts tries over all nodes; absent: this node is all there is. */
  readonly tries?: SharedTries;
  /** Stores beside the database, by name, and whether each answers this node now. */
  readonly stores?: () => Readonly<Record<string, boolean>>;
  readonly nodes: () => Promise<readonly NodeView[]>;
  /** Imports of old installations; absent: not offered here. */
  readonly imports?: Pick<ImportService, 'start' | 'progress'>;
  readonly documentedRoutes: readonly DocumentedRoute[];
  /** Aborts when the node drains: event streams end. */
  readonly closing: AbortSignal;
}

/** What handlers get. */
export interface PanelContext extends PanelDeps {
  readonly sessions: { readonly admin: SessionSigner; readonly user: SessionSigner };
  readonly throttles: {
    readonly adminLogin: Throttle;
    readonly userLogin: Throttle;
    readonly register: Throttle;
    readonly signIn: Throttle;
    /** By member, not by address. */
    readonly password: Throttle;
  };
  /** Ways in that are set up. */
  readonly providers: { readonly github: Provider | null; readonly oidc: Provider | null };
  readonly flows: FlowSigner;
  /** The origin under which the browser sees this site. */
  readonly publicOrigin: (request: Seen) => string;
  /** Projections that this node rebuilds now, and how far each is. */
  readonly rebuilding: Map<string, BuildProgress>;
  /** Open event streams on this node. */
  readonly listeners: { count: number; readonly byCaller: Map<string, number> };
  readonly feed: Feed;
  /** The OpenAPI document over all rows. */
  readonly openApi: () => unknown;
}
