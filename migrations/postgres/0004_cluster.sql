-- The cluster's life: which node runs there are and what each says of itself, the fingerprints of the shared secrets, use of callers' tokens.

-- One row for each process run, kept by its life sign (src/cluster/lifeSign.ts). Times are this database's own clock, ms since epoch:
-- nodes compare only these, never their own clocks. A run that ends in order removes its row; what a dead one left goes after a day.
create table node_runs (
  run_id text collate "C" primary key not null,
  -- Stable over restarts; the newest run of a node speaks for it.
  node_id text collate "C" not null,
  version text collate "C" not null,
  started_at bigint not null,
  seen_at bigint not null,
  -- Does this run reach Redis? Where limits live depends on what all living runs say.
  redis_up boolean not null,
  -- What its own /health says: healthy, degraded or unhealthy.
  health text collate "C" not null,
  connections bigint not null,
  requests_last_minute bigint not null,
  leader boolean not null,
  -- Live settings as this run's environment has them, as JSON: nodes report where they differ.
  settings text collate "C" not null
);
create index node_runs_seen on node_runs (seen_at);

-- The secret that the fingerprint replaced: a node that still has it may start while others have moved on.
alter table vault_fingerprints add column previous text collate "C";

-- When a caller's own credential (`ext-…`) was last used, to the hour, ms of this database's clock; null: a credential of the pool.
alter table vault_credentials add column used_at bigint;
update vault_credentials set used_at = (extract(epoch from clock_timestamp()) * 1000)::bigint where token_id like 'ext-%';
create index vault_credentials_used on vault_credentials (used_at) where used_at is not null;
