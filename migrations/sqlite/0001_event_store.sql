-- The event store: every event for good, where each partition stands, and how far each projection has come.

-- "KGDB": tells this file from other programs' (src/infra/database/sqlite.ts).
pragma application_id = 1262961730;

-- One row. EVENT_PARTITIONS is fixed here by the first start: a key's partition must never change.
create table installation (
  product text primary key not null,
  event_partitions bigint not null,
  -- ms since epoch
  created_at bigint not null
);

-- Where each partition ends: control and p0 … p<N-1>, made by the migrator. The row is the partition's lock.
create table partitions (
  partition text primary key not null,
  -- Of the last event; 0: none yet.
  position bigint not null default 0,
  -- Rolling hash of the last event (src/events/archive.ts).
  hash text not null,
  -- Where ingest goes on in the event log; meaningful to the log's adapter only.
  log_cursor text
);

create table archive (
  partition text not null,
  -- Dense from 1 in its partition.
  position bigint not null,
  id text not null,
  type text not null,
  subject text not null,
  source text not null,
  -- ms since epoch
  time bigint not null,
  dataversion bigint not null,
  partitionkey text not null,
  actor text not null,
  correlationid text,
  causationid text,
  -- JSON, byte for byte what the hash covers.
  data text not null,
  -- SHA-256 (hex) over the partition's previous hash and this row.
  hash text not null,
  primary key (partition, position)
);

create unique index archive_id on archive (id);
-- One subject's story, or one request's, in order and a page at a time.
create index archive_subject on archive (subject, partition, position);
-- Where a span of time begins and ends in each partition, answered from the index alone.
create index archive_time on archive (partition, time, position);
create index archive_correlation on archive (correlationid, partition, position) where correlationid is not null;

-- The highest counter archived of each producer run: what it sends again is dropped.
create table producers (
  partition text not null,
  src text not null,
  n bigint not null,
  -- ms since epoch of the last batch; rows of runs long gone may be dropped, ids still keep events single.
  updated_at bigint not null default 0,
  primary key (partition, src)
);

create table projection_checkpoints (
  projection text not null,
  version bigint not null,
  partition text not null,
  -- Of the last event folded.
  position bigint not null default 0,
  primary key (projection, version, partition)
);

-- Which version of each projection serves reads.
create table projection_sets (
  projection text primary key not null,
  active_version bigint not null,
  -- ms since epoch
  activated_at bigint not null
);

-- Events that a projection could not take, and later ones held back behind them.
create table parked_events (
  id text primary key not null,
  projection text not null,
  version bigint not null,
  partition text not null,
  position bigint not null,
  event_id text not null,
  type text not null,
  subject text not null,
  -- Short code of the cause, and its words.
  reason text not null,
  error text not null,
  -- ms since epoch
  parked_at bigint not null,
  -- parked, retried or discarded
  state text not null default 'parked',
  unique (projection, partition, position)
);
create index parked_events_subject on parked_events (projection, subject) where state = 'parked';
