/** Fills the read models of an empty installation with bulk statements: a pool and its traffic of 30 days, as ingest would have left them. */
import { sql } from '../../dist/infra/database/port.js';
import { projections } from '../../dist/projections/index.js';

const DAY = 86_400_000;
const HOUR = 3_600_000;
const MINUTE = 60_000;
const SPAN = 30 * DAY;
const PARTITIONS = 8;

/** The member whose panel is measured: a tenth of all traffic, 300 tokens, 200 keys. */
export const heavyUser = 'u0';
export const heavyEmail = 'bench@example.com';
/** A model of one request in 100,003; most filters of a list have to look far for it. */
export const rareModel = 'claude-rare';

const raw = (text) => sql.__dangerous__rawValue(text);
const counted = (count) => `with recursive n(i) as (select cast(0 as bigint) union all select i + 1 from n where i < ${count - 1})`;

/** `now` in ms since epoch; `rows`: activity, `tokens`, `users`. The database is migrated and empty. */
export async function seedPanels(db, { now, rows, tokens, users, passwordHash }) {
  const step = Math.floor(SPAN / rows);
  const size = { engine: db.engine, now, rows, tokens, users, step, start: now - rows * step };
  const hex = (value) => (db.engine === 'postgres' ? `lpad(to_hex(${value}), 12, '0')` : `printf('%012x', ${value})`);
  const id = (time, n) => `substr(${hex(time)}, 1, 8) || '-' || substr(${hex(time)}, 9, 4) || '-7000-8000-' || ${hex(n)}`;
  await db.tx(async (tx) => {
    const run = (text) => tx.query(raw(text));
    await archiveDays(tx, size);
    for (const statement of [...directory(size), ...traffic(size, id), ...rollUps(size), ...journals(size, id)]) await run(statement);
    await tx.query(sql`insert into vault_passwords (user_id, hash) values (${heavyUser}, ${passwordHash})`);
    await standings(tx);
  });
  await db.query(raw('analyze'));
}

function directory({ now, tokens, users }) {
  const since = now - 90 * DAY;
  const status = "case when i % 40 = 7 then 'pending' when i % 90 = 8 then 'banned' else 'active' end";
  const email = `case when i = 0 then '${heavyEmail}' else 'member' || i || '@example.com' end`;
  const owner = `case when i < 300 then '${heavyUser}' when i % 3 = 0 then null else 'u' || (i % ${users}) end`;
  const state = "case when i % 25 = 3 then 'suspended' when i % 60 = 4 then 'invalid' else 'active' end";
  return [
    `${counted(users)} insert into users (id, username, email, status, session_version, quota_daily, quota_monthly, via, created_at, position)
      select 'u' || i, 'member ' || i, ${email}, ${status}, 1, null, null, 'password', ${since} + i * 1000, 0 from n`,
    `${counted(users + 200)} insert into api_keys (id, user_id, name, prefix, status, rpm_limit, allowed_models, expires_at, created_at, revoked_at, position)
      select 'k' || i, case when i < ${users} then 'u' || i else '${heavyUser}' end, 'key ' || i, 'sk-' || i, 'active', null, null, null, ${since} + i * 1000, null, 0 from n`,
    `${counted(tokens)} insert into tokens (id, name, owner_id, visibility, provider, auth_type, region, status, status_reason, parked_until,
        status_message, status_at, allowed_models, daily_cap, created_at, position)
      select 't' || i, 'token ' || i, ${owner}, case when i % 9 = 5 then 'private' else 'public' end, 'kiro', 'social', 'us-east-1', ${state},
        case when i % 25 = 3 then 'failures' end, null, null, ${since}, null, null, ${since} + i * 1000, 0 from n`,
    // Checked just now: the health checker leaves them in peace.
    `insert into token_checks (token_id, checked_at, ok, reset_at, "plan", credits_used, credits_limit)
      select id, ${now}, true, 0, 'PRO', 100, 1000 from tokens`,
    `${counted(50)} insert into announcements (id, content, active, allow_guest, created_at, position)
      select 'a' || i, 'An announcement of some length, number ' || i, i % 2 = 0, i % 4 = 0, ${now} - i * 1000, 0 from n`,
  ];
}

function traffic({ engine, now, rows, tokens, users, step, start }, id) {
  const at = `${start} + i * ${step}`;
  const user = `case when i % 10 = 0 then 0 else i % ${users} end`;
  const model = `case when i % 100003 = 11 then '${rareModel}' when i % 3 = 0 then 'claude-opus-4.5' when i % 3 = 1 then 'claude-haiku-4.5' else 'claude-sonnet-4.5' end`;
  const status = 'case when i % 50 = 1 then 429 when i % 1009 = 2 then 500 when i % 200003 = 3 then 504 else 200 end';
  const token = `'t' || (case when i % 20 = 0 then 0 else (i * 7919) % ${tokens} end)`;
  const details = `'{"requestId":"req-' || i || '","outcome":"completed","endpoint":"/v1/messages","stream":true,"code":null,"message":null,"count":1,'
    || '"startedAt":' || (${at} - 1500) || ',"latencyUs":1500000,"firstOutputUs":400000,"usage":{"inputTokens":900,"outputTokens":300,'
    || '"cacheReadTokens":0,"cacheWriteTokens":0,"estimated":true,"microCredits":null},"attempts":1,"charged":true}'`;
  return [
    `${counted(rows)} insert into activity (at, id, user_id, key_id, token_id, model, status, details)
      select ${at}, ${id(at, 'i')}, 'u' || (${user}), 'k' || (${user}), ${token}, ${model}, ${status}, ${details} from n`,
    `insert into archive (${engine === 'postgres' ? 'day, ' : ''}${archiveColumns})
      select ${engine === 'postgres' ? `cast(at / ${DAY} as integer), ` : ''}'p' || (n % ${PARTITIONS}), n / ${PARTITIONS} + 1, id, 'kirogate.token.used',
        'request/' || id, '/kirogate/nodes/bench', at, 1, key_id, 'system', null, null, details, 'not hashed'
      from (select a.*, row_number() over (order by at, id) - 1 as n from activity as a) as a`,
    `insert into token_sends (at, attempt_id, token_id) select at, id, token_id from activity where at > ${now - HOUR}`,
  ];
}

const archiveColumns =
  'partition, position, id, type, subject, source, time, dataversion, partitionkey, actor, correlationid, causationid, data, hash';

/** Every label in every slot: denser than the traffic above, as a busy site's are. */
function rollUps({ now }) {
  const counts = 'requests, latency_us, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, micro_credits';
  const labels = `case when i % 2 = 0 then '/v1/messages' else '/v1/chat/completions' end, case when i / 2 % 3 = 0 then 200 when i / 2 % 3 = 1 then 429 else 500 end,
    'model-' || (i / 6 % 6), case when i / 2 % 3 = 0 then '' when i / 2 % 3 = 1 then 'quota_exceeded' else 'upstream_error' end`;
  const figures = '10, 15000000, 9000, 3000, 0, 0, 0';
  const levels = [
    ['10s', 10_000, 60],
    ['minute', MINUTE, 26 * 60],
    ['hour', HOUR, 35 * 24],
  ].flatMap(([name, width, slots]) => {
    const slot = (per) => `${now - (now % width)} - (i / ${per}) * ${width}`;
    return [
      `${counted(slots * 36)} insert into request_${name} (slot, endpoint, status, model, error, ${counts}) select ${slot(36)}, ${labels}, ${figures} from n`,
      `${counted(slots * 40)} insert into latency_${name} (slot, bucket, requests) select ${slot(40)}, 150 + i % 40, 9 from n`,
    ];
  });
  const day = `at - at % ${DAY}`;
  const served = 'sum(case when status = 200 then 1 else 0 end)';
  const refused = 'sum(case when status = 429 then 1 else 0 end)';
  const failed = 'sum(case when status >= 500 then 1 else 0 end)';
  const periods = [
    ['day', DAY],
    ['month', SPAN],
  ].map(
    ([name, ms]) =>
      `insert into quota_${name} (starts_at, user_id, period, used) select at - at % ${ms}, user_id, 'p' || (at - at % ${ms}), count(*) from activity group by 1, 2, 3`,
  );
  return [
    ...levels,
    ...periods,
    `${counted(36)} insert into request_total (endpoint, status, model, error, ${counts}) select ${labels}, ${figures} from n`,
    `${counted(40)} insert into latency_total (bucket, requests) select 150 + i, 1000 from n`,
    `insert into key_use (key_id, requests, successes, last_used_at) select key_id, count(*), ${served}, max(at) from activity group by key_id`,
    `insert into user_total (user_id, requests, successes, refused, input_tokens, output_tokens, last_used_at)
      select user_id, count(*), ${served}, ${refused}, count(*) * 900, count(*) * 300, max(at) from activity group by user_id`,
    `insert into user_day (starts_at, user_id, requests, successes, refused) select ${day}, user_id, count(*), ${served}, ${refused} from activity group by 1, 2`,
    `insert into token_use_day (starts_at, token_id, user_id, requests, successes, input_tokens, output_tokens)
      select ${day}, token_id, user_id, count(*), ${served}, count(*) * 900, count(*) * 300 from activity group by 1, 2, 3`,
    `insert into token_health (token_id, attempts, successes, failures, last_used_at, last_at, last_id, last_result, last_failure, consecutive_fails, cooled_at, cooled_id, cooldown_until)
      select token_id, count(*), ${served}, ${failed}, max(at), max(at), '', 'success', null, 0, 0, '', null from activity group by token_id`,
    `insert into token_minute (slot, token_id, attempts, successes, failures, last_at, last_id, consecutive_fails)
      select at - at % ${MINUTE}, token_id, count(*), ${served}, ${failed}, max(at), '', 0 from activity where at > ${now - 25 * HOUR} group by 1, 2`,
  ];
}

/** What people did and were told. */
function journals({ now, rows, users }, id) {
  const count = Math.ceil(rows / 4);
  const at = `${now - SPAN} + i * ${Math.floor(SPAN / count)}`;
  const types = [
    'kirogate.user.approved',
    'kirogate.key.issued',
    'kirogate.token.suspended',
    'kirogate.token.resumed',
    'kirogate.user.registered',
  ];
  const type = `case when i % 50021 = 17 then 'kirogate.ip.banned' ${types.map((name, n) => `when i % 5 = ${n} then '${name}'`).join(' ')} end`;
  const actor = `case when i % 50023 = 19 then 'admin-api-key' when i % 2 = 0 then 'admin' else 'user/u' || (i % ${users}) end`;
  return [
    `${counted(count)} insert into audit (at, id, actor, type, target_type, target_id, details)
      select ${at}, ${id(at, 'i')}, ${actor}, ${type}, 'user', 'u' || (i % ${users}), '{"status":{"from":"pending","to":"active"}}' from n`,
    `${counted(count)} insert into notifications (at, id, user_id, type, message, token_id)
      select ${at}, ${id(at, 'i')}, 'u' || (case when i % 50 = 0 then 0 else i % ${users} end), 'quota_warning', '400 of 500 requests are used.', null from n`,
    `insert into notification_read_all (user_id, at) select id, ${now - DAY} from users`,
    `${counted(5_000)} insert into cluster_history (at, id, type, subject, details)
      select ${now} - i * 60000, 'h' || i, 'kirogate.store.lost', 'store/redis', '{}' from n`,
    `${counted(5_000)} insert into parked_events (id, projection, version, partition, position, event_id, type, subject, reason, error, parked_at, state)
      select 'x' || i, 'activity', 1, 'p' || (i % ${PARTITIONS}), i / ${PARTITIONS} + 1, 'e' || i, 'kirogate.token.used', 'request/r' || i, 'refused', 'no', ${now} - i * 1000,
        case when i % 2 = 0 then 'parked' else 'discarded' end from n`,
    `${counted(200)} insert into import_keys (id, name, prefix, user_id, status, created_at, position)
      select 'i' || i, 'script ' || i, 'ik-' || i, null, 'active', ${now} - i * 1000, 0 from n`,
    `${counted(500)} insert into ip_bans (id, cidr, reason, actor, created_at, position)
      select 'b' || i, '10.' || (i / 250) || '.' || (i % 250) || '.0/24', 'crawler', 'admin', ${now} - i * 1000, 0 from n`,
  ];
}

async function archiveDays(tx, { now, start }) {
  if (tx.engine !== 'postgres') return;
  const first = Math.floor(start / DAY);
  const days = Array.from({ length: Math.floor(now / DAY) - first + 2 }, (_, n) => first + n);
  await tx.query(sql`select archive_make_days(string_to_array(${days.join(',')}, ',')::integer[])`);
}

/** Partitions end where the archive does, and every projection has come so far. */
async function standings(tx) {
  const run = (text) => tx.query(raw(text));
  await run(`update partitions set position = (select coalesce(max(position), 0) from archive where archive.partition = partitions.partition)
    where partition <> 'control'`);
  for (const { name, version } of projections) {
    await run(`delete from projection_checkpoints where projection = '${name}'`);
    await tx.query(sql`insert into projection_checkpoints (projection, version, partition, position)
      select ${name}, cast(${version} as integer), partition, position from partitions`);
  }
  if (tx.engine !== 'postgres') return;
  await run(`insert into archive_spans (partition, day, first_position, last_position, first_time, last_time)
    select partition, day, min(position), max(position), min(time), max(time) from archive group by partition, day`);
}
