-- What the panels show beside: who used a donated token, who signed in when, who changed a setting, what became of nodes and stores.

-- token_use: requests whose last attempt was on this token, by user and UTC day.
create table token_use_day (
  starts_at bigint not null,
  token_id text collate "C" not null,
  user_id text collate "C" not null,
  requests bigint not null,
  successes bigint not null,
  input_tokens bigint not null,
  output_tokens bigint not null,
  primary key (starts_at, token_id, user_id)
);

-- history: fed by the control partition alone.
create table user_sign_ins (
  user_id text collate "C" primary key not null,
  at bigint not null,
  method text collate "C" not null
);

create table setting_changes (
  name text collate "C" primary key not null,
  at bigint not null,
  actor text collate "C" not null,
  -- Of the change in the control partition: a node that follows so far has the setting in force.
  position bigint not null
);

create table cluster_history (
  at bigint not null,
  id text collate "C" not null,
  type text collate "C" not null,
  subject text collate "C" not null,
  -- JSON
  details text collate "C" not null,
  primary key (at, id)
);

-- Up to which control position a run has the live settings in force; null: it does not say (an older build).
alter table node_runs add column settings_position bigint;

-- Accounts elsewhere that members sign in by. Secrets beside the events, like passwords: never projected, never rebuilt.
create table vault_identities (
  -- SHA-256 (hex) of provider, issuer and subject.
  identity text collate "C" primary key not null,
  user_id text collate "C" not null,
  provider text collate "C" not null,
  linked_at bigint not null
);
create index vault_identities_user on vault_identities (user_id);

-- Names given by a provider are made unique.
create index users_username on users (username);
create index audit_actor on audit (actor, at, id);
