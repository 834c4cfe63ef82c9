/**
 * Every alert with its end, and the messages that tell of it, which are stored with it or not at all.
 *
 * At most one alert per kind and subject is open, also where several hubs share the database: `write` gives null to the one
 * that comes second, and only the first tells anybody. Alerts that are over are kept for 90 days.
 */
import { Array, Context, Effect, Layer, Schema } from "effect"
import {
  Alert,
  AlertDelivery,
  AlertKind,
  AlertMessage,
  type AlertWithDeliveries,
  type Notice
} from "../../domain/Alert.ts"
import { IdSource, now } from "../../domain/Ids.ts"
import type { Page, PageRequest } from "../../domain/Page.ts"
import { Database } from "../storage/Database.ts"
import { IsoFromDate } from "../storage/IsoFromDate.ts"

export class AlertLog extends Context.Service<
  AlertLog,
  {
    /** Null: the database has it already, by another hub. `targets`: who is to be told. */
    readonly write: (change: {
      readonly notice: Notice
      readonly kind: AlertKind
      readonly subject: string
      /** 0 for a recovery. */
      readonly level: 0 | 1 | 2
      readonly message: string
      readonly targets: ReadonlyArray<string>
    }) => Effect.Effect<Alert | null>
    readonly open: Effect.Effect<
      ReadonlyArray<{ readonly kind: AlertKind; readonly subject: string; readonly level: 1 | 2 }>
    >
    /** Newest first. */
    readonly list: (
      filter: { readonly kind?: AlertKind; readonly subject?: string; readonly open?: boolean },
      page: PageRequest
    ) => Effect.Effect<Page<AlertWithDeliveries>>
    /** Removes those that were over before that time (ISO-8601 UTC). */
    readonly prune: (before: string) => Effect.Effect<void>
  }
>()("hub/services/observability/AlertLog") {
  static readonly layer = Layer.effect(
    AlertLog,
    Effect.suspend(() => make)
  )
}

const AlertRow = Schema.Struct({
  ...Alert.fields,
  raisedAt: IsoFromDate,
  worsenedAt: Schema.NullOr(IsoFromDate),
  recoveredAt: Schema.NullOr(IsoFromDate)
})
const DeliveryRow = Schema.Struct({
  ...AlertDelivery.fields,
  alertId: Schema.Int,
  settledAt: Schema.NullOr(IsoFromDate)
})
const OpenRow = Schema.Struct({ kind: AlertKind, subject: Schema.String, level: Schema.Literals([1, 2]) })
const decodeAlerts = Schema.decodeUnknownEffect(Schema.Array(AlertRow))
const decodeDeliveries = Schema.decodeUnknownEffect(Schema.Array(DeliveryRow))
const decodeOpen = Schema.decodeUnknownEffect(Schema.Array(OpenRow))
const decodeTotal = Schema.decodeUnknownEffect(Schema.Tuple([Schema.Struct({ total: Schema.Int })]))
const encodeMessage = Schema.encodeEffect(Schema.fromJsonString(AlertMessage))

const make = Effect.gen(function* () {
  const { sql, transaction } = yield* Database
  const columns = sql.literal(`
    id, kind, subject, case level when 1 then 'warning' else 'critical' end as severity, message,
    raised_at as "raisedAt", worsened_at as "worsenedAt", recovered_at as "recoveredAt", recovery`)

  type Change = Parameters<AlertLog["Service"]["write"]>[0]

  const applied = ({ kind, level, message, notice, subject }: Change, at: string) => {
    switch (notice) {
      case "raised":
        return sql`
          insert into alerts (kind, subject, level, message, raised_at)
          values (${kind}, ${subject}, ${level}, ${message}, ${at}::timestamptz)
          on conflict (kind, subject) where recovered_at is null do nothing
          returning ${columns}`
      case "worsened":
        return sql`
          update alerts set level = ${level}, message = ${message}, worsened_at = ${at}::timestamptz
          where kind = ${kind} and subject = ${subject} and recovered_at is null and level < ${level}
          returning ${columns}`
      case "recovered":
        return sql`
          update alerts set recovered_at = greatest(raised_at, ${at}::timestamptz), recovery = ${message}
          where kind = ${kind} and subject = ${subject} and recovered_at is null
          returning ${columns}`
    }
  }

  const write = Effect.fn("AlertLog.write")(function* (change: Change) {
    const at = yield* now
    const cut = { ...change, message: change.message.slice(0, 1000) }
    return yield* transaction(
      Effect.gen(function* () {
        const [alert] = yield* Effect.flatMap(applied(cut, at), decodeAlerts)
        if (alert === undefined) return null
        const body = yield* encodeMessage({ type: `alert.${change.notice}`, timestamp: at, data: alert })
        const rows = yield* Effect.forEach(change.targets, (target) =>
          IdSource.use((source) =>
            Effect.map(source.ulid, (id) => ({ webhook_id: `msg_${id}`, alert_id: alert.id, target, body, due_at: at }))
          )
        )
        if (Array.isArrayNonEmpty(rows)) yield* sql`insert into alert_deliveries ${sql.insert(rows)}`
        return alert
      })
    )
  }, Effect.orDie)

  const list: AlertLog["Service"]["list"] = Effect.fn("AlertLog.list")(function* (filter, page) {
    const where = sql.and([
      ...(filter.kind === undefined ? [] : [sql`kind = ${filter.kind}`]),
      ...(filter.subject === undefined ? [] : [sql`subject = ${filter.subject}`]),
      ...(filter.open === undefined ? [] : [sql`(recovered_at is null) = ${filter.open}`])
    ])
    const [{ total }] = yield* Effect.flatMap(
      sql`select count(*)::int as total from alerts where ${where}`,
      decodeTotal
    )
    const alerts = yield* Effect.flatMap(
      sql`
        select ${columns} from alerts where ${where}
        order by id desc limit ${page.limit} offset ${(page.page - 1) * page.limit}`,
      decodeAlerts
    )
    const deliveries = yield* Effect.flatMap(
      sql`
        select webhook_id as id, alert_id as "alertId", target, status, attempts, last_error as "lastError",
          settled_at as "settledAt"
        from alert_deliveries where alert_id = any(${alerts.map(({ id }) => id)}::int[]) order by webhook_id`,
      decodeDeliveries
    )
    const data = alerts.map((alert) => ({
      ...alert,
      deliveries: deliveries
        .filter(({ alertId }) => alertId === alert.id)
        .map(({ alertId: _, ...delivery }) => delivery)
    }))
    return { data, total }
  }, Effect.orDie)

  return AlertLog.of({
    write,
    list,
    open: sql`select kind, subject, level::int as level from alerts where recovered_at is null order by id`.pipe(
      Effect.flatMap(decodeOpen),
      Effect.orDie
    ),
    prune: Effect.fn("AlertLog.prune")(function* (before) {
      yield* sql`delete from alerts where recovered_at < ${before}::timestamptz`
    }, Effect.orDie)
  })
})
