/**
 * The call log: every call to an outside system or data service, to be looked up for as long as it is kept.
 *
 * - Taking a record costs its caller next to nothing: it goes into a queue that is bounded in number and in bytes, and what
 *   does not fit is dropped and counted. Redaction and writing happen later, in batches, in a fiber of their own.
 * - A failure to write never changes an answer: the batch is dropped, counted and warned about.
 * - Nothing is written that has not passed `Redaction`.
 * - One partition a day; days older than `keep` are dropped by themselves. Flushed when the hub stops.
 *
 * Not guaranteed: that a call is in the log (a crash loses what was queued), nor the order of rows of the same moment.
 */
import { Clock, Context, Duration, Effect, Latch, Layer, Metric, Schema, Semaphore } from "effect"
import { CallEntry, type CallLogLevel, type CallOutcome } from "../../domain/CallEntry.ts"
import type { Page, PageRequest } from "../../domain/Page.ts"
import { isoOf, millisOf } from "../events/Time.ts"
import type { AttemptRecord, CallRecord } from "../providers/CallRecorder.ts"
import { inBackground } from "../security/Housekeeping.ts"
import { Database } from "../storage/Database.ts"
import { IsoFromDate } from "../storage/IsoFromDate.ts"
import * as CallLine from "./CallLine.ts"
import * as CallLogPartitions from "./CallLogPartitions.ts"

export interface Options {
  /** How long calls are kept, in whole days. Default 30 days. */
  readonly keep?: Duration.Duration
  /** Of every integration that has none of its own. Default `bodies`. */
  readonly level?: CallLogLevel
  /** Of single integrations. */
  readonly levels?: Readonly<Record<string, CallLogLevel>>
  /** Records that wait at most. Default 5000. */
  readonly queueSize?: number
  /** Bytes that they hold on to at most. Default 32 MiB. */
  readonly queueBytes?: number
}

/** All that are given must hold. */
export interface CallFilter {
  readonly operation?: string
  readonly outcome?: CallOutcome
  readonly provider?: string
  readonly correlationId?: string
  /** ISO-8601; calls that ended then or later. Default: the last 24 hours. */
  readonly since?: string
}

export class CallLog extends Context.Service<
  CallLog,
  {
    /** Returns at once, never throws. */
    readonly record: (record: CallRecord | AttemptRecord) => void
    /** Writes what waits. Returns when it is written, or given up. */
    readonly flush: Effect.Effect<void>
    /** Newest first. What waits is written before. */
    readonly list: (integration: string, filter: CallFilter, page: PageRequest) => Effect.Effect<Page<CallEntry>>
    readonly level: (integration: string) => Effect.Effect<CallLogLevel>
    /** From the next call on, until the hub stops. */
    readonly setLevel: (integration: string, level: CallLogLevel) => Effect.Effect<void>
    /** Drops the days that need not be kept any more; gives their number. Runs by itself every hour. */
    readonly dropOld: Effect.Effect<number>
  }
>()("hub/services/observability/CallLog") {
  static readonly layer = (options: Options = {}): Layer.Layer<CallLog, never, Database> =>
    Layer.effect(CallLog, make(options))
}

/** Records in one insert. */
const batchSize = 200
/** How long the first record of a batch waits for others. */
const gather = Duration.millis(250)
/** How long the hub's end may wait for the log. */
const flushLimit = Duration.seconds(5)

const dropped = Metric.counter("call_log_dropped_total", {
  description: "Calls that are not in the call log: the queue was full, or the database did not take them",
  incremental: true
})

const make = Effect.fnUntraced(function* (options: Options) {
  const database = yield* Database
  const { sql } = database
  const partitions = CallLogPartitions.make(database)
  const context = yield* Effect.context<never>()
  const keepMillis = Duration.toMillis(options.keep ?? Duration.days(30))
  const queueSize = options.queueSize ?? 5000
  const queueBytes = options.queueBytes ?? 32 * 1024 * 1024
  const levels = new Map<string, CallLogLevel>(Object.entries(options.levels ?? {}))
  const levelOf = (integration: string): CallLogLevel => levels.get(integration) ?? options.level ?? "bodies"

  let queue: Array<CallLine.Waiting> = []
  let bytes = 0
  const news = Latch.makeUnsafe(false)
  const turn = yield* Semaphore.make(1)

  const drop = (reason: "full" | "storage", count: number) =>
    Metric.withAttributes(dropped, { reason }).updateUnsafe(count, context)

  const record: CallLog["Service"]["record"] = (call) => {
    const waiting = CallLine.take(call, levelOf(call.integration))
    if (waiting === null) return
    if (queue.length >= queueSize || bytes + waiting.weight > queueBytes) return drop("full", 1)
    queue.push(waiting)
    bytes += waiting.weight
    news.openUnsafe()
  }

  const write = Effect.fnUntraced(function* (batch: ReadonlyArray<CallLine.Waiting>) {
    const lines = yield* Effect.forEach(batch, (waiting) =>
      // Redacting is work: others come in between.
      Effect.yieldNow.pipe(
        Effect.andThen(CallLine.lineOf(waiting)),
        // What cannot be redacted is not written.
        Effect.catchDefect(() =>
          Effect.as(
            Effect.sync(() => drop("storage", 1)),
            null
          )
        )
      )
    )
    const oldest = (yield* Clock.currentTimeMillis) - keepMillis
    const kept = lines.filter((line) => line !== null).filter(({ at }) => millisOf(at) >= oldest)
    if (kept.length === 0) return
    yield* partitions.ensure(kept.map(({ at }) => at.slice(0, 10)))
    yield* sql`
      insert into call_log (
        at, kind, integration, operation, provider, outcome, method, url, status, duration_ms, retries, cache, circuit,
        error_class, message, trace_id, correlation_id, sandbox, probe, request_headers, request_body,
        response_headers, response_body
      )
      select
        at, kind, integration, operation, provider, outcome, method, url, status, "durationMillis", retries, cache,
        circuit, "errorClass", message, "traceId", "correlationId", sandbox, probe, "requestHeaders", "requestBody",
        "responseHeaders", "responseBody"
      from jsonb_to_recordset(${encodeLines(kept)}::jsonb) as line (
        at timestamptz, kind text, integration text, operation text, provider text, outcome text, method text,
        url text, status integer, "durationMillis" integer, retries integer, cache text, circuit text,
        "errorClass" text, message text, "traceId" text, "correlationId" text, sandbox boolean, probe boolean,
        "requestHeaders" jsonb, "requestBody" text, "responseHeaders" jsonb, "responseBody" text
      )`
  })

  const flush = turn.withPermit(
    Effect.gen(function* () {
      while (queue.length > 0) {
        const batch = queue.slice(0, batchSize)
        queue = queue.slice(batchSize)
        bytes -= batch.reduce((sum, { weight }) => sum + weight, 0)
        yield* Effect.catchCause(write(batch), (cause) => {
          drop("storage", batch.length)
          return Effect.annotateLogs(Effect.logWarning("call log: calls could not be written", cause), {
            calls: batch.length
          })
        })
      }
      news.closeUnsafe()
    })
  )

  const list: CallLog["Service"]["list"] = Effect.fn("CallLog.list")(function* (integration, filter, page) {
    yield* flush
    const since = filter.since ?? isoOf((yield* Clock.currentTimeMillis) - oneDay)
    const where = sql.and([
      sql`integration = ${integration}`,
      sql`at >= ${since}::timestamptz`,
      ...(filter.operation === undefined ? [] : [sql`operation = ${filter.operation}`]),
      ...(filter.outcome === undefined ? [] : [sql`outcome = ${filter.outcome}`]),
      ...(filter.provider === undefined ? [] : [sql`provider = ${filter.provider}`]),
      ...(filter.correlationId === undefined ? [] : [sql`correlation_id = ${filter.correlationId}`])
    ])
    const counted = yield* sql`select count(*)::int as total from call_log where ${where}`
    const rows = yield* sql`
      select id::text as id, at, kind, integration, operation, provider, outcome, method, url, status,
        duration_ms as "durationMillis", retries, cache, circuit, error_class as "errorClass", message,
        trace_id as "traceId", correlation_id as "correlationId", sandbox, probe, request_headers as "requestHeaders",
        request_body as "requestBody", response_headers as "responseHeaders", response_body as "responseBody"
      from call_log where ${where}
      order by call_log.at desc, call_log.id desc limit ${page.limit} offset ${(page.page - 1) * page.limit}`
    return { data: decodeRows(rows), total: decodeTotal(counted)[0].total }
  }, Effect.orDie)

  const dropOld = Effect.flatMap(Clock.currentTimeMillis, (now) =>
    Effect.orDie(partitions.dropBefore(CallLogPartitions.dayOf(now - keepMillis)))
  )

  yield* inBackground("drop old days of the call log", Duration.hours(1), dropOld)
  yield* news.await.pipe(Effect.andThen(Effect.sleep(gather)), Effect.andThen(flush), Effect.forever, Effect.forkScoped)
  yield* Effect.addFinalizer(() => Effect.ignore(Effect.timeout(flush, flushLimit)))

  return CallLog.of({
    record,
    flush,
    list,
    dropOld,
    level: (integration) => Effect.sync(() => levelOf(integration)),
    setLevel: (integration, level) => Effect.sync(() => void levels.set(integration, level))
  })
})

const oneDay = 86_400_000

const encodeLines = Schema.encodeSync(Schema.fromJsonString(Schema.Unknown))
const decodeRows = Schema.decodeUnknownSync(Schema.Array(Schema.Struct({ ...CallEntry.fields, at: IsoFromDate })))
const decodeTotal = Schema.decodeUnknownSync(Schema.Tuple([Schema.Struct({ total: Schema.Int })]))
