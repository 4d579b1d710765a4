/** A gateway on the real limits, with an upstream that plays a script, and everything else written down. */
import { pino } from 'pino';
import type { CommandMeta, Commands } from '../../../commands/define.js';
import type { UsableCredential } from '../../../credentials/access.js';
import type { NewEvent } from '../../../events/define.js';
import type { EventLog } from '../../../events/log/port.js';
import { createMemoryLimits } from '../../../limits/memory.js';
import { createMemoryOpenRecords, type OpenRecords } from '../../../limits/openRecords.js';
import type { Admitted, LimitSettings, Limits, Refusal, SettleAttempt } from '../../../limits/port.js';
import { createTestClock, poolToken, risingRandom, roomy, type TestClock } from '../../../limits/testing/fixtures.js';
import { createIds } from '../../../shared/ids.js';
import type { FailureKind, GenerateCall, ModelEvent, ModelRequest, Upstream } from '../../../upstreams/define.js';
import { UpstreamFailure } from '../../../upstreams/define.js';
import { apart } from '../../../upstreams/testing/events.js';
import type { GatewayDeps } from '../../deps.js';
import { type AdmittedAttempt, admit } from '../admit.js';
import type { Caller } from '../caller.js';
import type { RecordDeps } from '../record.js';
import type { Run } from '../run.js';
import { directoryKey, directoryToken, directoryUser, type FakeDirectory, fakeDirectory } from './fakeDirectory.js';

/** What the upstream does with one call. */
export type Play = (call: GenerateCall, tokenId: string) => AsyncGenerator<ModelEvent, void, undefined>;

export interface Kit {
  readonly deps: GatewayDeps & RecordDeps;
  readonly clock: TestClock;
  readonly directory: FakeDirectory;
  readonly limits: Limits;
  readonly events: NewEvent[];
  readonly commands: { readonly name: string; readonly input: unknown; readonly meta: CommandMeta }[];
  /** Every settlement, in order. */
  readonly settled: SettleAttempt[];
  /** Attempts that were admitted, in order. */
  readonly admitted: { readonly attemptId: string; readonly tokenId: string }[];
  /** Token ids in the order the upstream was called. */
  readonly calls: string[];
  /** `<token> <access token>` that the upstream refused. */
  readonly refused: string[];
  /** A request of the operator unless told otherwise. */
  run(over?: Partial<Run>): Run;
  first(run: Run): Promise<AdmittedAttempt>;
  inFlight(): Promise<number>;
}

export interface KitOptions {
  readonly tokens?: readonly string[];
  readonly settings?: Partial<LimitSettings>;
  readonly maxAttempts?: number;
  readonly play: Play;
  readonly access?: (tokenId: string, signal?: AbortSignal) => Promise<UsableCredential>;
  /** Tokens whose credential is in memory. */
  readonly atHand?: readonly string[];
  readonly openRecords?: OpenRecords;
  readonly clock?: TestClock;
  readonly over?: Partial<GatewayDeps>;
}

export const operator: Caller = {
  userId: 'operator',
  keyId: 'proxy',
  quota: null,
  keyRpm: null,
  allowedModels: null,
  onlyTokenId: null,
  ownOnly: false,
};

export const modelRequest: ModelRequest = {
  model: 'claude-sonnet-4.5',
  system: [],
  messages: [{ role: 'user', parts: [{ type: 'text', text: 'hello' }], index: 0 }],
  tools: [],
  toolChoice: { type: 'auto' },
  maxTokens: null,
  stop: [],
  temperature: null,
  topP: null,
  thinking: null,
  conversation: null,
};

export async function createKit(options: KitOptions): Promise<Kit> {
  const { tokens = ['a', 'b', 'c'], play } = options;
  const clock = options.clock ?? createTestClock();
  const ids = createIds(clock);
  const directory = fakeDirectory();
  const written: Pick<Kit, 'events' | 'commands' | 'settled' | 'admitted' | 'calls' | 'refused'> = {
    events: [],
    commands: [],
    settled: [],
    admitted: [],
    calls: [],
    refused: [],
  };
  const settings = { ...roomy, ...options.settings };
  const openRecords = options.openRecords ?? createMemoryOpenRecords();
  const limits = witness(createMemoryLimits({ clock, random: risingRandom(), openRecords, settings }), written);
  await limits.putTokens(tokens.map((id) => poolToken(id)));
  for (const id of tokens) directory.pool.set(id, directoryToken(id));
  const deps: GatewayDeps & RecordDeps = {
    directory,
    limits,
    log: { append: async (event: NewEvent) => void written.events.push(event) } as unknown as EventLog,
    upstreams: new Map([['kiro', scriptedUpstream(play, written.calls)]]),
    access: {
      get: options.access ?? (async (tokenId) => credentialOf(tokenId)),
      refused: (tokenId, value) => void written.refused.push(`${tokenId} ${value}`),
      external: async () => 'ext-1',
      forget: async () => undefined,
      atHand: () => [...(options.atHand ?? [])],
      stop: () => undefined,
    },
    commands: {
      async execute(command: { readonly name: string }, input: unknown, meta: CommandMeta) {
        written.commands.push({ name: command.name, input, meta });
        return { changed: true };
      },
    } as unknown as Commands,
    clock,
    ids,
    random: () => 0.5,
    logger: pino({ level: 'silent' }),
    nodeId: 'n1',
    clientAddress: () => '198.51.100.7',
    proxyApiKey: 'operators-key',
    maxAttempts: options.maxAttempts ?? 3,
    storageUnavailable: () => false,
    addressSalt: 'salt',
    stopped: new AbortController().signal,
    ...options.over,
  };
  return {
    deps,
    clock,
    directory,
    limits,
    ...written,
    run(over = {}) {
      const run = { ...newRun(ids.uuid(), ids.uuid(), clock), ...over };
      introduce(run.caller, directory);
      return run;
    },
    async first(run) {
      const answer = await admit(run, { attempt: 1, exclude: [], onlyTokenId: null }, deps);
      if (!answer.ok) throw new Error(`refused: ${answer.code}`);
      return answer;
    },
    async inFlight() {
      return (await limits.tokenUse(tokens)).reduce((sum, { concurrency }) => sum + concurrency, 0);
    },
  };
}

export function credentialOf(tokenId: string, value = `access-${tokenId}`): UsableCredential {
  return { authType: 'social', secret: { tokenId }, access: { value, expiresAt: null, facts: {} } };
}

/** A member is somebody whom the directory knows, unless the test has said otherwise. */
function introduce({ userId, keyId }: Caller, directory: FakeDirectory): void {
  if (keyId === operator.keyId) return;
  if (!directory.users.has(userId)) directory.users.set(userId, directoryUser({ id: userId }));
  if (!directory.keys.has(keyId)) directory.keys.set(keyId, directoryKey({ id: keyId, userId }));
}

function witness(limits: Limits, written: Pick<Kit, 'settled' | 'admitted'>): Limits {
  return {
    ...limits,
    async admit(request): Promise<Admitted | Refusal> {
      const answer = await limits.admit(request);
      if (answer.ok) written.admitted.push({ attemptId: request.attemptId, tokenId: answer.tokenId });
      return answer;
    },
    settle(attempt) {
      written.settled.push(attempt);
      return limits.settle(attempt);
    },
  };
}

export function scriptedUpstream(play: Play, calls: string[] = []): Upstream {
  return {
    provider: 'kiro',
    models: [],
    parseCredential: () => {
      throw new Error('not in this test');
    },
    resolveModel: (name) => ({ id: name, known: true, contextWindow: 200_000 }),
    needsRefresh: () => false,
    refresh: () => Promise.reject(new Error('not in this test')),
    generate(call) {
      const tokenId = String(call.secret['tokenId']);
      calls.push(tokenId);
      return apart(play(call, tokenId));
    },
    check: () => Promise.reject(new Error('not in this test')),
    close: async () => undefined,
  };
}

function newRun(requestId: string, terminalEventId: string, clock: TestClock): Run {
  return {
    requestId,
    terminalEventId,
    endpoint: '/v1/messages',
    caller: operator,
    call: { request: modelRequest, stream: true, options: {} },
    request: modelRequest,
    targets: [{ provider: 'kiro', model: 'claude-sonnet-4.5' }],
    startedAt: clock.now(),
    startedMono: clock.monotonic(),
    abort: new AbortController(),
    attempts: [],
    lessons: new Set(),
    decision: { candidates: [], considered: 0, chosen: null, reason: null },
    period: { day: '', month: '' },
    firstOutputMono: null,
    usage: null,
    microCredits: null,
    outputChars: 0,
    settling: [],
  };
}

// ---- plays ----

export const text = (content: string): ModelEvent => ({ type: 'text', text: content });
export const stop: ModelEvent = { type: 'stop', reason: 'end_turn', sequence: null };
export const usage: ModelEvent = {
  type: 'usage',
  usage: { inputTokens: 10, outputTokens: 2, cacheReadTokens: 0, cacheWriteTokens: 0, estimated: false },
};

/** Answers with these events, headers first. */
export const answers = (...events: readonly ModelEvent[]): Play =>
  async function* (call) {
    call.onHeaders();
    yield* events;
  };

/** Fails, after these events; network errors come without headers. */
export const fails = (
  kind: FailureKind,
  detail: Partial<ConstructorParameters<typeof UpstreamFailure>[0]> = {},
  before: readonly ModelEvent[] = [],
): Play =>
  async function* (call) {
    if (kind !== 'network' && kind !== 'timeout') call.onHeaders();
    yield* before;
    throw new UpstreamFailure({ kind, message: `it is ${kind}`, ...detail });
  };

/** Finds fault by itself, before anything is sent. */
export const refuses = (kind: FailureKind, detail: Partial<ConstructorParameters<typeof UpstreamFailure>[0]> = {}): Play =>
  async function* () {
    yield* [];
    throw new UpstreamFailure({ kind, message: `it is ${kind}`, ...detail });
  };

/** Sends these, then nothing more until the call is aborted. */
export const stalls = (...events: readonly ModelEvent[]): Play =>
  async function* (call) {
    call.onHeaders();
    yield* events;
    await new Promise((_, reject) => {
      call.signal.addEventListener('abort', () => reject(new UpstreamFailure({ kind: 'aborted', message: 'aborted' })), { once: true });
      if (call.signal.aborted) reject(new UpstreamFailure({ kind: 'aborted', message: 'aborted' }));
    });
  };

/** One play a call; the last one stays. */
export function inTurn(...plays: readonly Play[]): Play {
  let next = 0;
  return (call, tokenId) => {
    const play = plays[Math.min(next, plays.length - 1)];
    next += 1;
    if (!play) throw new Error('an empty script');
    return play(call, tokenId);
  };
}
