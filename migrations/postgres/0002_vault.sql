-- Secrets: written beside the events in a command's transaction, never projected, never rebuilt.

-- Hashes of members' passwords, with their parameters in the text (src/infra/passwords.ts).
create table vault_passwords (
  user_id text collate "C" primary key not null,
  hash text collate "C" not null
);

-- SHA-256 (hex) of client keys; the key itself is kept nowhere.
create table vault_keys (
  key_id text collate "C" primary key not null,
  hash text collate "C" not null unique
);

-- SHA-256 (hex) of import keys (bulk donation by script).
create table vault_import_keys (
  import_key_id text collate "C" primary key not null,
  hash text collate "C" not null unique
);

-- Upstream credentials, encrypted with the token id as associated data (src/infra/vault.ts).
create table vault_credentials (
  token_id text collate "C" primary key not null,
  -- SHA-256 (hex) of what makes the credential unique: one credential joins the pool once.
  fingerprint text collate "C" not null unique,
  auth_type text collate "C" not null,
  -- The upstream's secret as JSON.
  secret_enc text collate "C" not null,
  -- The access token and its routing facts as JSON; null: none yet.
  access_enc text collate "C",
  -- ms since epoch; null: none yet, or it does not expire.
  access_expires_at bigint,
  -- Raised with every stored refresh; a writer that saw an older one has lost.
  version bigint not null default 1,
  -- The refresh in flight: who, and until when (ms since epoch) the claim holds.
  claimed_by text collate "C",
  claimed_until bigint
);

-- Fingerprints of the installation's own secrets, so that a node with another TOKEN_ENCRYPT_KEY is told at start.
create table vault_fingerprints (
  name text collate "C" primary key not null,
  fingerprint text collate "C" not null
);
