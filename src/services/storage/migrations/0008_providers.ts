/** Cached answers and rate limits of data services (provider integrations, section 1). */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export const providers = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // The answer is JSON in a text: jsonb refuses some of what providers send (NUL, lone surrogates) and reorders keys.
  yield* sql`
    create table provider_cache (
      key text collate "C" primary key check (length(key) between 1 and 1024),
      data text not null,
      source text not null check (length(source) between 1 and 200),
      fetched_at timestamptz not null,
      empty boolean not null,
      keep_until timestamptz not null,
      constraint provider_cache_kept check (keep_until >= fetched_at)
    )`
  yield* sql`create index provider_cache_due on provider_cache (keep_until)`

  // Tokens are negative while lent to callers who wait. Refilled: epoch milliseconds up to which gained tokens are in.
  yield* sql`
    create table provider_rate_buckets (
      provider text collate "C" not null check (length(provider) between 1 and 200),
      span text not null check (span in ('minute', 'hour')),
      tokens float8 not null,
      refilled_at float8 not null,
      primary key (provider, span)
    )`
})
