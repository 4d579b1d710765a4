-- Where the cluster's limits live (Redis or this database), what nodes tell when the home changes, and the limits themselves while they live here.

-- One row, which is also the lock of every admission made here. Times are this database's own clock, ms since epoch.
create table limits_home (
  one bigint primary key not null check (one = 1),
  -- Rises with every change of home; what was decided in an earlier one counts no more.
  term bigint not null,
  -- redis | database
  home text not null,
  -- collecting: nobody is admitted, nodes tell their facts; open.
  state text not null,
  -- The Redis that holds the limits of this term (its run_id) and what their keys begin with there.
  redis_run_id text,
  root text,
  -- While collecting: the term that lived here last and whose operations hold the truth; null: the nodes' facts do.
  from_term bigint,
  changed_at bigint not null,
  -- Last batch of operations of this term, the last that only the snapshot holds any more, and the batch of the newest snapshot.
  ops_seq bigint not null,
  ops_floor bigint not null,
  snapshot_seq bigint not null
);
insert into limits_home (one, term, home, state, changed_at, ops_seq, ops_floor, snapshot_seq) values (1, 0, 'redis', 'collecting', 0, 0, 0, 0);

-- What each run told for a term (src/limits/facts.ts), as JSON.
create table limits_facts (
  term bigint not null,
  run_id text not null,
  facts text not null,
  primary key (term, run_id)
);

-- Batches of admissions and settlements in the order they were decided (src/limits/database/ops.ts), as JSON.
create table limits_ops (
  term bigint not null,
  seq bigint not null,
  run_id text not null,
  at bigint not null,
  ops text not null,
  primary key (term, seq)
);

-- The whole state after a batch (src/limits/transfer.ts), as JSON: a node loads the newest and the batches after it.
create table limits_snapshots (
  term bigint not null,
  seq bigint not null,
  state text not null,
  primary key (term, seq)
);
