/** Configuration of data services at run time, over HTTP (provider integrations, section 3). */
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { embedded } from "../support/Databases.ts"
import * as Hub from "../support/TestHub.ts"

const send = Effect.fnUntraced(function* (method: string, path: string, options: Hub.Request = {}) {
  const { request } = yield* Hub.TestHub
  const reply = yield* request(method, `/api/v1/integrations${path}`, options)
  return { ...reply, json: Object(reply.body) }
})

layer(Hub.layer(embedded), { excludeTestServices: true, timeout: "60 seconds" })("Configuration", (it) => {
  it.effect("Property 35: PATCH /integrations/:name/config changes what the next request is answered from", () =>
    Effect.gen(function* () {
      const { request } = yield* Hub.TestHub
      const before = yield* send("GET", "/fx/config")
      assert.deepInclude(before.json, { integration: "fx", version: 0, overrides: {}, changedBy: null })
      assert.deepInclude(before.json.settings.operations.rates, { fresh: "86400000 millis", empty: "60000 millis" })

      const changed = yield* send("PATCH", "/fx/config", {
        body: { providers: { fx_primary: { enabled: false } }, operations: { rates: { fresh: "0 seconds" } } }
      })
      assert.strictEqual(changed.status, 200, changed.text)
      assert.deepInclude(changed.json, { version: 1, changedBy: "admin" })
      const rates = yield* request("GET", "/api/v1/providers/fx/rates?base=USD")
      assert.deepInclude(Object(rates.body), { cache: "MISS", source: "fx_secondary" })

      const versions = yield* send("GET", "/fx/config/versions")
      assert.deepInclude(versions.json.meta, { total: 1, page: 1 })
      assert.deepInclude(versions.json.data[0], { version: 1, restored: null })
      const diff = yield* send("GET", "/fx/config/versions/1/diff")
      assert.deepStrictEqual(diff.json, {
        integration: "fx",
        from: 0,
        to: 1,
        changes: [
          { path: "operations.rates.fresh", before: null, after: "0 seconds" },
          { path: "providers.fx_primary.enabled", before: null, after: false }
        ]
      })
      const restored = yield* send("POST", "/fx/config/rollback", { body: { version: 0 } })
      assert.strictEqual(restored.status, 200, restored.text)
      assert.deepInclude(restored.json, { version: 2, overrides: {} })
      const again = yield* request("GET", "/api/v1/providers/fx/rates?base=USD")
      assert.deepInclude(Object(again.body), { cache: "HIT", source: "fx_secondary" })
    })
  )

  it.effect("a secret that is set is told by name, version and time, and never shown", () =>
    Effect.gen(function* () {
      const body = { secrets: { fx_secondary: { key: "s3cret-canary" } } }
      const replies = [
        yield* send("PATCH", "/fx/config", { body }),
        yield* send("GET", "/fx/config"),
        yield* send("GET", "/fx/config/versions"),
        yield* send("GET", "/fx/config/versions/3/diff"),
        yield* send("PATCH", "/fx/config", { body: { secrets: { fx_secondary: { key: "canary\n" }, nobody: {} } } })
      ]
      assert.deepStrictEqual(
        replies.map(({ status }) => status),
        [200, 200, 200, 200, 400]
      )
      const [set, , , diff, refused] = replies.map(({ json }) => json)
      const state = set.secrets.find(({ name }: { readonly name: string }) => name === "fx_secondary.key")
      assert.deepInclude(state, { set: true, origin: "stored", version: 1, setBy: "admin", readable: true })
      assert.deepStrictEqual(diff.changes, [{ path: "secrets.fx_secondary.key", before: null, after: 1 }])
      assert.sameMembers(
        refused.errors.map(({ path }: { readonly path: string }) => path),
        ["secrets.fx_secondary.key", "secrets.nobody"]
      )
      assert.notInclude(JSON.stringify(replies), "canary")
    })
  )

  it.effect("Property 34: an invalid change is a 400 with every problem and its path", () =>
    Effect.gen(function* () {
      const reply = yield* send("PATCH", "/address/config", {
        body: {
          providers: { address_primary: { timeout: "soon" } },
          operations: { search: { fresh: "1 parsec" } },
          x: 1
        }
      })
      Hub.assertProblem(reply, "an invalid change")
      assert.strictEqual(reply.status, 400)
      assert.sameMembers(
        reply.json.errors.map(({ path }: { readonly path: string }) => path),
        ["providers.address_primary.timeout", "operations.search.fresh", "x"]
      )
      assert.strictEqual((yield* send("GET", "/address/config")).json.version, 0)
    })
  )

  it.effect(
    "GET and DELETE /integrations/:name/cache see and remove the integration's own answers, by key and by pattern",
    () =>
      Effect.gen(function* () {
        const { request } = yield* Hub.TestHub
        const ask = (q: string) =>
          Effect.map(
            request("GET", `/api/v1/providers/addresses?q=${encodeURIComponent(q)}`),
            ({ body }) => Object(body).cache
          )
        const keys = (query = "") =>
          Effect.map(send("GET", `/address/cache${query}`), ({ json }) =>
            json.data.map(({ key }: { readonly key: string }) => key)
          )
        yield* request("GET", "/api/v1/providers/fx/rates?base=USD")
        for (const q of ["alpha", "beta", "100%_*"]) assert.strictEqual(yield* ask(q), "MISS")
        const all = yield* keys()
        assert.strictEqual(all.length, 3)
        const listed = (yield* send("GET", "/address/cache")).json.data[0]
        assert.sameMembers(Object.keys(listed), ["key", "source", "fetchedAt", "ageSeconds", "empty"])
        assert.strictEqual((yield* keys("?limit=2")).length, 2)
        assert.deepStrictEqual(
          (yield* keys("?pattern=*alpha*")).map((key: string) => key.includes("alpha")),
          [true]
        )
        assert.isTrue(all.every((key: string) => key.startsWith("address:")))

        const alpha = all.find((key: string) => key.includes("alpha"))
        const one = yield* send("DELETE", `/address/cache?key=${encodeURIComponent(alpha)}`)
        assert.deepStrictEqual([one.status, one.json], [200, { removed: 1 }])
        assert.strictEqual(yield* ask("alpha"), "MISS")
        assert.strictEqual(yield* ask("beta"), "HIT")
        assert.deepStrictEqual((yield* send("DELETE", `/address/cache?pattern=*`)).json, { removed: 3 })
        assert.deepStrictEqual(yield* keys(), [])
        assert.isNotEmpty((yield* send("GET", "/fx/cache")).json.data, "another integration's answers stay")

        const refused = [
          yield* send("DELETE", "/address/cache"),
          yield* send("DELETE", "/address/cache?key=address:x&pattern=*"),
          yield* send("DELETE", "/address/cache?pattern=fx:*"),
          yield* send("DELETE", "/address/cache?key=*"),
          yield* send("GET", "/address/cache?limit=1001"),
          yield* send("GET", "/mes/cache"),
          yield* send("GET", "/address/cache", { key: null })
        ]
        for (const [index, reply] of refused.entries()) Hub.assertProblem(reply, String(index))
        assert.deepStrictEqual(
          refused.map(({ status }) => status),
          [400, 400, 400, 400, 400, 404, 401]
        )
      })
  )

  it.effect("who may not, what is not there, and what was changed meanwhile", () =>
    Effect.gen(function* () {
      const { request } = yield* Hub.TestHub
      const made = yield* request("POST", "/api/v1/api-keys", { body: { name: "core", scopes: ["core"] } })
      const { key } = Object(made.body)
      const cases = [
        yield* send("GET", "/fx/config", { key: null }),
        yield* send("PATCH", "/fx/config", { key, body: { enabled: false } }),
        yield* send("GET", "/mes/config"),
        yield* send("PATCH", "/nobody/config", { body: {} }),
        yield* send("GET", "/flights/config/versions/7/diff"),
        yield* send("POST", "/flights/config/rollback", { body: { version: 7 } }),
        yield* send("PATCH", "/flights/config?ifVersion=5", { body: { enabled: false } }),
        yield* send("PATCH", "/flights/config", { body: [] })
      ]
      for (const [index, reply] of cases.entries()) Hub.assertProblem(reply, String(index))
      assert.deepStrictEqual(
        cases.map(({ status }) => status),
        [401, 403, 404, 404, 404, 404, 409, 400]
      )
    })
  )
})
