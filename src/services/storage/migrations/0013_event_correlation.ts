/** Events are looked for by one correlation id at a time: a hash index is a third of the tree's cost for each append. */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export const eventCorrelation = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`drop index event_log_correlation`
  yield* sql`create index event_log_correlation on event_log using hash (correlation_id)`
})
