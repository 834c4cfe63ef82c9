/** API keys, webhook secrets, and what was answered to requests that may come again. */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export const security = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // `digest` is the SHA-256 of the key: the key itself is nowhere.
  yield* sql`
    create table api_keys (
      id text primary key check (id ~ '^key_[0-9A-HJKMNP-TV-Z]{26}$'),
      name text not null check (char_length(name) between 1 and 200),
      scopes text[] not null check (
        cardinality(scopes) between 1 and 5 and scopes <@ array['core', 'shopby', 'mes', 'edicus', 'admin']
      ),
      digest bytea not null check (octet_length(digest) = 32),
      expires_at timestamptz,
      created_at timestamptz not null,
      revoked_at timestamptz,
      last_used_at timestamptz
    )`

  // Secrets made for sandboxes, in the clear: a signature can only be checked with the secret itself.
  yield* sql`
    create table webhook_secrets (
      adapter text primary key,
      secret text not null check (secret like 'whsec\\_%'),
      created_at timestamptz not null
    )`

  yield* sql`
    create table webhook_inbox (
      adapter text not null,
      webhook_id text not null check (char_length(webhook_id) between 1 and 255),
      received_at timestamptz not null,
      status smallint not null check (status between 200 and 299),
      body text not null,
      primary key (adapter, webhook_id)
    )`
  yield* sql`create index webhook_inbox_received on webhook_inbox (received_at)`

  // `id`: hash of API key, method, path and Idempotency-Key. `answer`: sealed; null while the request runs.
  yield* sql`
    create table idempotency_keys (
      id bytea primary key check (octet_length(id) = 32),
      fingerprint bytea not null check (octet_length(fingerprint) = 32),
      token text not null,
      lease_until timestamptz not null,
      created_at timestamptz not null,
      answer bytea
    )`
  yield* sql`create index idempotency_keys_created on idempotency_keys (created_at)`

  // CloudEvents that came in over HTTP: the same (source, id) again is the same event.
  yield* sql`
    create table received_events (
      source text not null check (char_length(source) between 1 and 500),
      external_id text not null check (char_length(external_id) between 1 and 200),
      event_id uuid not null,
      received_at timestamptz not null,
      primary key (source, external_id)
    )`
})
