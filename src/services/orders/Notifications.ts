/**
 * Tells operators what needs their eye. `record` inside `Database.transaction` is stored with it or not at all.
 * Does not deliver anything anywhere: operators read the list.
 */
import { Context, Effect, Layer, Schema } from "effect"
import type { SqlError } from "effect/sql"
import { now } from "../../domain/Ids.ts"
import { Notification, NotificationId } from "../../domain/Notification.ts"
import type { Page, PageRequest } from "../../domain/Page.ts"
import { EventContext } from "../events/EventContext.ts"
import { Database } from "../storage/Database.ts"
import { IsoFromDate } from "../storage/IsoFromDate.ts"

export class NotificationNotFound extends Schema.TaggedError<NotificationNotFound>()("NotificationNotFound", {
  id: NotificationId
}) {}

export class Notifications extends Context.Service<
  Notifications,
  {
    readonly record: (notification: {
      /** Lower case with hyphens, e.g. `order-blocked`. */
      readonly kind: string
      readonly message: string
      /** What it is about, e.g. `order:ord_…`. */
      readonly subject: string
      /** Default: EventContext's, else an empty text. */
      readonly correlationId?: string
    }) => Effect.Effect<Notification>
    /** Newest first. */
    readonly list: (
      filter: { readonly kind?: string; readonly acknowledged?: boolean },
      page: PageRequest
    ) => Effect.Effect<Page<Notification>>
    /** The first acknowledgement counts; a second one changes nothing. */
    readonly acknowledge: (id: NotificationId, actor: string) => Effect.Effect<Notification, NotificationNotFound>
    /** Acknowledges those of these kinds about this subject that nobody has acknowledged. */
    readonly acknowledgeAbout: (subject: string, kinds: ReadonlyArray<string>, actor: string) => Effect.Effect<void>
  }
>()("hub/services/orders/Notifications") {
  static readonly layer = Layer.effect(
    Notifications,
    Effect.suspend(() => make)
  )
}

const NotificationRow = Schema.Struct({ ...Notification.fields, at: IsoFromDate })
const decodeRows = Schema.decodeUnknownEffect(Schema.Array(NotificationRow))
const decodeTotal = Schema.decodeUnknownEffect(Schema.Tuple([Schema.Struct({ total: Schema.Int })]))

const make = Effect.gen(function* () {
  const { sql } = yield* Database
  const columns = sql.literal(
    `id, kind, message, subject, correlation_id as "correlationId", at, acknowledged_by as "acknowledgedBy"`
  )
  const one = Effect.fnUntraced(function* (statement: Effect.Effect<ReadonlyArray<unknown>, SqlError.SqlError>) {
    const rows = yield* Effect.flatMap(Effect.orDie(statement), decodeRows)
    return rows[0]
  }, Effect.orDie)

  const record: Notifications["Service"]["record"] = Effect.fn("Notifications.record")(function* (notification) {
    const context = yield* EventContext
    const at = yield* now
    const correlationId = notification.correlationId ?? context?.correlationId ?? ""
    const stored = yield* one(sql`
      insert into notifications (kind, message, subject, correlation_id, at)
      values (${notification.kind}, ${storable(notification.message)}, ${notification.subject}, ${correlationId}, ${at})
      returning ${columns}`)
    return stored ?? (yield* Effect.die("a notification was not stored"))
  })

  const list: Notifications["Service"]["list"] = Effect.fn("Notifications.list")(function* (filter, page) {
    const where = sql.and([
      ...(filter.kind === undefined ? [] : [sql`kind = ${filter.kind}`]),
      ...(filter.acknowledged === undefined ? [] : [sql`(acknowledged_by is not null) = ${filter.acknowledged}`])
    ])
    const [{ total }] = yield* Effect.flatMap(
      sql`select count(*)::int as total from notifications where ${where}`,
      decodeTotal
    )
    const data = yield* Effect.flatMap(
      sql`
        select ${columns} from notifications where ${where}
        order by id desc limit ${page.limit} offset ${(page.page - 1) * page.limit}`,
      decodeRows
    )
    return { data, total }
  }, Effect.orDie)

  const acknowledge: Notifications["Service"]["acknowledge"] = Effect.fn("Notifications.acknowledge")(
    function* (id, actor) {
      const stored = yield* one(sql`
        update notifications set acknowledged_by = coalesce(acknowledged_by, ${actor}) where id = ${id}
        returning ${columns}`)
      return stored ?? (yield* new NotificationNotFound({ id }))
    }
  )

  const acknowledgeAbout: Notifications["Service"]["acknowledgeAbout"] = Effect.fn("Notifications.acknowledgeAbout")(
    (subject, kinds, actor) =>
      Effect.asVoid(
        Effect.orDie(sql`
          update notifications set acknowledged_by = ${actor}
          where acknowledged_by is null and subject = ${subject} and kind = any(${kinds}::text[])`)
      )
  )

  return Notifications.of({ record, list, acknowledge, acknowledgeAbout })
})

const longestMessage = 4000

/** Text that PostgreSQL takes, whatever an outside system put into it. */
const storable = (message: string): string => {
  const characters = Array.from(message.toWellFormed().replaceAll("\0", "\\0"))
  return characters.length <= longestMessage
    ? characters.join("")
    : `${characters.slice(0, longestMessage - 1).join("")}…`
}
