-- Read models: folds of the archive, written by src/projections, rebuilt at will. Times are ms since epoch (UTC),
-- durations µs, credits millionths, lists and values JSON. Key columns lead, so that upserts touch few pages.

-- directory: users, keys, tokens, settings and what else admins keep (fed by the control partition alone).
create table users (
  id text collate "C" primary key not null,
  username text collate "C" not null,
  email text collate "C",
  status text collate "C" not null,
  session_version bigint not null,
  -- null: the site's default.
  quota_daily bigint,
  quota_monthly bigint,
  via text collate "C" not null,
  created_at bigint not null,
  -- Control position of the last event that touched the row; in every table of the directory.
  position bigint not null
);
create index users_email on users (email);

create table api_keys (
  id text collate "C" primary key not null,
  user_id text collate "C" not null,
  name text collate "C" not null,
  prefix text collate "C" not null,
  status text collate "C" not null,
  rpm_limit bigint,
  allowed_models text collate "C",
  expires_at bigint,
  created_at bigint not null,
  revoked_at bigint,
  position bigint not null
);
create index api_keys_user on api_keys (user_id, created_at);

create table tokens (
  id text collate "C" primary key not null,
  name text collate "C",
  -- null: belongs to the site.
  owner_id text collate "C",
  visibility text collate "C" not null,
  provider text collate "C" not null,
  auth_type text collate "C" not null,
  region text collate "C",
  status text collate "C" not null,
  status_reason text collate "C",
  -- Out of credits until then.
  parked_until bigint,
  status_message text collate "C",
  status_at bigint not null,
  allowed_models text collate "C",
  daily_cap bigint,
  created_at bigint not null,
  position bigint not null
);
create index tokens_owner on tokens (owner_id, created_at);

create table settings (
  name text collate "C" primary key not null,
  value text collate "C" not null,
  position bigint not null
);

create table ip_bans (
  id text collate "C" primary key not null,
  cidr text collate "C" not null,
  reason text collate "C",
  actor text collate "C" not null,
  created_at bigint not null,
  position bigint not null
);

create table announcements (
  id text collate "C" primary key not null,
  content text collate "C" not null,
  active boolean not null,
  allow_guest boolean not null,
  created_at bigint not null,
  position bigint not null
);

create table import_keys (
  id text collate "C" primary key not null,
  name text collate "C" not null,
  prefix text collate "C" not null,
  user_id text collate "C",
  status text collate "C" not null,
  created_at bigint not null,
  position bigint not null
);

-- activity: one row for each request that ended, or for a number of like refusals. Columns are what lists filter by;
-- the rest is JSON in `details`, because a row of 25 columns took twice the time to write.
create table activity (
  at bigint not null,
  id text collate "C" not null,
  -- Empty: no known key.
  user_id text collate "C" not null,
  key_id text collate "C" not null,
  token_id text collate "C",
  model text collate "C" not null,
  status bigint not null,
  details text collate "C" not null,
  primary key (at, id)
);
create index activity_user on activity (user_id, at, id);
-- Most rows are 200: the index holds what people look for.
create index activity_status on activity (status, at, id) where status <> 200;

-- audit: what admins and members changed.
create table audit (
  at bigint not null,
  id text collate "C" not null,
  actor text collate "C" not null,
  type text collate "C" not null,
  target_type text collate "C" not null,
  target_id text collate "C" not null,
  details text collate "C" not null,
  primary key (at, id)
);
create index audit_type on audit (type, at, id);

-- requests: statistics in slots of 10 s, a minute, an hour and for all time. `slot` is the start of the slot.
create table request_10s (
  slot bigint not null,
  endpoint text collate "C" not null,
  status bigint not null,
  model text collate "C" not null,
  -- Code of the error catalogue; empty: none.
  error text collate "C" not null,
  requests bigint not null,
  latency_us bigint not null,
  input_tokens bigint not null,
  output_tokens bigint not null,
  cache_read_tokens bigint not null,
  cache_write_tokens bigint not null,
  micro_credits bigint not null,
  primary key (slot, endpoint, status, model, error)
);

create table request_minute (
  slot bigint not null,
  endpoint text collate "C" not null,
  status bigint not null,
  model text collate "C" not null,
  error text collate "C" not null,
  requests bigint not null,
  latency_us bigint not null,
  input_tokens bigint not null,
  output_tokens bigint not null,
  cache_read_tokens bigint not null,
  cache_write_tokens bigint not null,
  micro_credits bigint not null,
  primary key (slot, endpoint, status, model, error)
);

create table request_hour (
  slot bigint not null,
  endpoint text collate "C" not null,
  status bigint not null,
  model text collate "C" not null,
  error text collate "C" not null,
  requests bigint not null,
  latency_us bigint not null,
  input_tokens bigint not null,
  output_tokens bigint not null,
  cache_read_tokens bigint not null,
  cache_write_tokens bigint not null,
  micro_credits bigint not null,
  primary key (slot, endpoint, status, model, error)
);

create table request_total (
  endpoint text collate "C" not null,
  status bigint not null,
  model text collate "C" not null,
  error text collate "C" not null,
  requests bigint not null,
  latency_us bigint not null,
  input_tokens bigint not null,
  output_tokens bigint not null,
  cache_read_tokens bigint not null,
  cache_write_tokens bigint not null,
  micro_credits bigint not null,
  primary key (endpoint, status, model, error)
);

-- Latency histograms: requests per bucket of src/projections/histogram.ts.
create table latency_10s (
  slot bigint not null,
  bucket bigint not null,
  requests bigint not null,
  primary key (slot, bucket)
);

create table latency_minute (
  slot bigint not null,
  bucket bigint not null,
  requests bigint not null,
  primary key (slot, bucket)
);

create table latency_hour (
  slot bigint not null,
  bucket bigint not null,
  requests bigint not null,
  primary key (slot, bucket)
);

create table latency_total (
  bucket bigint primary key not null,
  requests bigint not null
);

create table attempt_total (
  provider text collate "C" not null,
  result text collate "C" not null,
  attempts bigint not null,
  primary key (provider, result)
);

-- quota_use: what is charged to a user in a UTC day (`2026-11-23`) or month (`2026-11`).
create table quota_day (
  starts_at bigint not null,
  user_id text collate "C" not null,
  period text collate "C" not null,
  used bigint not null,
  primary key (starts_at, user_id, period)
);

create table quota_month (
  starts_at bigint not null,
  user_id text collate "C" not null,
  period text collate "C" not null,
  used bigint not null,
  primary key (starts_at, user_id, period)
);

-- use: requests per key, per user, per user and UTC day.
create table key_use (
  key_id text collate "C" primary key not null,
  requests bigint not null,
  successes bigint not null,
  last_used_at bigint not null
);

create table user_total (
  user_id text collate "C" primary key not null,
  requests bigint not null,
  successes bigint not null,
  refused bigint not null,
  input_tokens bigint not null,
  output_tokens bigint not null,
  last_used_at bigint not null
);

create table user_day (
  starts_at bigint not null,
  user_id text collate "C" not null,
  requests bigint not null,
  successes bigint not null,
  refused bigint not null,
  primary key (starts_at, user_id)
);

-- token_health: how the attempts on a pooled token ended; the last_… columns tell of the newest result by time.
create table token_health (
  token_id text collate "C" primary key not null,
  attempts bigint not null,
  successes bigint not null,
  failures bigint not null,
  last_used_at bigint not null,
  last_at bigint not null,
  last_id text collate "C" not null,
  last_result text collate "C" not null,
  last_failure text collate "C",
  consecutive_fails bigint not null,
  cooled_at bigint not null,
  cooled_id text collate "C" not null,
  cooldown_until bigint
);

-- What health checks and admins said of a token (control partition alone).
create table token_checks (
  token_id text collate "C" primary key not null,
  checked_at bigint,
  ok boolean,
  failure text collate "C",
  message text collate "C",
  "plan" text collate "C",
  credits_used double precision,
  credits_limit double precision,
  credits_reset_at bigint,
  -- Failures and cooling older than this are forgiven (a resume).
  reset_at bigint not null
);

-- A token's minute: the source of its risk history and of its failure rate after a start.
create table token_minute (
  slot bigint not null,
  token_id text collate "C" not null,
  attempts bigint not null,
  successes bigint not null,
  failures bigint not null,
  last_at bigint not null,
  last_id text collate "C" not null,
  consecutive_fails bigint not null,
  primary key (slot, token_id)
);
create index token_minute_token on token_minute (token_id, slot);

-- Every send of the last hour, so that the windows of the limits are exact after a start.
create table token_sends (
  at bigint not null,
  attempt_id text collate "C" not null,
  token_id text collate "C" not null,
  primary key (at, attempt_id)
);

-- notifications: read marks are kept apart, because they come from another partition than quota warnings.
create table notifications (
  at bigint not null,
  id text collate "C" not null,
  user_id text collate "C" not null,
  type text collate "C" not null,
  message text collate "C" not null,
  token_id text collate "C",
  primary key (at, id)
);
create index notifications_user on notifications (user_id, at, id);

create table notification_reads (
  user_id text collate "C" not null,
  notification_id text collate "C" not null,
  at bigint not null,
  primary key (user_id, notification_id)
);

create table notification_read_all (
  user_id text collate "C" primary key not null,
  at bigint not null
);

-- Whom to tell about a token.
create table notification_owners (
  token_id text collate "C" primary key not null,
  owner_id text collate "C" not null
);
