/** The event log, the subscriptions that follow it, parked events, and dead letters. */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export const events = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // One row: what can never change again, because the order per key depends on it.
  yield* sql`
    create table event_log_layout (
      singleton boolean primary key default true check (singleton),
      partitions integer not null check (partitions between 1 and 1024),
      hash text not null
    )`

  // Append-only. `seq` is drawn while the partition's advisory lock is held, so within a partition it grows with commits.
  // `size`: bytes of the payload before compression, so that a page can be bounded without reading it.
  yield* sql`
    create table event_log (
      partition smallint not null check (partition >= 0),
      seq bigint not null generated always as identity,
      id uuid not null,
      type text not null,
      key text not null,
      correlation_id text not null,
      causation_id text,
      source text not null,
      schema_version integer not null,
      timestamp timestamptz not null,
      payload jsonb not null,
      size integer not null check (size >= 0),
      primary key (partition, seq),
      constraint event_log_id unique (id)
    )`
  yield* sql`create index event_log_correlation on event_log (correlation_id)`

  // `positions`: the cursors, one per partition. `epoch` grows at each take-over: every write of an owner names it.
  // `beat` grows with each renewal of the lease; who sees it stand still for the length of a lease may take over.
  // `off_from`, `off_to`: the stretch of the log that was written while the subscription was switched off.
  yield* sql`
    create table event_subscriptions (
      name text primary key check (length(name) between 1 and 200),
      positions bigint[] not null,
      epoch bigint not null default 0 check (epoch >= 0),
      owner text,
      beat bigint not null default 0,
      off_from bigint[],
      off_to bigint[],
      created_at timestamptz not null
    )`

  yield* sql`
    create table integration_dead_letters (
      id uuid primary key,
      event_id text not null,
      event_type text not null,
      event_payload jsonb not null,
      adapter_name text not null,
      partition smallint not null,
      seq bigint not null,
      error_message text not null,
      error_class text not null,
      error_chain text[] not null,
      retry_count integer not null check (retry_count >= 0),
      status text not null default 'pending' check (status in ('pending', 'replayed', 'discarded')),
      claimed_until timestamptz,
      created_at timestamptz not null,
      last_replay_at timestamptz,
      replayed_at timestamptz,
      replay_count integer not null default 0 check (replay_count >= 0),
      correlation_id text not null,
      constraint integration_dead_letters_replayed check ((status = 'replayed') = (replayed_at is not null)),
      constraint integration_dead_letters_claim check (status = 'pending' or claimed_until is null)
    )`
  yield* sql`
    create unique index integration_dead_letters_pending
      on integration_dead_letters (adapter_name, event_id) where status = 'pending'`
  yield* sql`create index integration_dead_letters_place on integration_dead_letters (adapter_name, partition, seq)`
  yield* sql`create index integration_dead_letters_status on integration_dead_letters (status, id)`

  // Events that a subscription has put aside: to try again at `due_at`, or (null) behind an earlier one of their key.
  // With a `dead_letter_id` it is a replay. `taken` = the epoch of the owner that has it in its lanes.
  yield* sql`
    create table event_parked (
      subscription text not null references event_subscriptions (name),
      event_id text not null,
      partition smallint not null,
      seq bigint not null,
      event jsonb not null,
      attempts integer not null check (attempts >= 0),
      due_at timestamptz,
      dead_letter_id uuid references integration_dead_letters (id),
      taken bigint not null default 0,
      primary key (subscription, event_id)
    )`
  yield* sql`create index event_parked_taken on event_parked (subscription, taken)`
  yield* sql`create index event_parked_dead_letter on event_parked (dead_letter_id) where dead_letter_id is not null`
})
