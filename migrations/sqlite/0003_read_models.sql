-- Read models: folds of the archive, written by src/projections, rebuilt at will. Times are ms since epoch (UTC),
-- durations µs, credits millionths, booleans 0/1, lists and values JSON. Key columns lead, so that upserts touch few pages.

-- directory: users, keys, tokens, settings and what else admins keep (fed by the control partition alone).
create table users (
  id text primary key not null,
  username text not null,
  email text,
  status text not null,
  session_version integer not null,
  -- null: the site's default.
  quota_daily integer,
  quota_monthly integer,
  via text not null,
  created_at integer not null,
  -- Control position of the last event that touched the row; in every table of the directory.
  position integer not null
) without rowid;
create index users_email on users (email);

create table api_keys (
  id text primary key not null,
  user_id text not null,
  name text not null,
  prefix text not null,
  status text not null,
  rpm_limit integer,
  allowed_models text,
  expires_at integer,
  created_at integer not null,
  revoked_at integer,
  position integer not null
) without rowid;
create index api_keys_user on api_keys (user_id, created_at);

create table tokens (
  id text primary key not null,
  name text,
  -- null: belongs to the site.
  owner_id text,
  visibility text not null,
  provider text not null,
  auth_type text not null,
  region text,
  status text not null,
  status_reason text,
  -- Out of credits until then.
  parked_until integer,
  status_message text,
  status_at integer not null,
  allowed_models text,
  daily_cap integer,
  created_at integer not null,
  position integer not null
) without rowid;
create index tokens_owner on tokens (owner_id, created_at);

create table settings (
  name text primary key not null,
  value text not null,
  position integer not null
) without rowid;

create table ip_bans (
  id text primary key not null,
  cidr text not null,
  reason text,
  actor text not null,
  created_at integer not null,
  position integer not null
) without rowid;

create table announcements (
  id text primary key not null,
  content text not null,
  active integer not null,
  allow_guest integer not null,
  created_at integer not null,
  position integer not null
) without rowid;

create table import_keys (
  id text primary key not null,
  name text not null,
  prefix text not null,
  user_id text,
  status text not null,
  created_at integer not null,
  position integer not null
) without rowid;

-- activity: one row for each request that ended, or for a number of like refusals. Columns are what lists filter by;
-- the rest is JSON in `details`, because a row of 25 columns took twice the time to write.
create table activity (
  at integer not null,
  id text not null,
  -- Empty: no known key.
  user_id text not null,
  key_id text not null,
  token_id text,
  model text not null,
  status integer not null,
  details text not null,
  primary key (at, id)
) without rowid;
create index activity_user on activity (user_id, at, id);
-- Most rows are 200: the index holds what people look for.
create index activity_status on activity (status, at, id) where status <> 200;

-- audit: what admins and members changed.
create table audit (
  at integer not null,
  id text not null,
  actor text not null,
  type text not null,
  target_type text not null,
  target_id text not null,
  details text not null,
  primary key (at, id)
) without rowid;
create index audit_type on audit (type, at, id);

-- requests: statistics in slots of 10 s, a minute, an hour and for all time. `slot` is the start of the slot.
create table request_10s (
  slot integer not null,
  endpoint text not null,
  status integer not null,
  model text not null,
  -- Code of the error catalogue; empty: none.
  error text not null,
  requests integer not null,
  latency_us integer not null,
  input_tokens integer not null,
  output_tokens integer not null,
  cache_read_tokens integer not null,
  cache_write_tokens integer not null,
  micro_credits integer not null,
  primary key (slot, endpoint, status, model, error)
) without rowid;

create table request_minute (
  slot integer not null,
  endpoint text not null,
  status integer not null,
  model text not null,
  error text not null,
  requests integer not null,
  latency_us integer not null,
  input_tokens integer not null,
  output_tokens integer not null,
  cache_read_tokens integer not null,
  cache_write_tokens integer not null,
  micro_credits integer not null,
  primary key (slot, endpoint, status, model, error)
) without rowid;

create table request_hour (
  slot integer not null,
  endpoint text not null,
  status integer not null,
  model text not null,
  error text not null,
  requests integer not null,
  latency_us integer not null,
  input_tokens integer not null,
  output_tokens integer not null,
  cache_read_tokens integer not null,
  cache_write_tokens integer not null,
  micro_credits integer not null,
  primary key (slot, endpoint, status, model, error)
) without rowid;

create table request_total (
  endpoint text not null,
  status integer not null,
  model text not null,
  error text not null,
  requests integer not null,
  latency_us integer not null,
  input_tokens integer not null,
  output_tokens integer not null,
  cache_read_tokens integer not null,
  cache_write_tokens integer not null,
  micro_credits integer not null,
  primary key (endpoint, status, model, error)
) without rowid;

-- Latency histograms: requests per bucket of src/projections/histogram.ts.
create table latency_10s (
  slot integer not null,
  bucket integer not null,
  requests integer not null,
  primary key (slot, bucket)
) without rowid;

create table latency_minute (
  slot integer not null,
  bucket integer not null,
  requests integer not null,
  primary key (slot, bucket)
) without rowid;

create table latency_hour (
  slot integer not null,
  bucket integer not null,
  requests integer not null,
  primary key (slot, bucket)
) without rowid;

create table latency_total (
  bucket integer primary key not null,
  requests integer not null
) without rowid;

create table attempt_total (
  provider text not null,
  result text not null,
  attempts integer not null,
  primary key (provider, result)
) without rowid;

-- quota_use: what is charged to a user in a UTC day (`2026-11-23`) or month (`2026-11`).
create table quota_day (
  starts_at integer not null,
  user_id text not null,
  period text not null,
  used integer not null,
  primary key (starts_at, user_id, period)
) without rowid;

create table quota_month (
  starts_at integer not null,
  user_id text not null,
  period text not null,
  used integer not null,
  primary key (starts_at, user_id, period)
) without rowid;

-- use: requests per key, per user, per user and UTC day.
create table key_use (
  key_id text primary key not null,
  requests integer not null,
  successes integer not null,
  last_used_at integer not null
) without rowid;

create table user_total (
  user_id text primary key not null,
  requests integer not null,
  successes integer not null,
  refused integer not null,
  input_tokens integer not null,
  output_tokens integer not null,
  last_used_at integer not null
) without rowid;

create table user_day (
  starts_at integer not null,
  user_id text not null,
  requests integer not null,
  successes integer not null,
  refused integer not null,
  primary key (starts_at, user_id)
) without rowid;

-- token_health: how the attempts on a pooled token ended; the last_… columns tell of the newest result by time.
create table token_health (
  token_id text primary key not null,
  attempts integer not null,
  successes integer not null,
  failures integer not null,
  last_used_at integer not null,
  last_at integer not null,
  last_id text not null,
  last_result text not null,
  last_failure text,
  consecutive_fails integer not null,
  cooled_at integer not null,
  cooled_id text not null,
  cooldown_until integer
) without rowid;

-- What health checks and admins said of a token (control partition alone).
create table token_checks (
  token_id text primary key not null,
  checked_at integer,
  ok integer,
  failure text,
  message text,
  "plan" text,
  credits_used double precision,
  credits_limit double precision,
  credits_reset_at integer,
  -- Failures and cooling older than this are forgiven (a resume).
  reset_at integer not null
) without rowid;

-- A token's minute: the source of its risk history and of its failure rate after a start.
create table token_minute (
  slot integer not null,
  token_id text not null,
  attempts integer not null,
  successes integer not null,
  failures integer not null,
  last_at integer not null,
  last_id text not null,
  consecutive_fails integer not null,
  primary key (slot, token_id)
) without rowid;
create index token_minute_token on token_minute (token_id, slot);

-- Every send of the last hour, so that the windows of the limits are exact after a start.
create table token_sends (
  at integer not null,
  attempt_id text not null,
  token_id text not null,
  primary key (at, attempt_id)
) without rowid;

-- notifications: read marks are kept apart, because they come from another partition than quota warnings.
create table notifications (
  at integer not null,
  id text not null,
  user_id text not null,
  type text not null,
  message text not null,
  token_id text,
  primary key (at, id)
) without rowid;
create index notifications_user on notifications (user_id, at, id);

create table notification_reads (
  user_id text not null,
  notification_id text not null,
  at integer not null,
  primary key (user_id, notification_id)
) without rowid;

create table notification_read_all (
  user_id text primary key not null,
  at integer not null
) without rowid;

-- Whom to tell about a token.
create table notification_owners (
  token_id text primary key not null,
  owner_id text not null
) without rowid;
