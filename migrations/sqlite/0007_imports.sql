-- Moving in: what was taken from another installation and how each import went (src/commands/migration).

-- By which a row of another installation is known again, and the id that it has here: a second import changes nothing.
create table imported_rows (
  -- user, token, key, import-key, announcement, setting or ip
  kind text not null,
  -- For example `old:7:1700000000000` (its own id and moment), `github:12345`, `hash:<SHA-256>`.
  natural_key text not null,
  id text not null,
  primary key (kind, natural_key)
) without rowid;
create index imported_rows_id on imported_rows (kind, id);

-- One row an import, for whoever asks how far it is; times are ms since epoch.
create table migration_runs (
  id text primary key not null,
  -- running, completed or failed
  status text not null,
  started_at bigint not null,
  -- Moves every second while it runs: one that stands still belongs to a process that ended.
  updated_at bigint not null,
  tables_done bigint not null,
  tables_total bigint not null,
  rows_done bigint not null,
  rows_total bigint not null,
  error_table text,
  error_reason text,
  -- JSON (src/commands/migration/report.ts)
  report text
);
create index migration_runs_started on migration_runs (started_at);
