import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { NotificationId } from "../../../src/domain/Notification.ts"
import { EventContext } from "../../../src/services/events/EventContext.ts"
import { Notifications } from "../../../src/services/orders/Notifications.ts"
import { Database } from "../../../src/services/storage/Database.ts"
import { describeDatabases } from "../../support/Databases.ts"

describeDatabases("Notifications", (database) => {
  const layer = Notifications.layer.pipe(Layer.provideMerge(database))

  it.effect("records, lists newest first, acknowledges once", () =>
    Effect.gen(function* () {
      const notifications = yield* Notifications
      const page = { page: 1, limit: 20 }
      const first = yield* notifications
        .record({ kind: "a-kind", message: "one", subject: "order:1" })
        .pipe(Effect.provideService(EventContext, { correlationId: "trace-1", causationId: null, source: "test" }))
      const second = yield* notifications.record({
        kind: "b-kind",
        message: "two",
        subject: "order:2",
        correlationId: "x"
      })
      assert.deepStrictEqual(first, {
        id: first.id,
        kind: "a-kind",
        message: "one",
        subject: "order:1",
        correlationId: "trace-1",
        at: "1970-01-01T00:00:00.000Z",
        acknowledgedBy: null
      })
      assert.deepStrictEqual(yield* notifications.list({}, page), { data: [second, first], total: 2 })
      assert.deepStrictEqual(yield* notifications.list({ kind: "a-kind" }, page), { data: [first], total: 1 })
      assert.deepStrictEqual(yield* notifications.list({}, { page: 2, limit: 1 }), { data: [first], total: 2 })

      const seen = yield* notifications.acknowledge(first.id, "Lee")
      assert.deepStrictEqual(seen, { ...first, acknowledgedBy: "Lee" })
      assert.deepStrictEqual(yield* notifications.acknowledge(first.id, "Park"), seen)
      assert.deepStrictEqual(yield* notifications.list({ acknowledged: false }, page), { data: [second], total: 1 })
      assert.deepStrictEqual(yield* notifications.list({ acknowledged: true }, page), { data: [seen], total: 1 })
      const unknown = yield* Effect.flip(notifications.acknowledge(NotificationId.make(999), "Lee"))
      assert.strictEqual(unknown._tag, "NotificationNotFound")
    }).pipe(Effect.provide(layer))
  )

  it.effect("takes any text, cut at 4000 characters", () =>
    Effect.gen(function* () {
      const notifications = yield* Notifications
      const record = (message: string) =>
        Effect.map(notifications.record({ kind: "a-kind", message, subject: "order:1" }), (stored) => stored.message)
      assert.strictEqual(yield* record("a\0b\ud800c"), "a\\0b\ufffdc")
      assert.strictEqual(yield* record("🂡".repeat(4000)), "🂡".repeat(4000))
      assert.strictEqual(yield* record("🂡".repeat(4001)), `${"🂡".repeat(3999)}…`)
    }).pipe(Effect.provide(layer))
  )

  it.effect("is gone when the transaction around it rolls back", () =>
    Effect.gen(function* () {
      const notifications = yield* Notifications
      const { transaction } = yield* Database
      yield* Effect.flip(
        transaction(
          Effect.andThen(
            notifications.record({ kind: "a-kind", message: "one", subject: "order:1" }),
            Effect.fail("no")
          )
        )
      )
      assert.strictEqual((yield* notifications.list({}, { page: 1, limit: 20 })).total, 0)
    }).pipe(Effect.provide(layer))
  )
})
