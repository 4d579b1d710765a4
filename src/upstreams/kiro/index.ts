/** The Kiro upstream, put together. */
import type { Logger } from 'pino';
import type { Clock } from '../../shared/clock.js';
import type { Ids } from '../../shared/ids.js';
import type { Upstream } from '../define.js';
import { boundedMap } from './boundedMap.js';
import { checkKiro } from './check.js';
import { createSecretReader, parseKiroCredential, readAuthType, readSecret } from './credentials.js';
import { createFrameDecoder } from './frames.js';
import { generateKiro } from './generate.js';
import { createModelResolver, kiroModels } from './models.js';
import { needsRefresh, refreshKiro } from './refresh.js';
import { createRouteMemory } from './routeMemory.js';
import { createWire } from './wire.js';

export interface KiroUpstreamOptions {
  /** Default region of credentials that name none. */
  readonly region: string;
  /** Origins; each replaces its own for every region and host form. */
  readonly authUrl?: string | undefined;
  readonly oidcUrl?: string | undefined;
  readonly apiUrl?: string | undefined;
  readonly managementUrl?: string | undefined;
  /** What we call ourselves in `user-agent`. */
  readonly identity: string;
  readonly firstByteTimeoutMs: number;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger?: Logger | undefined;
}

const rememberedCredentials = 10_000;
const rememberedSignatures = 20_000;
const rememberedOddities = 200;

export function createKiroUpstream(options: KiroUpstreamOptions): Upstream {
  const { clock, ids, identity } = options;
  const wire = createWire();
  const routes = createRouteMemory(rememberedCredentials);
  const profiles = boundedMap<string>(rememberedCredentials);
  const signatures = boundedMap<string>(rememberedSignatures);
  const oddities = boundedMap<number>(rememberedOddities);
  const deps = {
    wire,
    origins: options,
    identity,
    clock,
    ids,
    routes,
    profiles,
    signatures,
    onOddity,
    firstByteTimeoutMs: options.firstByteTimeoutMs,
    decodeFrame: createFrameDecoder(),
    readSecret: createSecretReader(),
  };

  /** Unknown things of the stream are counted by name and logged at the first and at every thousandth. */
  function onOddity(what: string): void {
    const seen = (oddities.get(what) ?? 0) + 1;
    oddities.set(what, seen);
    if (seen === 1 || seen % 1_000 === 0) options.logger?.warn({ what, seen }, 'Kiro sent something unknown; it was skipped');
  }

  return {
    provider: 'kiro',
    models: kiroModels,
    parseCredential: (input) => parseKiroCredential(input, options.region),
    resolveModel: createModelResolver(),
    needsRefresh,
    async refresh(authType, secret, signal) {
      const known = readSecret(secret);
      const arn = known.profileArn ?? profiles.get(known.id);
      return refreshKiro(deps, readAuthType(authType), arn === undefined ? known : { ...known, profileArn: arn }, signal);
    },
    generate: (call) => generateKiro(deps, call),
    check: async (authType, secret, access, signal) => checkKiro(deps, readAuthType(authType), readSecret(secret), access, signal),
    close: () => wire.close(),
  };
}
