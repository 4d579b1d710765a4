import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appendToArchive } from '../../../events/archive.js';
import { sql } from '../../../infra/database/port.js';
import { openTestPanel, type Session, type TestPanel } from '../testing/panel.js';

let panel: TestPanel;
let admin: Session;
beforeAll(async () => {
  panel = await openTestPanel();
  admin = await panel.adminSession();
  for (const name of ['a', 'b', 'c']) await panel.admin('POST', '/admin/api/users', { username: name });
});
afterAll(() => panel.close());

interface Sent {
  id: string;
  event: string;
  data: { type: string; cursor: string; data: { username?: string } };
}

/** Reads server-sent events until `count` came. */
async function listen(path: string, count: number, headers: Record<string, string> = {}, whenOpen = async () => {}): Promise<Sent[]> {
  const leave = new AbortController();
  const response = await fetch(panel.base + path, { headers: { cookie: admin.cookie, ...headers }, signal: leave.signal });
  expect(response.headers.get('content-type')).toContain('text/event-stream');
  await whenOpen();
  const found: Sent[] = [];
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const fields = new Map(
        text
          .slice(0, end)
          .split('\n')
          .map((line): [string, string] => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)]),
      );
      text = text.slice(end + 2);
      const data = fields.get('data');
      if (data !== undefined) found.push({ id: fields.get('id') ?? '', event: fields.get('event') ?? '', data: JSON.parse(data) });
    }
    if (found.length >= count) break;
  }
  leave.abort();
  return found;
}

describe('the event list', () => {
  it('shows CloudEvents oldest first and goes on behind a cursor', async () => {
    const first = await panel.admin('GET', '/admin/api/events?types=user.registered&limit=2');
    expect(first.body.items.map((item: { data: { username: string } }) => item.data.username)).toEqual(['a', 'b']);
    expect(first.body.items[0]).toMatchObject({
      specversion: '1.0',
      type: 'kirogate.user.registered',
      source: '/kirogate/nodes/n1',
      actor: 'admin-api-key',
      partition: 'control',
      sequence: expect.stringMatching(/^\d+$/),
      correlationid: expect.any(String),
    });
    for (const name of ['after', 'cursor']) {
      const next = await panel.admin('GET', `/admin/api/events?types=kirogate.user.registered&${name}=${first.body.items[1].cursor}`);
      expect(next.body.items.map((item: { data: { username: string } }) => item.data.username)).toEqual(['c']);
    }
    const [user] = first.body.items;
    const story = await panel.admin('GET', `/admin/api/events?subject=${encodeURIComponent(user.subject)}`);
    expect(story.body.items).toHaveLength(1);
    expect((await panel.admin('GET', `/admin/api/events?correlationId=${user.correlationid}`)).body.items).toHaveLength(1);
    expect((await panel.admin('GET', '/admin/api/events?to=2001-01-01')).body.items).toEqual([]);
  });

  it.each(['types=Nope!', 'types=', 'after=zzz', 'from=x', 'limit=0'])('refuses %s', async (query) => {
    const { status, body } = await panel.admin('GET', `/admin/api/events?${query}`);
    expect([status, body.error.param]).toEqual([400, query.split('=')[0]]);
  });
});

describe('the event stream', () => {
  it('sends what is stored, then what comes, and resumes behind the last id', async () => {
    const path = '/admin/api/events/stream?types=user.registered';
    const waiting = listen(path, 4);
    await panel.admin('POST', '/admin/api/users', { username: 'd' });
    const all = await waiting;
    expect(all.map(({ event, data }) => [event, data.data.username])).toEqual(
      ['a', 'b', 'c', 'd'].map((name) => ['kirogate.user.registered', name]),
    );
    expect(all.map(({ id, data }) => id === data.cursor)).toEqual([true, true, true, true]);
    const resumed = await listen(path, 2, { 'last-event-id': all[1]?.id ?? '' });
    expect(resumed.map(({ data }) => data.data.username)).toEqual(['c', 'd']);
  });

  it('leaves out what is stored for one that asks from now on', async () => {
    const sent = await listen('/admin/api/events/stream?types=user.registered&after=now', 1, {}, async () => {
      await panel.admin('POST', '/admin/api/users', { username: 'later' });
    });
    expect(sent.map(({ data }) => data.data.username)).toEqual(['later']);
  });

  it('says every 15 s that it lives: as an event to a page that asks for it, as a comment to all others', async () => {
    const path = '/admin/api/events/stream?types=user.registered&after=now';
    const later = async (): Promise<void> => {
      panel.clock.offset += 15_000;
    };
    const [beat] = await listen(`${path}&keepAlive=event`, 1, {}, later);
    expect(beat).toMatchObject({ event: 'keep-alive', data: {}, id: expect.stringMatching(/./) });
    const [first] = await listen(path, 1, {}, async () => {
      await later();
      await panel.admin('POST', '/admin/api/users', { username: 'after the comment' });
    });
    expect(first?.data.data.username).toBe('after the comment');
  });

  it('refuses a mangled Last-Event-ID with a shaped 400', async () => {
    const { status, body } = await panel.call('GET', '/admin/api/events/stream', { as: admin, headers: { 'last-event-id': '???' } });
    expect([status, body.error.code]).toEqual([400, 'invalid_request']);
  });
});

describe('an event whose data no JSON can be made of', () => {
  const id = '0192e4a0-0000-7000-8000-000000000001';
  const event = { id, type: 'kirogate.token.teleported', source: '/elsewhere', subject: 'token/deep', time: 5, data: {} };
  const rest = { dataversion: 1, partitionkey: 'deep', actor: 'system', correlationid: null, causationid: null };

  it('is shown as unreadable, and the list and the stream go on behind it', async () => {
    const after = { ...event, id: '0192e4a0-0000-7000-8000-000000000002', data: { n: 1 } };
    await panel.db.tx((tx) =>
      appendToArchive(tx, 'p1', [
        { ...event, ...rest },
        { ...after, ...rest },
      ]),
    );
    await panel.db.query(sql`update archive set data = ${'['.repeat(20_000) + ']'.repeat(20_000)} where id = ${id}`);
    const { status, body } = await panel.admin('GET', '/admin/api/events?subject=token/deep');
    expect([status, body.items.map(({ data }: { data: unknown }) => data)]).toEqual([200, [{ unreadable: true }, { n: 1 }]]);
    const sent = await listen('/admin/api/events/stream?subject=token/deep', 2);
    expect(sent.map(({ data }) => (data as { data: unknown }).data)).toEqual([{ unreadable: true }, { n: 1 }]);
  });
});

describe('projections', () => {
  it('show where they stand, and are rebuilt to equal tables while recorded', async () => {
    const { body } = await panel.admin('GET', '/admin/api/projections');
    const audit = body.items.find((item: { name: string }) => item.name === 'audit');
    expect(audit.partitions.map((one: { partition: string }) => one.partition)).toEqual(['control', 'p0', 'p1']);
    expect(audit).toMatchObject({ parked: 0, rebuild: null });
    expect(audit.partitions[0]).toMatchObject({ lagEvents: 0, lagMs: 0, status: 'live' });
    expect(audit.partitions[0].position).toBe(audit.partitions[0].head);
    const before = (await panel.admin('GET', '/admin/api/audit')).body.items;
    const rebuilt = await panel.admin('POST', '/admin/api/projections/audit/rebuild');
    expect(rebuilt.body).toMatchObject({ projection: 'audit', version: 1 });
    expect(rebuilt.body.equal).not.toBe(false);
    expect((await panel.admin('GET', '/admin/api/audit')).body.items.slice(-before.length)).toEqual(before);
    expect((await panel.admin('GET', '/admin/api/events?types=projection.rebuilt')).body.items).toHaveLength(1);
    expect((await panel.admin('POST', '/admin/api/projections/nobody/rebuild')).status).toBe(404);
  });
});

describe('parked events', () => {
  const park = (position: number) =>
    panel.db.tx((tx) =>
      tx.query(sql`insert into parked_events (id, projection, version, partition, position, event_id, type, subject, reason, error, parked_at, state)
        select 'audit.control.' || position, 'audit', 1, partition, position, id, type, subject, 'fold_failed', 'made up', 5, 'parked'
        from archive where partition = 'control' and position = ${position}`),
    );

  it('are listed, retried where they stand, or given up with a reason', async () => {
    await park(1);
    await park(2);
    const { body } = await panel.admin('GET', '/admin/api/parked-events');
    expect(body.items.map((item: { id: string }) => item.id)).toEqual(['audit.control.2', 'audit.control.1']);
    const paged = await panel.admin('GET', '/admin/api/parked-events?limit=1');
    expect((await panel.admin('GET', `/admin/api/parked-events?limit=1&cursor=${paged.body.nextCursor}`)).body.items[0].id).toBe(
      'audit.control.1',
    );
    expect((await panel.admin('POST', '/admin/api/parked-events/audit.control.1/retry')).body.state).toBe('retried');
    expect((await panel.admin('POST', '/admin/api/parked-events/audit.control.2/discard', {})).body.error.param).toBe('reason');
    expect((await panel.admin('POST', '/admin/api/parked-events/audit.control.2/discard', { reason: 'broken build' })).body.state).toBe(
      'discarded',
    );
    expect((await panel.admin('POST', '/admin/api/parked-events/audit.control.2/retry')).status).toBe(409);
    expect((await panel.admin('POST', '/admin/api/parked-events/nobody/retry')).status).toBe(404);
    expect((await panel.admin('GET', '/admin/api/parked-events')).body.items).toEqual([]);
    expect((await panel.admin('GET', '/admin/api/parked-events?state=discarded&projection=audit')).body.items).toHaveLength(1);
  });
});
