-- The event store: every event for good, where each partition stands, and how far each projection has come.

-- Text compares by bytes everywhere ("C"): the same order as in code and on SQLite whatever the server's locale, and faster.

-- One row. EVENT_PARTITIONS is fixed here by the first start: a key's partition must never change.
create table installation (
  product text collate "C" primary key not null,
  event_partitions bigint not null,
  -- ms since epoch
  created_at bigint not null
);

-- Where each partition ends: control and p0 … p<N-1>, made by the migrator. The row is the partition's lock.
create table partitions (
  partition text collate "C" primary key not null,
  -- Of the last event; 0: none yet.
  position bigint not null default 0,
  -- Rolling hash of the last event (src/events/archive.ts).
  hash text collate "C" not null,
  -- Where ingest goes on in the event log; meaningful to the log's adapter only.
  log_cursor text collate "C"
);

-- One table a day, made by the code that appends (src/events/archiveDays.ts); none by default, so that nothing gathers unseen.
create table archive (
  -- Days since the epoch, of the UUIDv7's own time; 0 where the id tells none. The same id has the same day: unique per day is unique.
  day integer not null,
  partition text collate "C" not null,
  -- Dense from 1 in its partition.
  position bigint not null,
  id text collate "C" not null,
  type text collate "C" not null,
  subject text collate "C" not null,
  source text collate "C" not null,
  -- ms since epoch
  time bigint not null,
  dataversion bigint not null,
  partitionkey text collate "C" not null,
  actor text collate "C" not null,
  correlationid text collate "C",
  causationid text collate "C",
  -- JSON, byte for byte what the hash covers; text, because jsonb would change it and cost half as much again.
  data text collate "C" not null,
  -- SHA-256 (hex) over the partition's previous hash and this row.
  hash text collate "C" not null,
  primary key (day, id)
) partition by range (day);

create index archive_position on archive (partition, position);
-- One subject's story, or one request's, in order and a page at a time.
create index archive_subject on archive (subject, partition, position);
-- Where a span of time begins and ends in each partition, answered from the index alone.
create index archive_time on archive (partition, time, position);
create index archive_correlation on archive (correlationid, partition, position) where correlationid is not null;

create table archive_d0 partition of archive for values from (0) to (1);

-- Makes the tables that these days lack, in the caller's transaction. One statement: several appends of one transaction ask at the same time.
create function archive_make_days(wanted integer[]) returns void language plpgsql as $$
declare
  wanted_day integer;
begin
  if not exists (select from unnest(wanted) as each where to_regclass('archive_d' || each) is null) then
    return;
  end if;
  -- Writers make tables one after another, by the lock that attaching takes anyway; readers and writers of rows go on.
  lock table archive in share update exclusive mode;
  foreach wanted_day in array wanted loop
    -- The catalog itself: a cached "no" from before the lock may be out of date.
    continue when exists (
      select from pg_class where relnamespace = current_schema()::regnamespace and relname = 'archive_d' || wanted_day
    );
    execute format('create table %I (like archive including defaults)', 'archive_d' || wanted_day);
    -- Attaching leaves readers and writers of other days alone; creating it as a partition would shut them out.
    execute format('alter table archive attach partition %I for values from (%s) to (%s)', 'archive_d' || wanted_day, wanted_day, wanted_day + 1);
  end loop;
end $$;

-- What each day's table holds of a partition, so that a look-up opens only the tables it needs. Kept under the partition's lock.
create table archive_spans (
  partition text collate "C" not null,
  day integer not null,
  first_position bigint not null,
  last_position bigint not null,
  first_time bigint not null,
  last_time bigint not null,
  primary key (partition, day)
);

-- The highest counter archived of each producer run: what it sends again is dropped.
create table producers (
  partition text collate "C" not null,
  src text collate "C" not null,
  n bigint not null,
  -- ms since epoch of the last batch; rows of runs long gone may be dropped, ids still keep events single.
  updated_at bigint not null default 0,
  primary key (partition, src)
);

create table projection_checkpoints (
  projection text collate "C" not null,
  version bigint not null,
  partition text collate "C" not null,
  -- Of the last event folded.
  position bigint not null default 0,
  primary key (projection, version, partition)
);

-- Which version of each projection serves reads.
create table projection_sets (
  projection text collate "C" primary key not null,
  active_version bigint not null,
  -- ms since epoch
  activated_at bigint not null
);

-- Events that a projection could not take, and later ones held back behind them.
create table parked_events (
  id text collate "C" primary key not null,
  projection text collate "C" not null,
  version bigint not null,
  partition text collate "C" not null,
  position bigint not null,
  event_id text collate "C" not null,
  type text collate "C" not null,
  subject text collate "C" not null,
  -- Short code of the cause, and its words.
  reason text collate "C" not null,
  error text collate "C" not null,
  -- ms since epoch
  parked_at bigint not null,
  -- parked, retried or discarded
  state text collate "C" not null default 'parked',
  unique (projection, partition, position)
);
create index parked_events_subject on parked_events (projection, subject) where state = 'parked';
