/** The call log, one partition a day, and the metrics windows (provider integrations, section 3). */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export const callLog = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // An identity column is not for partitioned tables before PostgreSQL 17. Partitions are made as days come.
  yield* sql`create sequence call_log_id`
  yield* sql`
    create table call_log (
      id bigint not null default nextval('call_log_id'),
      at timestamptz not null,
      kind text not null check (kind in ('guarded', 'request')),
      integration text collate "C" not null check (length(integration) between 1 and 200),
      operation text not null check (length(operation) between 1 and 200),
      provider text collate "C" check (length(provider) between 1 and 200),
      outcome text not null check (outcome in (
        'hit', 'miss', 'stale', 'unavailable', 'success', 'refused-by-circuit', 'rate-limited', 'timeout', 'rejected',
        'failed', 'interrupted', 'defect'
      )),
      method text check (length(method) between 1 and 20),
      url text check (length(url) <= 2000),
      status integer check (status between 100 and 599),
      duration_ms integer not null check (duration_ms >= 0),
      retries integer not null check (retries >= 0),
      cache text check (cache in ('HIT', 'MISS', 'STALE')),
      circuit text check (circuit in ('CLOSED', 'OPEN', 'HALF_OPEN')),
      error_class text check (length(error_class) between 1 and 50),
      message text check (length(message) <= 2000),
      trace_id text check (length(trace_id) between 1 and 64),
      correlation_id text check (length(correlation_id) <= 200),
      sandbox boolean not null,
      probe boolean not null,
      request_headers jsonb,
      request_body text check (length(request_body) <= 10000),
      response_headers jsonb,
      response_body text check (length(response_body) <= 10000),
      primary key (id, at),
      constraint call_log_cache_when_guarded check (kind = 'guarded' or cache is null),
      constraint call_log_sent_when_answered check (status is null or kind = 'request')
    ) partition by range (at)`
  yield* sql`create index call_log_newest on call_log (integration, at desc, id desc)`
  yield* sql`create index call_log_correlation on call_log (correlation_id) where correlation_id is not null`

  // Each hub writes rows of its own (`hub`: drawn at its start). Buckets: see CallWindow.
  yield* sql`
    create table call_windows (
      started_at timestamptz not null,
      integration text collate "C" not null check (length(integration) between 1 and 200),
      hub text not null check (length(hub) between 1 and 100),
      successful bigint not null check (successful >= 0),
      failed bigint not null check (failed >= 0),
      rejected bigint not null check (rejected >= 0),
      hits bigint not null check (hits >= 0),
      misses bigint not null check (misses >= 0),
      stale bigint not null check (stale >= 0),
      requests bigint not null check (requests >= 0),
      failed_requests bigint not null check (failed_requests between 0 and requests),
      rate_limited bigint not null check (rate_limited >= 0),
      timeouts bigint not null check (timeouts >= 0),
      circuit_openings bigint not null check (circuit_openings >= 0),
      duration_sum_ms bigint not null check (duration_sum_ms >= 0),
      duration_max_ms bigint not null check (duration_max_ms >= 0),
      buckets integer[] not null,
      primary key (started_at, integration, hub),
      constraint call_windows_five_minutes check (mod(extract(epoch from started_at)::bigint, 300) = 0)
    )`
})
