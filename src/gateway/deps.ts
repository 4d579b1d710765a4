/** What the gateway needs of the floors below; the composition root fills it in. */
import type { Logger } from 'pino';
import type { Currency } from '../cluster/currency.js';
import type { Commands } from '../commands/define.js';
import type { Access } from '../credentials/access.js';
import type { EventLog } from '../events/log/port.js';
import type { ClientAddress } from '../infra/clientAddress.js';
import type { Tracer } from '../infra/tracing/tracer.js';
import type { Limits } from '../limits/port.js';
import type { Directory } from '../projections/directory.js';
import type { Clock } from '../shared/clock.js';
import type { Ids } from '../shared/ids.js';
import type { Upstreams } from '../upstreams/index.js';

export interface GatewayDeps {
  readonly directory: Directory;
  /** Whether the directory is as new as it must be; absent: nobody else changes what it holds. */
  readonly currency?: Currency | undefined;
  readonly limits: Limits;
  readonly log: EventLog;
  readonly upstreams: Upstreams;
  readonly access: Access;
  readonly commands: Commands;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly logger: Logger;
  readonly nodeId: string;
  readonly clientAddress: ClientAddress;
  /** Empty: there is no operator key. */
  readonly proxyApiKey: string;
  readonly maxAttempts: number;
  /** A refusal for want of credits does not say until when: looks at the token's plan beside the request. Never throws. */
  readonly checkSoon?: (tokenId: string) => void;
  /** May no new request begin, since what it did could not be recorded? */
  readonly storageUnavailable: () => boolean;
  /** How long a request waits for that to end before it is refused, ms. Default: not at all. */
  readonly storageHoldMs?: number;
  /** Keys the hash of unknown callers' addresses, so that events hold no address. */
  readonly addressSalt: string;
  /** Told of each request that ended; absent: nobody collects traces. */
  readonly tracer?: Tracer | undefined;
  /** Silence on a stream before a keep-alive, ms. */
  readonly keepAliveMs?: number;
}
