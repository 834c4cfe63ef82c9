/** Events for tests, and errors that handlers end in. */
import { DateTime, Effect, Schema } from "effect"
import { defineEvent } from "../../../src/domain/events/Event.ts"
import { makeEventId } from "../../../src/domain/Ids.ts"
import {
  Ambiguous,
  CircuitOpen,
  Invalid,
  RateLimited,
  Rejected,
  Transient,
  Unauthorized
} from "../../../src/domain/IntegrationError.ts"
import type { EventRecord } from "../../../src/services/events/EventRecord.ts"

/** Ordered by `key`. */
export const Noted = defineEvent("test.noted", {
  payload: Schema.Struct({ key: Schema.String, value: Schema.Int }),
  key: ({ key }) => key
})

/** Another type, ordered by the same keys. */
export const Renamed = defineEvent("test.renamed", {
  payload: Schema.Struct({ key: Schema.String, name: Schema.String }),
  key: ({ key }) => key
})

const about = { adapter: "test", operation: "POST /test", message: "it went wrong" }

export const transient = new Transient(about)
export const retryAfter = (retryAfterMillis: number) => new Transient({ ...about, status: 503, retryAfterMillis })
export const rateLimited = (retryAfterMillis: number | null) => new RateLimited({ ...about, retryAfterMillis })
export const rejected = new Rejected({ ...about, status: 422, message: "refused" })
export const unauthorized = new Unauthorized({ ...about, status: 401 })
export const ambiguous = new Ambiguous(about)
export const invalid = new Invalid({ ...about, issues: [] })
export const circuitOpen = (until: number | null) => new CircuitOpen({ ...about, until })

/** A record as publishing would make it; `at` is epoch milliseconds. */
export const recordOf = (options: {
  readonly key: string
  readonly type?: string
  readonly correlationId?: string
  readonly at?: number
}) =>
  Effect.map(makeEventId, (id): EventRecord => ({
    id,
    timestamp: DateTime.formatIso(DateTime.makeUnsafe(options.at ?? 0)),
    correlationId: options.correlationId ?? "trace-1",
    causationId: null,
    source: "test",
    schemaVersion: 1,
    type: options.type ?? "test.noted",
    key: options.key,
    payload: { text: '한글 " \\ 🙂', list: [1, 2.5, null, true], nested: { empty: {} } }
  }))
