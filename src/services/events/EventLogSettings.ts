/** The numbers of an event log. */
import { Context, Schema } from "effect"

/** Provide it to a layer of EventLog to change them. */
export const EventLogSettings = Context.Reference<{
  /** Used when the log is created; later another number is a start-up error. 1 to 1024, default 16. */
  readonly partitions: number
  /** How often to look for the appends of others: a safety net behind the signals. Milliseconds, default 5000. */
  readonly pollMillis: number
}>("hub/services/events/EventLogSettings", { defaultValue: () => ({ partitions: 16, pollMillis: 5000 }) })

const Layout = Schema.Struct({ partitions: Schema.Int, hash: Schema.String })

/** The log of this database was created with another number of partitions or another hash. */
export class EventLogMismatch extends Schema.TaggedError<EventLogMismatch>()("EventLogMismatch", {
  expected: Layout,
  actual: Layout
}) {
  override get message(): string {
    return (
      `the event log of this database has ${this.actual.partitions} partitions (${this.actual.hash}), not ` +
      `${this.expected.partitions} (${this.expected.hash}); both are fixed when it is created`
    )
  }
}
