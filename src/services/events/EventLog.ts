/**
 * The append-only log of events, in partitions by ordering key.
 *
 * Guarantees: within a partition the order of sequence numbers is the order of commits, so a reader that moves a
 * cursor never skips a slow committer; an event is in the log exactly once per id; inside `Database.transaction` an
 * append becomes visible with the commit or never. Does not guarantee any order across partitions.
 */
import { Context, Layer } from "effect"
import type { Effect, Option, Queue, Scope } from "effect"
import * as EventLogMemory from "./EventLogMemory.ts"
import * as EventLogSql from "./EventLogSql.ts"
import type { EventRecord, LoggedRecord, Position, SizedRecord } from "./EventRecord.ts"
import type { InvalidPosition } from "./Position.ts"

export class EventLog extends Context.Service<
  EventLog,
  {
    /** Number of partitions, fixed when the log was created. Default 16. */
    readonly partitions: number
    /** FNV-1a over the key, modulo the number of partitions. */
    readonly partitionOf: (key: string) => number
    /**
     * Appends. Inside a unit of work: enlisted, written as its last statement. Outside: grouped with concurrent appends
     * into one insert; a bad record fails alone (a defect for its publisher only). An id that is in the log already is
     * ignored. Inside a bare SQL transaction: a defect.
     */
    readonly append: (records: ReadonlyArray<EventRecord>, options?: AppendOptions) => Effect.Effect<void>
    /**
     * The next records per partition, in order of seq within each partition; fewer than asked for when their payloads pass
     * a limit (`pageBytes` in LogPages.ts), but always one, if there is one.
     */
    readonly read: (options: ReadOptions) => Effect.Effect<LogPage>
    /**
     * For `GET /events`: one page over all partitions, by timestamp as far as the order within a partition allows. It may
     * be shorter than asked for; only an empty one is the last.
     */
    readonly list: (options: ListOptions) => Effect.Effect<{
      readonly data: ReadonlyArray<LoggedRecord>
      /** Position after the page: continue here. */
      readonly next: Position
    }>
    readonly find: (id: string) => Effect.Effect<Option.Option<LoggedRecord>>
    /** How many records of these types (default all) lie after the position; counting stops at `limit`. */
    readonly count: (options: {
      readonly after: Position
      readonly types?: ReadonlyArray<string>
      readonly limit: number
    }) => Effect.Effect<number>
    /** The end of the log: last committed seq of each partition. */
    readonly tail: Effect.Effect<Position>
    /** Position before the first record. */
    readonly origin: Position
    readonly encodePosition: (position: Position) => string
    readonly decodePosition: (text: string) => Effect.Effect<Position, InvalidPosition>
    /**
     * Holds one signal whenever records may have been committed since it was last taken: by this process at once, by
     * others within a poll interval at the latest. The last signal is never dropped. Ends with the scope.
     */
    readonly changes: Effect.Effect<Queue.Dequeue<void>, never, Scope.Scope>
    /** Deletes records older than `olderThanMillis` before now, never past `keepAfter`. Returns how many. */
    readonly prune: (options: {
      readonly olderThanMillis: number
      readonly keepAfter: Position
    }) => Effect.Effect<number>
  }
>()("hub/services/events/EventLog") {
  /** In this process only; lost with it. */
  static readonly layerMemory = Layer.effect(EventLog, EventLogMemory.make)
  /** Needs `Database`, migrated. Fails with `EventLogMismatch` when the log was created with another layout. */
  static readonly layerSql = Layer.effect(EventLog, EventLogSql.make)
}

export interface AppendOptions {
  /**
   * `new`: all ids were made for these records just now, so none can be in the log: they need not be looked for, which
   * is a third of the cost of an insert. Default `given`.
   */
  readonly ids?: "new" | "given"
}

export interface ReadOptions {
  readonly after: Position
  /** Only these partitions; default all. */
  readonly partitions?: ReadonlyArray<number>
  /** Only these event types; default all. */
  readonly types?: ReadonlyArray<string>
  /** Records per partition. */
  readonly limit: number
}

export interface LogPage {
  readonly records: ReadonlyArray<SizedRecord>
  /**
   * How far this page has looked, per partition: the last record's seq where a limit cut it, else the end of the
   * partition; unchanged for partitions that were not asked for.
   */
  readonly upTo: Position
}

export interface ListOptions {
  readonly after: Position
  readonly types?: ReadonlyArray<string>
  readonly correlationId?: string
  /** Records in all. */
  readonly limit: number
}
