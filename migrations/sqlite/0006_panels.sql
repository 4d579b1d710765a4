-- What the panels show beside: who used a donated token, who signed in when, who changed a setting, what became of nodes and stores.

-- token_use: requests whose last attempt was on this token, by user and UTC day.
create table token_use_day (
  starts_at integer not null,
  token_id text not null,
  user_id text not null,
  requests integer not null,
  successes integer not null,
  input_tokens integer not null,
  output_tokens integer not null,
  primary key (starts_at, token_id, user_id)
) without rowid;

-- history: fed by the control partition alone.
create table user_sign_ins (
  user_id text primary key not null,
  at integer not null,
  method text not null
) without rowid;

create table setting_changes (
  name text primary key not null,
  at integer not null,
  actor text not null,
  -- Of the change in the control partition: a node that follows so far has the setting in force.
  position integer not null
) without rowid;

create table cluster_history (
  at integer not null,
  id text not null,
  type text not null,
  subject text not null,
  -- JSON
  details text not null,
  primary key (at, id)
) without rowid;

-- Up to which control position a run has the live settings in force; null: it does not say (an older build).
alter table node_runs add column settings_position bigint;

-- Accounts elsewhere that members sign in by. Secrets beside the events, like passwords: never projected, never rebuilt.
create table vault_identities (
  -- SHA-256 (hex) of provider, issuer and subject.
  identity text primary key not null,
  user_id text not null,
  provider text not null,
  linked_at integer not null
) without rowid;
create index vault_identities_user on vault_identities (user_id);

-- Names given by a provider are made unique.
create index users_username on users (username);
create index audit_actor on audit (actor, at, id);
