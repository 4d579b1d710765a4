/** The registry of upstreams: provider name → upstream. Adding one is one folder and one line here. */
import type { Upstream } from './define.js';
import { createKiroUpstream, type KiroUpstreamOptions } from './kiro/index.js';

export type Upstreams = ReadonlyMap<string, Upstream>;

export interface UpstreamsOptions {
  readonly kiro: KiroUpstreamOptions;
}

export function createUpstreams(options: UpstreamsOptions): Upstreams {
  const upstreams = [createKiroUpstream(options.kiro)];
  return new Map(upstreams.map((upstream) => [upstream.provider, upstream]));
}
