/** What operators changed about integrations while the hub ran (provider integrations, section 3). */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export const runtimeConfig = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // The row that changes take turns on, and that other hubs look at: one small read tells whether there is news.
  yield* sql`
    create table runtime_configs (
      integration text collate "C" primary key check (length(integration) between 1 and 100),
      version integer not null check (version >= 0)
    )`

  // Only added to. Secrets: the version in force by name, from runtime_secrets.
  yield* sql`
    create table runtime_config_versions (
      integration text collate "C" not null references runtime_configs (integration),
      version integer not null check (version >= 1),
      overrides jsonb not null check (jsonb_typeof(overrides) = 'object'),
      secrets jsonb not null default '{}' check (jsonb_typeof(secrets) = 'object'),
      changed_by text not null check (char_length(changed_by) between 1 and 200),
      changed_at timestamptz not null,
      restored integer check (restored >= 0),
      primary key (integration, version),
      constraint runtime_config_versions_restored_earlier check (restored < version)
    )`

  // Encrypted with AES-256-GCM by the key of this id: never the secret itself. Old versions stay for roll-backs.
  yield* sql`
    create table runtime_secrets (
      integration text collate "C" not null references runtime_configs (integration),
      name text collate "C" not null check (length(name) between 1 and 100),
      version integer not null check (version >= 1),
      key_id text collate "C" not null check (length(key_id) between 1 and 50),
      nonce bytea not null check (octet_length(nonce) = 12),
      ciphertext bytea not null check (octet_length(ciphertext) between 17 and 16400),
      set_by text not null check (char_length(set_by) between 1 and 200),
      set_at timestamptz not null,
      primary key (integration, name, version)
    )`
  yield* sql`create index runtime_secrets_key on runtime_secrets (key_id)`
})
