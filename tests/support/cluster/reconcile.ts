/** Compares what clients saw, what the simulator saw and what the archive holds: three books that must agree to the request. */
import type { RequestRecord } from '../../../src/simulator/witness.js';
import type { Cluster } from '../cluster.js';
import { until } from '../until.js';
import { type ArchivedEvent, createArchiveReader, terminalTypes } from './archive.js';
import type { ClientResult } from './load.js';
import type { ClusterNode } from './node.js';

export interface ReconcileOptions {
  /** How many requests may be archived as abandoned: those that ran on a node when it was killed or frozen. Default none. */
  readonly mayBeAbandoned?: number;
  /** What no credential may have exceeded at the simulator. */
  readonly caps?: { readonly concurrent: number; readonly per60s: number };
}

export interface Reconciliation {
  /** What does not agree, one sentence each; empty when all is well. */
  readonly differences: readonly string[];
  readonly reached: number;
  readonly terminals: Readonly<Record<string, number>>;
  readonly clients: Readonly<Record<string, number>>;
}

interface Books {
  readonly events: readonly ArchivedEvent[];
  readonly arrivals: ReadonlyMap<string, readonly RequestRecord[]>;
  readonly clients: readonly ClientResult[];
  readonly terminals: ReadonlyMap<string, readonly ArchivedEvent[]>;
}

const SETTLE_MS = 40_000;
/** More sentences than this say nothing new. */
const MOST = 12;

/** Waits until every request that anybody saw has ended in the archive, then compares. All nodes that should run must run. */
export async function reconcile(
  cluster: Cluster,
  clients: readonly ClientResult[],
  options: ReconcileOptions = {},
): Promise<Reconciliation> {
  const reader = createArchiveReader(cluster.admin);
  const books = (events: readonly ArchivedEvent[], requests: readonly RequestRecord[]): Books => ({
    events,
    clients,
    arrivals: groupBy(
      requests.filter((one) => one.operation === 'generate'),
      (one) => one.invocationId ?? '',
    ),
    terminals: groupBy(
      events.filter((one) => terminalTypes.includes(one.type)),
      (one) => one.data.requestId ?? '',
    ),
  });
  await until(
    'the archive to hold every ended request',
    async () => {
      const now = books(await reader.read(), await cluster.sim.requests());
      const open = [...now.arrivals.values()].flat().some((one) => one.outcome === null);
      return open || missing(now).length > 0 ? undefined : true;
    },
    SETTLE_MS,
  ).catch(() => undefined);
  const events = await createArchiveReader(cluster.admin).read();
  const followed = await reader.read();
  const all = books(events, await cluster.sim.requests());
  const differences = [
    ...missing(all).map((id) => `request ${id} was seen and has no terminal event`),
    ...doubled(all),
    ...feed(followed, events),
    ...outcomes(all),
    ...attempts(all),
    ...abandoned(all, options.mayBeAbandoned ?? 0),
    ...(await figures(cluster)),
    ...(await slots(cluster)),
    ...(await caps(cluster, options)),
  ];
  return {
    differences: differences.slice(0, MOST),
    reached: all.arrivals.size,
    terminals: tally([...all.terminals.values()].flat(), (one) => one.type),
    clients: tally(clients, (one) => `${one.status} ${one.whole ? 'whole' : (one.code ?? 'cut')}`),
  };
}

/** Requests that reached the upstream, or whose client has a whole reply, and that the archive does not know. */
function missing({ arrivals, clients, terminals }: Books): string[] {
  const seen = [...arrivals.keys(), ...clients.flatMap((one) => (one.whole && one.id !== null ? [one.id] : []))];
  return [...new Set(seen)].filter((id) => !terminals.has(id));
}

function doubled({ events, terminals }: Books): string[] {
  const found: string[] = [];
  for (const [id, several] of terminals) {
    if (several.length > 1) found.push(`request ${id} has ${several.length} terminal events: ${several.map((one) => one.type).join(', ')}`);
  }
  for (const [id, several] of groupBy(events, (one) => one.id)) {
    if (several.length > 1) found.push(`event ${id} is archived ${several.length} times`);
  }
  for (const [partition, several] of groupBy(events, (one) => one.partition)) {
    const positions = several.map((one) => Number(one.sequence)).sort((a, b) => a - b);
    const gap = positions.findIndex((position, at) => position !== at + 1);
    if (gap >= 0) found.push(`partition ${partition} has ${positions[gap]} where ${gap + 1} should be`);
  }
  return found;
}

/** Whoever followed by cursor must have been given every event, each once. */
function feed(followed: readonly ArchivedEvent[], events: readonly ArchivedEvent[]): string[] {
  const given = new Set(followed.map((one) => one.id));
  const skipped = events.filter((one) => !given.has(one.id));
  const repeated = followed.length - given.size;
  return [
    ...skipped.map((one) => `a reader that followed was not given ${one.type} ${one.partition}/${one.sequence}`),
    ...(repeated > 0 ? [`a reader that followed was given ${repeated} events twice`] : []),
  ];
}

/** Does each client's outcome fit its terminal event? */
function outcomes({ clients, terminals, arrivals }: Books): string[] {
  const fits: Record<string, readonly string[]> = {
    whole: ['kirogate.token.used', 'kirogate.request.abandoned'],
    refused: ['none', 'kirogate.request.failed', 'kirogate.request.abandoned'],
    // The connection broke: the node may have written everything and ended well, or not.
    cut: ['none', ...terminalTypes],
  };
  const found: string[] = [];
  for (const one of clients) {
    if (one.id === null) continue;
    const kind = one.whole ? 'whole' : one.status !== null && one.status >= 400 ? 'refused' : 'cut';
    const type = terminals.get(one.id)?.[0]?.type ?? 'none';
    if (!fits[kind]?.includes(type))
      found.push(`request ${one.id}: the client saw ${one.status} ${one.code ?? ''} (${kind}), the archive has ${type}`);
  }
  for (const [id, [event]] of terminals) {
    if (event?.type === 'kirogate.token.used' && !arrivals.has(id))
      found.push(`request ${id} is archived as served and never reached the upstream`);
  }
  return found;
}

/** As many sends archived as arrived, for each request whose node lived to tell. */
function attempts({ terminals, arrivals }: Books): string[] {
  const found: string[] = [];
  for (const [id, [event]] of terminals) {
    if (event?.data.attempts === undefined) continue;
    const sent = event.data.attempts.filter((one) => one.respondedAt !== null).length;
    const arrived = arrivals.get(id)?.length ?? 0;
    if (sent !== arrived) found.push(`request ${id} (${event.type}): ${sent} sends archived, ${arrived} arrived`);
  }
  return found;
}

function abandoned({ terminals }: Books, allowed: number): string[] {
  const count = [...terminals.values()].filter(([one]) => one?.type === 'kirogate.request.abandoned').length;
  return count > allowed ? [`${count} requests are archived as abandoned, at most ${allowed} ran on what was lost`] : [];
}

/** The figures of every node's page and of the admin API are those of the archive, which refusals may still enter by the minute. */
async function figures(cluster: Cluster): Promise<string[]> {
  let found: string[] = [];
  const reader = createArchiveReader(cluster.admin);
  const compare = async (): Promise<true | undefined> => {
    const events = await reader.read();
    const counted = events.filter((one) => terminalTypes.includes(one.type) || isRefusal(one));
    const expected = counted.reduce((sum, one) => sum + (one.data.count ?? 1), 0);
    found = (await Promise.all(cluster.nodes.filter((one) => one.running()).map((node) => figuresOf(node, expected)))).flat();
    return found.length === 0 ? true : undefined;
  };
  await until('the figures to be those of the archive', compare, 15_000).catch(() => undefined);
  return found;
}

/** Of a known key; who brings none is counted apart. */
const isRefusal = (event: ArchivedEvent): boolean => event.type === 'kirogate.request.refused' && event.subject.startsWith('key/');

async function figuresOf(node: ClusterNode, expected: number): Promise<string[]> {
  const page = await (await fetch(`${node.url}/metrics`)).text();
  const scraped = [...page.matchAll(/^kirogate_requests_total\{.*\} (\d+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
  const { totalRequests } = await node.admin.get<{ totalRequests: number }>('/admin/api/metrics');
  return Object.entries({ '/metrics': scraped, 'the admin API': totalRequests }).flatMap(([place, shown]) =>
    shown === expected ? [] : [`${node.name} shows ${shown} requests in ${place}, the archive has ${expected}`],
  );
}

/** Nothing is left in flight: leases of what died are swept within 20 s. */
async function slots(cluster: Cluster): Promise<string[]> {
  const read = async (): Promise<number> => {
    const tokens = await cluster.admin.all<{ concurrency: { used: number } }>('/admin/api/tokens?limit=500');
    return tokens.reduce((sum, one) => sum + one.concurrency.used, 0);
  };
  try {
    await until('slots to be free', async () => ((await read()) === 0 ? true : undefined), 25_000);
    return [];
  } catch {
    return [`${await read()} slots are taken though nothing runs`];
  }
}

async function caps(cluster: Cluster, options: ReconcileOptions): Promise<string[]> {
  if (options.caps === undefined) return [];
  const { concurrent, per60s } = options.caps;
  const { credentials } = await cluster.sim.witness();
  return Object.entries(credentials).flatMap(([id, one]) => [
    ...(one.maxConcurrent > concurrent ? [`credential ${id} had ${one.maxConcurrent} calls at once, allowed are ${concurrent}`] : []),
    ...(one.maxPer60s > per60s ? [`credential ${id} had ${one.maxPer60s} calls in 60 s, allowed are ${per60s}`] : []),
  ]);
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}

function tally<T>(items: readonly T[], keyOf: (item: T) => string): Record<string, number> {
  return Object.fromEntries([...groupBy(items, keyOf)].map(([key, group]) => [key, group.length]));
}
