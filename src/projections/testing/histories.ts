/** Random histories of everything that can happen, over few users, keys and tokens, so that they meet often. */
import fc from 'fast-check';
import type { NewEvent } from '../../events/define.js';
import { DAY, dayOf, HOUR, MINUTE, monthOf } from '../time.js';
import { eventOf, MONDAY, used, uuid } from './events.js';

const user = fc.constantFrom('u1', 'u2', 'u3');
const token = fc.constantFrom('t1', 't2', 't3', 'ext-9');
const model = fc.constantFrom('claude-sonnet-4-5', 'claude-haiku', 'gpt-x');
const latencyUs = fc.integer({ min: 0, max: 400_000_000 });
const period = (time: number): { day: string; month: string } => ({ day: dayOf(time), month: monthOf(time) });

type Make = (time: number) => NewEvent;

const served: fc.Arbitrary<Make> = fc.record({ user, token, model, latencyUs, charged: fc.boolean(), metered: fc.boolean() }).map(
  ({ user: userId, token: tokenId, ...rest }) =>
    (time) =>
      used({ userId, keyId: `k-${userId}`, tokenId, time, period: period(time), ...rest }),
);

const broken: fc.Arbitrary<Make> = fc
  .record({
    user,
    token,
    type: fc.constantFrom('kirogate.request.failed', 'kirogate.request.cancelled'),
    charged: fc.boolean(),
    aborted: fc.boolean(),
  })
  .map(({ user: userId, token: tokenId, type, charged, aborted }) => (time) => {
    const attempt = {
      attemptId: uuid(),
      tokenId,
      provider: 'kiro',
      startedAt: time - 50,
      respondedAt: aborted ? time - 20 : null,
      durationUs: 9_000,
      status: null,
    };
    return eventOf(type as 'kirogate.request.failed', {
      subject: 'request/r',
      key: userId,
      time,
      data: {
        userId,
        keyId: `k-${userId}`,
        tokenId,
        charged,
        period: period(time),
        attempts: [{ ...attempt, outcome: aborted ? 'aborted' : 'failed', failure: aborted ? 'aborted' : 'transient' }],
      },
    });
  });

const abandoned: fc.Arbitrary<Make> = fc.record({ user, token }).map(
  ({ user: userId, token: tokenId }) =>
    (time) =>
      eventOf('kirogate.request.abandoned', {
        subject: 'request/r',
        key: userId,
        time,
        data: { userId, keyId: `k-${userId}`, tokenId, attemptId: uuid(), period: period(time) },
      }),
);

const refused: fc.Arbitrary<Make> = fc
  .record({
    user: fc.option(user, { nil: '' }),
    code: fc.constantFrom('pool_exhausted', 'model_not_found', 'quota_exceeded'),
    count: fc.integer({ min: 1, max: 50 }),
    latencyUs,
  })
  .map(
    ({ user: userId, code, count, latencyUs: sum }) =>
      (time) =>
        eventOf('kirogate.request.refused', {
          subject: userId === '' ? 'ip/abc' : `key/k-${userId}`,
          key: userId || 'ip/abc',
          time,
          data: { userId, keyId: userId === '' ? '' : `k-${userId}`, code, status: userId === '' ? 401 : 429, count, latencyUs: sum },
        }),
  );

const attemptFailed: fc.Arbitrary<Make> = fc.record({ token, counts: fc.boolean(), consecutiveFails: fc.nat(6), sent: fc.boolean() }).map(
  ({ token: id, counts, consecutiveFails, sent }) =>
    (time) =>
      eventOf('kirogate.token.failed', {
        subject: `token/${id}`,
        key: id,
        time,
        data: { attemptId: uuid(), counts, consecutiveFails, startedAt: time - 40, respondedAt: sent ? time - 10 : null },
      }),
);

const cooled: fc.Arbitrary<Make> = token.map(
  (id) => (time) => eventOf('kirogate.token.cooled-down', { subject: `token/${id}`, key: id, time, data: { until: time + 5 * MINUTE } }),
);

const warned: fc.Arbitrary<Make> = user.map((id) => (time) => eventOf('kirogate.quota.warned', { subject: `user/${id}`, key: id, time }));

const person = fc.constantFrom('admin', 'admin-api-key', 'user/u1', 'system');
const tokenLife = fc.constantFrom(
  'donated',
  'suspended',
  'resumed',
  'invalidated',
  'checked',
  'visibility-changed',
  'limits-changed',
  'removed',
);
const userLife = fc.constantFrom('registered', 'approved', 'banned', 'unbanned', 'quota-changed', 'sessions-revoked', 'signed-in');
const keyLife = fc.constantFrom('issued', 'changed', 'revoked');

const control: fc.Arbitrary<Make> = fc.oneof(
  fc.record({ what: tokenLife, id: token, actor: person }).map(
    ({ what, id, actor }) =>
      (time: number) =>
        eventOf(`kirogate.token.${what}`, { subject: `token/${id}`, time, actor, data: what === 'donated' ? { ownerId: 'u1' } : {} }),
  ),
  fc.record({ what: userLife, id: user, actor: person }).map(
    ({ what, id, actor }) =>
      (time: number) =>
        eventOf(`kirogate.user.${what}`, { subject: `user/${id}`, time, actor }),
  ),
  fc.record({ what: keyLife, id: user, actor: person }).map(
    ({ what, id, actor }) =>
      (time: number) =>
        eventOf(`kirogate.key.${what}`, { subject: `key/k-${id}`, time, actor }),
  ),
  fc.record({ to: fc.option(fc.nat(100)), actor: person }).map(
    ({ to, actor }) =>
      (time: number) =>
        eventOf('kirogate.config.changed', {
          subject: 'config',
          time,
          actor,
          data: { changes: [{ setting: 'token_rpm_limit', from: null, to }] },
        }),
  ),
  fc.constantFrom<Make>(
    (time) => eventOf('kirogate.ip.banned', { time, actor: 'admin' }),
    (time) => eventOf('kirogate.ip.unbanned', { time, actor: 'admin' }),
    (time) => eventOf('kirogate.announcement.published', { time, actor: 'admin' }),
    (time) => eventOf('kirogate.announcement.changed', { time, actor: 'admin' }),
    (time) => eventOf('kirogate.import-key.issued', { time, actor: 'admin' }),
    (time) => eventOf('kirogate.notification.read', { subject: 'user/u1', time, actor: 'user/u1', data: { ids: 'all' } }),
    (time) => eventOf('kirogate.notification.read', { subject: 'user/u2', time, actor: 'user/u2', data: { ids: ['n1', 'n2'] } }),
    (time) => eventOf('kirogate.admin.command-refused', { subject: 'admin', time, actor: 'admin' }),
  ),
);

/** Mostly close together, now and then a pause that runs out every retention. */
const pause = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ min: 0, max: 20_000 }) },
  { weight: 3, arbitrary: fc.integer({ min: MINUTE, max: 3 * HOUR }) },
  { weight: 1, arbitrary: fc.constantFrom(2 * DAY, 40 * DAY, 100 * DAY) },
);

const step = fc.oneof(
  { weight: 8, arbitrary: served },
  { weight: 3, arbitrary: broken },
  { weight: 1, arbitrary: abandoned },
  { weight: 3, arbitrary: refused },
  { weight: 3, arbitrary: attemptFailed },
  { weight: 1, arbitrary: cooled },
  { weight: 1, arbitrary: warned },
  { weight: 6, arbitrary: control },
);

/** Events in the order they happened; nodes' clocks differ a little, so times may step back. */
export function histories(maxLength: number): fc.Arbitrary<NewEvent[]> {
  const one = fc.record({ make: step, pause, skew: fc.integer({ min: -3_000, max: 3_000 }) });
  return fc.array(one, { minLength: 1, maxLength }).map((steps) => {
    let now = MONDAY;
    return steps.map(({ make, pause: ms, skew }) => {
      now += ms;
      return make(now + skew);
    });
  });
}
