import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Context, Duration, Effect, Layer, Schema, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { freshness, retryPolicies } from "../../../src/services/providers/ProviderPolicy.ts"
import type { ProviderServices } from "../../../src/services/providers/ProviderServices.ts"
import { RuntimeConfig } from "../../../src/services/providers/RuntimeConfig.ts"
import type { CircuitBreakers } from "../../../src/services/resilience/CircuitBreakers.ts"
import { Database } from "../../../src/services/storage/Database.ts"
import { describeDatabases, freshSchema, hasServer, serverIn } from "../../support/Databases.ts"
import * as Rig from "../../support/ProviderRig.ts"

const by = { by: "ops" }
const once = { retry: { ...retryPolicies.DEFAULT, retries: 0 } }

/** The integration `books` with two providers, and the configuration over it. */
const makeHub = Effect.gen(function* () {
  const shop = yield* Rig.makeStub("shop", once)
  const library = yield* Rig.makeStub("library", once)
  const call = yield* Rig.makeCall([shop, library])
  const config = Context.get(
    yield* Layer.build(RuntimeConfig.layer({ secretKeys: [], allowedHosts: [] })),
    RuntimeConfig
  )
  return { shop, library, call, config }
})

/** A hub that shares nothing with another but its database. */
const anotherHub = (database: Layer.Layer<Database>) => Layer.build(Layer.mergeAll(Layer.fresh(Rig.services), database))

const versionsOf = Effect.flatMap(Database, ({ sql }) =>
  Effect.orDie(sql`select integration, version from runtime_config_versions order by integration, version`)
)

describeDatabases("RuntimeConfig", (database) => {
  type Needs = CircuitBreakers | ProviderServices | Database | Scope.Scope
  const test = (name: string, body: Effect.Effect<void, unknown, Needs>) =>
    it.effect(name, () => Effect.provide(body, Layer.mergeAll(Layer.fresh(Rig.services), database)))

  test(
    "Property 35: a change is seen by the next call, without a restart",
    Effect.gen(function* () {
      const { call, config, library, shop } = yield* makeHub
      assert.strictEqual((yield* call.run({ title: "one" })).source, "shop")
      const changed = yield* config.change("books", { providers: { shop: { enabled: false } } }, by)
      assert.deepInclude(changed, { integration: "books", version: 1, changedBy: "ops", problems: [] })
      assert.strictEqual((yield* call.run({ title: "two" })).source, "library")

      yield* config.change("books", { enabled: false }, by)
      const refused = yield* Effect.flip(call.run({ title: "three" }))
      assert.deepInclude(refused, { _tag: "IntegrationUnavailable", tried: [] })
      assert.strictEqual((yield* call.run({ title: "one" })).cache, "HIT", "what is cached is still served")

      yield* config.change("books", { enabled: null, providers: { shop: { enabled: null } } }, by)
      assert.strictEqual((yield* call.run({ title: "three" })).source, "shop")
      assert.deepStrictEqual([shop.reached(), library.reached()], [2, 1])
    })
  )

  test(
    "Property 35: how long answers are kept, for answers that are there already too",
    Effect.gen(function* () {
      const { call, config } = yield* makeHub
      yield* call.run({ title: "one" })
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual((yield* call.run({ title: "one" })).cache, "HIT")
      yield* config.change("books", { operations: { search: { fresh: "1 minute" } } }, by)
      assert.strictEqual((yield* call.run({ title: "one" })).cache, "MISS")
      const { settings } = yield* config.get("books")
      assert.deepStrictEqual(settings.operations["search"], { ...freshness.companyRecord, fresh: Duration.minutes(1) })
    })
  )

  test(
    "Property 35: circuit and limiter keep their state, and the cache what it holds",
    Effect.gen(function* () {
      const { call, config, shop } = yield* makeHub
      yield* call.run({ title: "kept" })
      yield* shop.behave(Rig.serverError)
      yield* call.run({ title: "one" })
      yield* call.run({ title: "two" })
      const before = yield* shop.guard.limiter.state
      assert.deepStrictEqual([before.minute.limit, before.minute.remaining], [60, 57])

      yield* config.change(
        "books",
        { providers: { shop: { circuit: "FAST", limits: { perMinute: 100 }, timeout: "3 seconds" } } },
        by
      )
      assert.strictEqual((yield* shop.guard.breaker.snapshot).state, "CLOSED")
      const after = yield* shop.guard.limiter.state
      assert.deepStrictEqual([after.minute.limit, after.minute.remaining], [100, 57], "what was taken stays taken")
      assert.deepStrictEqual(shop.guard.policy().timeout, Duration.seconds(3))
      // The third failure in a row, of which two were before the change.
      yield* call.run({ title: "three" })
      assert.strictEqual((yield* shop.guard.breaker.snapshot).state, "OPEN")

      yield* config.change("books", { providers: { shop: { circuit: "CRITICAL" } } }, by)
      assert.strictEqual((yield* shop.guard.breaker.snapshot).state, "OPEN", "a change closes no circuit")
      assert.strictEqual((yield* call.run({ title: "kept" })).cache, "HIT")
    })
  )

  test(
    "an invalid change is refused whole, with every problem at once, and leaves nothing",
    Effect.gen(function* () {
      const { config, shop } = yield* makeHub
      const before = shop.guard.policy()
      const refused = yield* Effect.flip(
        config.change(
          "books",
          {
            enabled: false,
            providers: {
              shop: { timeout: "soon", limits: { perMinute: 0 }, surprise: 1 },
              nobody: { enabled: false },
              library: { circuit: "SOFT", timeout: "0 seconds" }
            },
            operations: { search: { fresh: "9 days", stale: "1 hour" }, other: {} },
            unknown: true
          },
          by
        )
      )
      if (refused._tag !== "InvalidConfigChange") return assert.fail(refused._tag)
      assert.includeMembers(
        refused.issues.map(({ path }) => path),
        [
          "providers.shop.timeout",
          "providers.shop.limits.perMinute",
          "providers.shop.surprise",
          "providers.nobody",
          "providers.library.circuit",
          "providers.library.timeout",
          "operations.search",
          "operations.other",
          "unknown"
        ]
      )
      assert.notInclude(JSON.stringify(refused.issues), "soon")
      assert.strictEqual(shop.guard.policy(), before)
      assert.deepStrictEqual(yield* versionsOf, [])
      assert.deepInclude(yield* config.get("books"), { version: 0, overrides: {}, changedBy: null, changedAt: null })
    })
  )

  test(
    "versions say who and when, can be compared and gone back to; a roll-back is a version too",
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.UTC(2026, 10, 21, 3))
      const { config, shop } = yield* makeHub
      const original = shop.guard.policy()
      yield* config.change("books", { providers: { shop: { timeout: "3 seconds" } } }, by)
      yield* TestClock.adjust("1 minute")
      yield* config.change(
        "books",
        { providers: { shop: { timeout: "4 seconds", retry: "AGGRESSIVE" } }, enabled: true },
        { by: "night shift" }
      )
      assert.deepStrictEqual(yield* config.diff("books", { from: 1, to: 2 }), {
        integration: "books",
        from: 1,
        to: 2,
        changes: [
          { path: "enabled", before: null, after: true },
          { path: "providers.shop.retry", before: null, after: "AGGRESSIVE" },
          { path: "providers.shop.timeout", before: "3 seconds", after: "4 seconds" }
        ]
      })
      yield* config.rollBack("books", 1, by)
      assert.deepStrictEqual(shop.guard.policy(), { ...original, timeout: Duration.seconds(3) })
      yield* config.rollBack("books", 0, by)
      assert.deepStrictEqual(shop.guard.policy(), original)

      const { data, total } = yield* config.versions("books", { page: 1, limit: 3 })
      assert.strictEqual(total, 4)
      assert.deepStrictEqual(
        data.map(({ changedAt, changedBy, restored, version }) => [version, changedBy, changedAt, restored]),
        [
          [4, "ops", "2026-11-21T03:01:00.000Z", 0],
          [3, "ops", "2026-11-21T03:01:00.000Z", 1],
          [2, "night shift", "2026-11-21T03:01:00.000Z", null]
        ]
      )
      assert.deepStrictEqual((yield* Effect.flip(config.rollBack("books", 9, by)))._tag, "UnknownConfigVersion")
      assert.deepStrictEqual(
        (yield* Effect.flip(config.diff("books", { from: 0, to: 9 })))._tag,
        "UnknownConfigVersion"
      )
    })
  )

  test(
    "what changes nothing makes no version; what was changed meanwhile is a conflict; an unknown name is unknown",
    Effect.gen(function* () {
      const { config } = yield* makeHub
      const patch = { providers: { shop: { timeout: "3 seconds" } } }
      assert.strictEqual((yield* config.change("books", patch, by)).version, 1)
      assert.strictEqual((yield* config.change("books", patch, by)).version, 1)
      assert.strictEqual((yield* config.change("books", {}, by)).version, 1)
      assert.strictEqual((yield* config.change("books", { providers: { shop: {} }, gone: null }, by)).version, 1)
      assert.strictEqual((yield* config.rollBack("books", 1, by)).version, 1)
      const conflict = yield* Effect.flip(config.change("books", { enabled: false }, { ...by, ifVersion: 0 }))
      assert.deepInclude(conflict, { _tag: "ConfigVersionConflict", expected: 0, found: 1 })
      assert.strictEqual((yield* config.change("books", { enabled: false }, { ...by, ifVersion: 1 })).version, 2)
      for (const name of ["nobody", "shop", "__proto__", "books.search", ""]) {
        assert.strictEqual((yield* Effect.flip(config.get(name)))._tag, "UnknownIntegration", name)
        assert.strictEqual((yield* Effect.flip(config.change(name, {}, by)))._tag, "UnknownIntegration", name)
      }
    })
  )

  test(
    "changes at once all land, each on the one before",
    Effect.gen(function* () {
      const { config, shop } = yield* makeHub
      const patches = [
        { timeout: "3 seconds" },
        { retry: "AGGRESSIVE" },
        { limits: { perHour: 77 } },
        { circuit: "CRITICAL" }
      ]
      yield* Effect.forEach(patches, (change) => config.change("books", { providers: { shop: change } }, by), {
        concurrency: "unbounded"
      })
      assert.deepInclude(yield* config.get("books"), {
        version: 4,
        overrides: { providers: { shop: Object.assign({}, ...patches) } }
      })
      assert.deepInclude(shop.guard.policy(), { circuit: "CRITICAL", retry: "AGGRESSIVE" })
      assert.strictEqual(shop.guard.policy().limits.perHour, 77)
    })
  )

  test(
    "another hub on the database follows within 15 seconds, and one that starts later begins with it",
    Effect.gen(function* () {
      const sameDatabase = Layer.succeed(Database, yield* Database)
      const { config } = yield* makeHub
      const other = yield* Effect.provide(makeHub, yield* anotherHub(sameDatabase))
      yield* config.change("books", { providers: { shop: { timeout: "3 seconds" } } }, by)
      yield* TestClock.adjust("15 seconds")
      yield* Effect.repeat(
        Effect.sync(() => other.shop.guard.policy().timeout),
        { until: (timeout) => Duration.toMillis(timeout) === 3000 }
      )
      const late = yield* Effect.provide(makeHub, yield* anotherHub(sameDatabase))
      assert.deepStrictEqual(late.shop.guard.policy().timeout, Duration.seconds(3))
    })
  )

  test(
    "a stored version that does not fit changes nothing, says why, and can be changed away",
    Effect.gen(function* () {
      const { sql } = yield* Database
      yield* sql`insert into runtime_configs values ('books', 1), ('gone', 1)`
      yield* sql`
        insert into runtime_config_versions (integration, version, overrides, changed_by, changed_at)
        values ('books', 1, '{"providers":{"closed":{"enabled":false},"shop":{"timeout":"3 seconds"}}}', 'x', now()),
          ('gone', 1, '{}', 'x', now())`
      const { config, shop } = yield* makeHub
      assert.deepStrictEqual(shop.guard.policy().timeout, Duration.seconds(10))
      const { problems, version } = yield* config.get("books")
      assert.strictEqual(version, 1)
      assert.deepStrictEqual(
        problems.map(({ path }) => path),
        ["providers.closed"]
      )
      const refused = yield* Effect.flip(config.change("books", { enabled: true }, by))
      assert.strictEqual(refused._tag, "InvalidConfigChange")
      const mended = yield* config.change("books", { providers: { closed: null } }, by)
      assert.deepStrictEqual([mended.version, mended.problems], [2, []])
      assert.deepStrictEqual(shop.guard.policy().timeout, Duration.seconds(3))
    })
  )

  test(
    "Property 34: whatever is sent is either in force as it is shown, or refused with reasons and without a trace",
    Effect.gen(function* () {
      const { config, shop } = yield* makeHub
      const objects = yield* Arbitrary.sampleEffect(Arbitrary.schema(Schema.JsonObject), { count: 40 })
      const patches = objects.flatMap((object): ReadonlyArray<Schema.JsonObject> => [
        object,
        { providers: { shop: { ...object, enabled: false } } },
        { providers: { shop: { limits: object } } },
        { operations: { search: object } }
      ])
      let before = yield* config.get("books")
      for (const patch of [...patches, { enabled: false }, { providers: { shop: { limits: { perMinute: 1 } } } }]) {
        const exit = yield* Effect.result(config.change("books", patch, by))
        const after = yield* config.get("books")
        if (exit._tag === "Failure") {
          if (exit.failure._tag !== "InvalidConfigChange") return assert.fail(exit.failure._tag)
          assert.isNotEmpty(exit.failure.issues)
          assert.deepStrictEqual(after, before)
        } else {
          assert.deepStrictEqual(after, exit.success)
          assert.isEmpty(after.problems)
        }
        const { enabled, providers } = after.settings
        const shown = providers["shop"]
        assert.deepStrictEqual(
          { ...shop.guard.policy(), baseUrl: null },
          shown && { ...shown, enabled: enabled && shown.enabled }
        )
        before = after
      }
      assert.isFalse(before.settings.enabled)
      assert.strictEqual(shop.guard.policy().limits.perMinute, 1)
    })
  )
})

describe.skipIf(!hasServer)("RuntimeConfig of two hubs on one server", () => {
  it.live("a change by one is in force at the other at once", () =>
    Effect.gen(function* () {
      const schema = yield* freshSchema
      const { config } = yield* Effect.provide(makeHub, yield* anotherHub(serverIn(schema)))
      const other = yield* Effect.provide(makeHub, yield* anotherHub(serverIn(schema)))
      yield* config.change("books", { providers: { shop: { timeout: "3 seconds" } } }, by)
      yield* Effect.repeat(
        Effect.sync(() => other.shop.guard.policy().timeout),
        { until: (timeout) => Duration.toMillis(timeout) === 3000 }
      ).pipe(Effect.timeout("5 seconds"))
      assert.deepInclude(yield* other.config.get("books"), { version: 1, changedBy: "ops" })
    })
  )
})
