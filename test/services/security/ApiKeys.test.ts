import { assert, it } from "@effect/vitest"
import { DateTime, Effect, Layer, Option, Redacted, Scope } from "effect"
import { TestClock } from "effect/testing"
import { ApiKeyId, type ApiKeyCreate } from "../../../src/domain/ApiKey.ts"
import { ApiKeys } from "../../../src/services/security/ApiKeys.ts"
import { Database } from "../../../src/services/storage/Database.ts"
import { describeDatabases } from "../../support/Databases.ts"

/** Before anything is built: what repeats would have 56 years to catch up with. */
const november = Layer.effectDiscard(TestClock.setTime(Date.UTC(2026, 10, 1)))

const core: ApiKeyCreate = { name: "widget", scopes: ["core"] }

const accepted = Effect.fnUntraced(function* (key: Redacted.Redacted | string) {
  const keys = yield* ApiKeys
  const found = yield* keys.authenticate(typeof key === "string" ? key : Redacted.value(key))
  return Option.match(found, { onNone: () => "refused", onSome: ({ name }) => name })
})

describeDatabases("ApiKeys", (database) => {
  const withKeys = (adminKey: string | null = null) =>
    ApiKeys.layer({ adminKey: adminKey === null ? null : Redacted.make(adminKey) }).pipe(
      Layer.provideMerge(database),
      Layer.provide(november)
    )

  it.effect("AC-API-008 a key is accepted for what it is, and nothing near it", () =>
    Effect.gen(function* () {
      const keys = yield* ApiKeys
      const { apiKey, key } = yield* keys.create({ name: "widget", scopes: ["core", "mes", "core"] })
      const plain = Redacted.value(key)
      const found = Option.getOrThrow(yield* keys.authenticate(plain))
      assert.deepStrictEqual([found.id, found.name, found.scopes], [apiKey.id, "widget", ["core", "mes"]])
      const last = plain.at(-1) === "A" ? "B" : "A"
      for (const near of [
        "",
        plain.slice(0, -1),
        `${plain}A`,
        plain.slice(0, -1) + last,
        plain.toUpperCase(),
        apiKey.id
      ]) {
        assert.strictEqual(yield* accepted(near), "refused", near)
      }
    }).pipe(Effect.provide(withKeys()))
  )

  it.effect("stores no key, only its hash", () =>
    Effect.gen(function* () {
      const { sql } = yield* Database
      const { key } = yield* (yield* ApiKeys).create(core)
      const rows = yield* sql`select k::text as row from api_keys k`
      const secret = Redacted.value(key).slice("hub_".length + 27)
      assert.strictEqual(secret.length, 43)
      assert.notInclude(JSON.stringify(rows), secret)
    }).pipe(Effect.provide(withKeys()))
  )

  it.effect("AC-API-008 a key ends at its expiry, whatever its zone", () =>
    Effect.gen(function* () {
      const { apiKey, key } = yield* (yield* ApiKeys).create({ ...core, expiresAt: "2026-11-01T10:00:00+09:00" })
      assert.strictEqual(apiKey.expiresAt, "2026-11-01T01:00:00.000Z")
      yield* TestClock.setTime(Date.UTC(2026, 10, 1, 1) - 1)
      assert.strictEqual(yield* accepted(key), "widget")
      yield* TestClock.setTime(Date.UTC(2026, 10, 1, 1))
      assert.strictEqual(yield* accepted(key), "refused")
    }).pipe(Effect.provide(withKeys()))
  )

  it.effect("AC-API-008 a revocation counts at once; revoking again changes nothing", () =>
    Effect.gen(function* () {
      const keys = yield* ApiKeys
      const { apiKey, key } = yield* keys.create(core)
      const revoked = yield* keys.revoke(apiKey.id)
      assert.strictEqual(yield* accepted(key), "refused")
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* keys.revoke(apiKey.id), revoked)
      const unknown = ApiKeyId.make("key_01ARZ3NDEKTSV4RRFFQ69G5FAV")
      assert.strictEqual((yield* Effect.flip(keys.revoke(unknown)))._tag, "ApiKeyNotFound")
    }).pipe(Effect.provide(withKeys()))
  )

  it.effect("a key made or revoked in a transaction that rolls back was never made or revoked", () =>
    Effect.gen(function* () {
      const keys = yield* ApiKeys
      const { transaction } = yield* Database
      const before = yield* keys.create(core)
      let made: Redacted.Redacted | undefined
      yield* Effect.exit(
        transaction(
          Effect.gen(function* () {
            made = (yield* keys.create({ ...core, name: "never" })).key
            return yield* Effect.fail("rolled back")
          })
        )
      )
      assert.isDefined(made)
      if (made !== undefined) assert.strictEqual(yield* accepted(made), "refused")
      assert.strictEqual((yield* keys.list({ page: 1, limit: 10 })).total, 1)
      assert.strictEqual(yield* accepted(before.key), "widget")
    }).pipe(Effect.provide(withKeys()))
  )

  it.effect("another process hears of a revocation within the refresh interval", () =>
    Effect.gen(function* () {
      const here = yield* ApiKeys
      const { apiKey, key } = yield* here.create(core)
      const there = yield* Effect.map(Layer.build(Layer.fresh(ApiKeys.layer({ adminKey: null }))), (context) => context)
      assert.strictEqual(yield* Effect.provide(accepted(key), there), "widget")
      yield* here.revoke(apiKey.id)
      yield* TestClock.adjust("15 seconds")
      yield* (yield* Database).sql`select 1`
      const settled = Effect.gen(function* () {
        while ((yield* Effect.provide(accepted(key), there)) !== "refused") yield* Effect.yieldNow
      })
      yield* settled
    }).pipe(Effect.provide(withKeys()))
  )

  it.effect("HUB_ADMIN_KEY is accepted while it is set, and makes no other admin key", () =>
    Effect.gen(function* () {
      const keys = yield* ApiKeys
      const found = Option.getOrThrow(yield* keys.authenticate("a-very-secret-admin-key"))
      assert.deepStrictEqual([found.name, found.scopes], ["admin", ["admin"]])
      assert.isTrue(Option.isNone(yield* keys.ensureAdmin))
      assert.strictEqual((yield* keys.list({ page: 1, limit: 10 })).total, 0)
    }).pipe(Effect.provide(withKeys("a-very-secret-admin-key")))
  )

  it.effect("the first start makes one admin key, shown once; two first starts make one", () =>
    Effect.gen(function* () {
      const keys = yield* ApiKeys
      const made = yield* Effect.all([keys.ensureAdmin, keys.ensureAdmin], { concurrency: "unbounded" })
      const shown = made.flatMap(Option.toArray)
      assert.strictEqual(shown.length, 1)
      if (shown[0] !== undefined) assert.strictEqual(yield* accepted(shown[0]), "admin")
      const { data } = yield* keys.list({ page: 1, limit: 10 })
      assert.deepStrictEqual(
        data.map(({ scopes }) => scopes),
        [["admin"]]
      )
      yield* Effect.forEach(data, ({ id }) => keys.revoke(id))
      assert.isTrue(Option.isNone(yield* keys.ensureAdmin), "not even when it was revoked")
    }).pipe(Effect.provide(withKeys()))
  )

  it.effect("last use is seen at once here, and stored when the process ends", () =>
    Effect.gen(function* () {
      const { sql } = yield* Database
      const at = DateTime.formatIso(yield* DateTime.now)
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(Layer.fresh(ApiKeys.layer({ adminKey: null })), scope)
      yield* Effect.gen(function* () {
        const keys = yield* ApiKeys
        const { key } = yield* keys.create(core)
        yield* keys.authenticate(Redacted.value(key))
        assert.deepStrictEqual(
          (yield* keys.list({ page: 1, limit: 10 })).data.map((row) => row.lastUsedAt),
          [at]
        )
        assert.deepStrictEqual(yield* sql`select last_used_at as used from api_keys`, [{ used: null }])
      }).pipe(Effect.provide(context))
      yield* Scope.close(scope, yield* Effect.exit(Effect.void))
      assert.deepStrictEqual(yield* sql`select last_used_at as used from api_keys`, [{ used: new Date(at) }])
    }).pipe(Effect.provide(Layer.provideMerge(november, database)))
  )

  it.effect("lists pages in the order of creation", () =>
    Effect.gen(function* () {
      const keys = yield* ApiKeys
      for (const name of ["a", "b", "c"]) {
        yield* keys.create({ ...core, name })
        yield* TestClock.adjust("1 second")
      }
      const second = yield* keys.list({ page: 2, limit: 2 })
      assert.deepStrictEqual([second.data.map(({ name }) => name), second.total], [["c"], 3])
      assert.deepStrictEqual((yield* keys.list({ page: 3, limit: 2 })).data, [])
    }).pipe(Effect.provide(withKeys()))
  )
})
