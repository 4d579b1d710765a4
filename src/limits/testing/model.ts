/** Random histories, played to an adapter and to the oracle: the same answers, and the caps hold as the upstream saw it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AdmitRequest, Admitted, AttemptOutcome, LimitSettings, Limits, OpenRecord, PoolToken, Refusal } from '../port.js';
import { checkDecision, choiceOf, refusedOnly, shapeOf } from './compare.js';
import { type OpenLimits, quietSite, type Site } from './context.js';
import type { TestClock } from './fixtures.js';
import { factsOf, MOST_STEPPED_MS, type Op, op, outcomes, requestOf, settingsChoices, tokenIds, users } from './modelOps.js';
import { createOracle } from './oracle.js';
import { checkUpstream, type UpstreamCall } from './upstreamBook.js';

interface Begun extends Omit<UpstreamCall, 'tokenId'> {
  /** The node that serves it. */
  readonly node: Limits;
  readonly request: AdmitRequest;
  readonly answer: Admitted;
  finished: boolean;
}

const keyIds = ['k0', 'k1', 'k2'] as const;

class History {
  readonly #begun: Begun[] = [];
  readonly #removed = new Set<string>();
  readonly #facts = new Map<string, PoolToken>();
  readonly #ties = new Map<string, number>();
  readonly #oracle;
  #settings = settingsChoices[0] as LimitSettings;
  #number = 0;
  #position = 1;
  #steppedMs = 0;
  #looks = 0;

  constructor(
    readonly site: Site,
    readonly clock: TestClock,
  ) {
    this.#oracle = createOracle(clock, this.#settings);
  }

  async start(): Promise<void> {
    for (let i = 0; i < 6; i += 1) await this.#put(i, i);
  }

  /** Calls go to the nodes by turns. */
  get #node(): Limits {
    const nodes = this.site.nodes();
    return nodes[this.#number % nodes.length] as Limits;
  }

  async play(next: Op): Promise<void> {
    switch (next.op) {
      case 'admit':
        return this.#admit(next);
      case 'responded':
        return this.#responded(next.which, next.served);
      case 'settle':
        return this.#settle(next);
      case 'finish':
        return this.#finish(next.which, next.keep);
      case 'repeat':
        return this.#repeat(next.which);
      case 'advance':
        return this.site.advance(next.ms);
      case 'put':
        return this.#put(next.which % 6, next.facts);
      case 'remove':
        return this.#remove(`t${next.which % 6}`);
      case 'reset':
        await this.#node.resetToken(`t${next.which % 6}`);
        return this.#oracle.reset(`t${next.which % 6}`);
      case 'configure': {
        this.#settings = settingsChoices[next.which] as LimitSettings;
        for (const node of this.site.nodes()) {
          node.configure(this.#settings);
          await this.#arrived(node);
        }
        return this.#oracle.configure(this.#settings);
      }
      case 'step':
        return this.#step(next.ms);
      case 'kill':
        return this.#kill(next.which, next.keep);
      case 'look':
        return this.#look();
    }
  }

  async #put(index: number, shape: number): Promise<void> {
    // A state that was out of the pool for an hour may have been forgotten, or not yet: both are right.
    if (this.#removed.has(`t${index}`)) return;
    this.#position += 1;
    const facts = factsOf(index, shape, this.#position, this.clock.now());
    this.#facts.set(facts.id, facts);
    await this.#node.putTokens([facts]);
    this.#oracle.put(facts, this.#tieOf(facts.id));
  }

  /** Ties rise with the order in which a process heard of its tokens. */
  #tieOf(id: string): number {
    const tie = this.#ties.get(id) ?? 0.001 * (this.#ties.size + 1);
    this.#ties.set(id, tie);
    return tie;
  }

  async #remove(id: string): Promise<void> {
    this.#position += 1;
    this.#removed.add(id);
    this.#facts.delete(id);
    await this.#node.removeToken(id, this.#position);
    this.#oracle.remove(id, this.#position);
  }

  async #admit(next: Extract<Op, { op: 'admit' }>): Promise<void> {
    this.#number += 1;
    // A request has one attempt at a time.
    const isRunning = (requestId: string) => this.#begun.some((one) => one.request.requestId === requestId && one.endedAt === null);
    const before = this.#pick(next.again, (one) => one.endedAt !== null && !one.finished && !isRunning(one.request.requestId));
    const retry = next.again < 2 ? before : undefined;
    const request = requestOf(next, this.#number, retry && { request: retry.request, tokenId: retry.answer.tokenId });
    if (this.site.copies?.knowTalks === false) Object.assign(request, { affinity: null });
    const node = retry?.node ?? this.#node;
    await this.#lookAnew(node);
    expect(shapeOf(await node.peek(request))).toEqual(refusedOnly(this.#oracle.peek(request)));
    const answer = await node.admit(request);
    expect(shapeOf(answer)).toEqual(this.#oracle.admit(request));
    if (!answer.ok) {
      // A reply that was lost: asked again, it is the same refusal.
      this.#expectAgain(await node.admit(request), answer);
      return;
    }
    checkDecision(answer);
    this.#begun.push({ node, request, answer, arrivedAt: this.clock.monotonic(), endedAt: null, sent: true, finished: false });
  }

  async #responded(which: number, served: boolean): Promise<void> {
    const one = this.#pick(which, (begun) => begun.endedAt === null);
    if (one === undefined) return;
    one.node.responded(one.request.attemptId, served);
    await this.#arrived(one.node);
    this.#oracle.responded(one.request.attemptId, served);
  }

  async #settle(next: Extract<Op, { op: 'settle' }>): Promise<void> {
    const one = this.#pick(next.which, (begun) => begun.endedAt === null);
    if (one === undefined) return;
    const outcome = outcomes[next.outcome] as AttemptOutcome;
    const sent = next.sent || outcome !== 'neutral';
    const ended = { attemptId: one.request.attemptId, outcome, retryAfterMs: next.hint, sent, modelUnsupported: next.lacks };
    const settled = await one.node.settle(ended);
    this.#oracle.settle(ended);
    expect(await one.node.settle({ ...ended, outcome: 'risk' })).toEqual(settled);
    this.#expectAgain(await one.node.admit(one.request), one.answer);
    one.endedAt = this.clock.monotonic();
    one.sent = sent;
    this.#compareToken(one.answer.tokenId, await this.#node.tokenUse([one.answer.tokenId]));
  }

  async #finish(which: number, keep: boolean): Promise<void> {
    const one = this.#pick(which, (begun) => begun.endedAt !== null && !begun.finished);
    if (one === undefined) return;
    const { requestId } = one.request;
    for (const same of this.#begun) if (same.request.requestId === requestId) same.finished = true;
    await this.#finishAt(one.node, requestId, keep);
  }

  /** Twice, since a reply may be lost; 80 % of a quota are told of once. */
  async #finishAt(node: Limits, requestId: string, keep: boolean): Promise<void> {
    const expected = this.#oracle.finish(requestId, keep);
    for (let i = 0; i < 2; i += 1) {
      const { warned } = await node.finish({ requestId, quota: keep ? 'keep' : 'return' });
      expect(warned.map(({ quota, limit, used }) => ({ quota, limit, used }))).toEqual(expected);
    }
  }

  /** Only the wall clock. */
  #step(ms: number): void {
    if (Math.abs(this.#steppedMs + ms) > MOST_STEPPED_MS) return;
    this.#steppedMs += ms;
    this.clock.step(ms);
  }

  /** A node dies with all it had open; each of its open records is handed over exactly once. */
  async #kill(which: number, keep: boolean): Promise<void> {
    const { kill } = this.site;
    if (kill === undefined) return;
    const nodes = this.site.nodes();
    const node = nodes[which % nodes.length] as Limits;
    const left = new Set(this.#begun.filter((one) => one.node === node && !one.finished).map((one) => one.request.requestId));
    const running = this.#begun.filter((one) => one.node === node && one.endedAt === null);
    const histories = this.#oracle.histories();
    const keys = this.#oracle.keyHistories(keyIds);
    const { how, diedAt } = await kill(node, this.#settings);
    for (const one of running) one.endedAt = diedAt;
    for (const one of this.#begun) if (left.has(one.request.requestId)) one.finished = true;
    if (how === 'swept') this.#oracle.bury(running.map((one) => one.request.attemptId));
    else await this.#beginAnew();
    const abandoned = await this.#takeOver(left, keep);
    const abandonedOn = (id: string) => abandoned.filter(({ tokenId }) => tokenId === id).map(() => this.clock.now());
    if (how === 'restarted') {
      const usages = this.#oracle.usages(users);
      // The read models have heard of the abandoned ones as well.
      const tokens = histories.map((history) => ({ ...history, sends: [...history.sends, ...abandonedOn(history.tokenId)] }));
      await this.#node.restore({ tokens, users: usages, keys });
      this.#oracle.restore(tokens, usages, keys);
    }
    await this.#look();
  }

  async #beginAnew(): Promise<void> {
    this.#oracle.restart();
    this.#ties.clear();
    for (const record of await this.#node.abandoned()) this.#oracle.adopt(record, this.#tieOf(record.tokenId));
    for (const facts of this.#facts.values()) {
      await this.#node.putTokens([facts]);
      this.#oracle.put(facts, this.#tieOf(facts.id));
    }
  }

  async #takeOver(left: ReadonlySet<string>, keep: boolean): Promise<readonly OpenRecord[]> {
    const handed: { readonly node: Limits; readonly records: readonly OpenRecord[] }[] = [];
    for (const node of this.site.nodes()) handed.push({ node, records: await node.abandoned() });
    const records = handed.flatMap((one) => one.records);
    expect(records.map((record) => record.requestId).sort()).toEqual([...left].sort());
    for (const record of records) {
      const { request, answer } = this.#begun.findLast((one) => one.request.requestId === record.requestId) as Begun;
      expect(record).toMatchObject({ attemptId: request.attemptId, terminalEventId: request.terminalEventId, tokenId: answer.tokenId });
    }
    for (const one of handed) for (const { requestId } of one.records) await this.#finishAt(one.node, requestId, keep);
    for (const node of this.site.nodes()) expect(await node.abandoned()).toEqual([]);
    return records;
  }

  /** A lost reply: the same call again while the attempt runs. */
  async #repeat(which: number): Promise<void> {
    const one = this.#pick(which, (begun) => begun.endedAt === null);
    if (one !== undefined) this.#expectAgain(await one.node.admit(one.request), one.answer);
  }

  #expectAgain(again: Admitted | Refusal, first: Admitted | Refusal): void {
    if (this.site.copies === undefined) expect(again).toEqual(first);
    else expect(choiceOf(again)).toEqual(choiceOf(first));
  }

  /** Settings that are the newest once more make every copy look at all its tokens. Said to another node: who is asked must have heard. */
  async #lookAnew(node: Limits): Promise<void> {
    if (this.site.copies === undefined) return;
    this.#looks += 1;
    this.#settings = { ...this.#settings, position: this.#looks };
    const other = this.site.nodes().find((one) => one !== node) ?? node;
    other.configure(this.#settings);
    await this.#arrived(other);
    this.#oracle.configure(this.#settings);
  }

  /** What a node was told without being awaited comes before what it is asked; another node could overtake it. */
  async #arrived(node: Limits): Promise<void> {
    if (this.site.copies !== undefined) await node.keyUse('');
  }

  async #look(): Promise<void> {
    for (const user of users) expect(await this.#node.userUse(user)).toEqual(this.#oracle.userUse(user));
    for (const key of keyIds) expect(await this.#node.keyUse(key)).toBe(this.#oracle.keyUse(key));
    for (const id of tokenIds) this.#compareToken(id, await this.#node.tokenUse([id]));
  }

  #compareToken(id: string, use: readonly unknown[]): void {
    if (this.#facts.has(id)) expect(use).toEqual([this.#oracle.tokenUse(id)]);
  }

  #pick(which: number, fits: (begun: Begun) => boolean): Begun | undefined {
    const fitting = this.#begun.filter(fits);
    return fitting[which % Math.max(1, fitting.length)];
  }

  checkUpstream(): void {
    checkUpstream(this.#begun.map(({ answer, ...call }) => ({ ...call, tokenId: answer.tokenId })));
  }
}

export function limitsModel(open: OpenLimits, runs: number): void {
  describe('against the oracle', () => {
    it('answers every random history alike, and no cap is exceeded as the upstream sees it', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(op, { minLength: 20, maxLength: 120, size: 'max' }), async (ops) => {
          const opened = await open({ settings: settingsChoices[0] as LimitSettings, history: true });
          const site = opened.site ?? quietSite(opened);
          const history = new History(site, opened.clock);
          await history.start();
          for (const next of ops) await history.play(next);
          history.checkUpstream();
          await site.close();
        }),
        // A failure is told with the smallest history found by then.
        { numRuns: runs, interruptAfterTimeLimit: 60_000, markInterruptAsFailure: true },
      );
    });
  });
}
