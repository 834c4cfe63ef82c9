/** Health of integrations over time, circuits reset by operators, alerts and their delivery (provider integrations, section 3). */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export const healthAlerts = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  yield* sql`
    create table integration_health (
      id bigint generated always as identity primary key,
      integration text collate "C" not null check (length(integration) between 1 and 100),
      status text not null check (status in ('healthy', 'degraded', 'unhealthy', 'unknown')),
      reason text not null check (length(reason) between 1 and 500),
      asked integer not null check (asked >= 0),
      failed integer not null check (failed >= 0),
      stale integer not null check (stale >= 0),
      slow integer not null check (slow between 0 and asked),
      rate_limited integer not null check (rate_limited >= 0),
      hits integer not null check (hits >= 0),
      at timestamptz not null,
      constraint integration_health_counts check (failed + stale <= asked)
    )`
  yield* sql`create index integration_health_newest on integration_health (integration, id desc)`
  yield* sql`create index integration_health_due on integration_health (at)`

  yield* sql`
    create table circuit_resets (
      id bigint generated always as identity primary key,
      circuit text collate "C" not null check (length(circuit) between 1 and 200),
      from_state text not null check (from_state in ('CLOSED', 'OPEN', 'HALF_OPEN')),
      actor text not null check (length(actor) between 1 and 200),
      correlation_id text not null,
      at timestamptz not null
    )`
  yield* sql`create index circuit_resets_newest on circuit_resets (circuit, id desc)`

  // One open alert per thing and subject, whichever hub saw it first.
  yield* sql`
    create table alerts (
      id integer generated always as identity primary key,
      kind text not null check (kind in ('error-rate', 'health', 'circuit-open', 'rate-limit', 'dead-letters')),
      subject text collate "C" not null check (length(subject) between 1 and 200),
      level smallint not null check (level in (1, 2)),
      message text not null check (length(message) between 1 and 1000),
      raised_at timestamptz not null,
      worsened_at timestamptz,
      recovered_at timestamptz,
      recovery text check (length(recovery) between 1 and 1000),
      constraint alerts_order check (
        (worsened_at is null or worsened_at >= raised_at) and (recovered_at is null or recovered_at >= raised_at)
      ),
      constraint alerts_recovery_says_why check ((recovered_at is null) = (recovery is null))
    )`
  yield* sql`create unique index alerts_open on alerts (kind, subject) where recovered_at is null`
  yield* sql`create index alerts_recovered on alerts (recovered_at) where recovered_at is not null`

  // "body" is what is signed and sent, byte for byte, at every attempt. "due_at": the next attempt, or the end of the lease
  // of the hub that is making one.
  yield* sql`
    create table alert_deliveries (
      webhook_id text primary key check (length(webhook_id) between 1 and 255),
      alert_id integer not null references alerts (id) on delete cascade,
      target text not null check (length(target) between 1 and 300),
      body text not null check (length(body) between 2 and 10000),
      status text not null default 'pending' check (status in ('pending', 'delivered', 'given-up')),
      attempts integer not null default 0 check (attempts >= 0),
      last_error text check (length(last_error) between 1 and 500),
      due_at timestamptz,
      settled_at timestamptz,
      constraint alert_deliveries_due_while_pending check ((status = 'pending') = (due_at is not null)),
      constraint alert_deliveries_settled check ((status = 'pending') = (settled_at is null)),
      constraint alert_deliveries_given_up_says_why check (status <> 'given-up' or last_error is not null)
    )`
  yield* sql`create index alert_deliveries_alert on alert_deliveries (alert_id)`
  yield* sql`create index alert_deliveries_due on alert_deliveries (due_at) where status = 'pending'`
})
