/**
 * Bad input to every endpoint there is: requests made from its own schemas, right and spoilt, against a hub that holds
 * one of everything, and a corpus of hostile bodies and paths. Never a 5xx (but the 503 of a callback that comes too
 * early), always a problem document, and no row more or less after what was refused.
 */
import { assert, layer } from "@effect/vitest"
import { Arbitrary, Context, Effect, Layer, Predicate, Ref, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { embedded } from "../support/Databases.ts"
import { type Endpoint, endpoints, graft, spoil, target, wire } from "../support/Endpoints.ts"
import * as Hub from "../support/TestHub.ts"
import * as Webhook from "../support/Webhook.ts"

/** What the hub holds before it is tried: ids for paths and for fields of bodies. */
class Held extends Context.Service<
  Held,
  {
    /** The id in a path, by what stands before it. */
    readonly inPath: ReadonlyArray<readonly [before: string, id: string]>
    readonly inBody: Readonly<Record<string, unknown>>
  }
>()("test/http/BadInputEverywhere/Held") {}

const seed = Layer.effect(
  Held,
  Effect.gen(function* () {
    const { plantRefuses, request } = yield* Hub.TestHub
    const make = Effect.fnUntraced(function* (path: string, body: unknown) {
      const reply = yield* request("POST", `/api/v1${path}`, { body })
      assert.include([201, 202], reply.status, `${path} ${reply.text}`)
      return Schema.decodeUnknownSync(Made)(reply.body)
    })
    const product = yield* make("/products", { name: "Card", productType: "card", huniCode: "10001", sellingPrice: 1 })
    const option = yield* make("/options", { key: "paper", name: "Paper", optionClass: "material" })
    const choice = yield* make(`/options/${option.id}/choices`, { code: "matt", name: "Matt" })
    yield* request("PUT", `/api/v1/products/${product.id}/options`, { body: { choiceIds: [choice.id] } })
    const item = yield* make("/integration/mes/items", {
      itemCode: "001-0001",
      name: "Card",
      itemType: "finished",
      unit: "EA"
    })
    yield* Ref.set(plantRefuses, true)
    const order = yield* make("/orders", {
      source: "widget",
      customer: { name: "Kim" },
      items: [{ productId: product.id, quantity: 1, choiceIds: [choice.id] }],
      totalPrice: 1
    })
    const letter = yield* Effect.repeat(
      Effect.map(request("GET", "/api/v1/dead-letters"), ({ body }) => Schema.decodeUnknownSync(Letters)(body).data[0]),
      { until: (found) => found !== undefined }
    )
    yield* Ref.set(plantRefuses, false)
    const design = yield* make("/integration/edicus/designs", {
      productId: product.id,
      designData: {},
      editorSessionId: "session",
      edicusProjectId: "project"
    })
    const render = yield* make("/integration/edicus/render", { designId: design.designId })
    const key = yield* make("/api-keys", { name: "reader", scopes: ["core"] })
    const text = String
    return {
      inPath: [
        ["/products/", text(product.id)],
        ["/options/", text(option.id)],
        ["/choice-mappings/", text(choice.id)],
        ["/mes/mappings/", text(product.id)],
        ["/mes/items/", text(item.id)],
        ["/orders/", text(order.id)],
        ["/dead-letters/", text(letter?.id)],
        ["/designs/", text(design.designId)],
        ["/render/", text(render.renderJobId)],
        ["/api-keys/", text(key.id)],
        ["/notifications/", "1"],
        ["/integrations/", "mes"],
        ["/categories/", "1"]
      ],
      inBody: {
        productId: product.id,
        choiceIds: [choice.id],
        itemCode: "001-0001",
        designId: design.designId,
        adapter: "mes"
      }
    }
  })
)

const Id = Schema.optionalKey(Schema.Union([Schema.Int, Schema.String]))
const Made = Schema.Struct({ id: Id, designId: Id, renderJobId: Id })
const Letters = Schema.Struct({ data: Schema.Array(Schema.Struct({ id: Schema.String })) })

/** What the hub notes of its own work, behind the requests: calls that were made, how they went. */
const isNotedBehind = (table: string): boolean => /^(call_log|call_windows|integration_health)/.test(table)

/** How many rows each table has. */
const rows = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const tables = yield* sql`select table_name as name from information_schema.tables where table_schema = 'public'`
  const names = tables.map(({ name }) => String(name)).filter((name) => !isNotedBehind(name))
  const counts = names.map((name) => `select '${name}' as name, count(*)::int as rows from "${name}"`)
  const found = yield* sql.unsafe<Record<string, unknown>>(`${counts.join(" union all ")} order by 1`)
  return found.map(({ name, rows: count }) => `${name}: ${count}`)
})

/**
 * Asserts that what was refused left nothing: no table has a row more or less than `before`. What an earlier request has
 * set going may end just now, so the request is sent again then; one that stores something does so each time.
 */
const assertNothingStored = Effect.fnUntraced(function* (
  before: ReadonlyArray<string>,
  again: Effect.Effect<unknown, never, Hub.TestHub>,
  context: string
) {
  let counts = before
  let after = yield* rows
  for (let attempt = 0; attempt < 5 && after.join() !== counts.join(); attempt++) {
    yield* Effect.sleep("200 millis")
    counts = yield* rows
    yield* again
    after = yield* rows
  }
  assert.deepStrictEqual(after, counts, context)
})

/** As the endpoint's caller sends it: with a signature where that is its way in. */
const send = Effect.fnUntraced(function* (endpoint: Endpoint, path: string, body: unknown) {
  const { request } = yield* Hub.TestHub
  if (endpoint.webhookOf === null) return yield* request(endpoint.definition.method, path, { body })
  const bytes =
    body instanceof Uint8Array
      ? Buffer.from(body)
      : Buffer.from(typeof body === "string" ? body : JSON.stringify(body ?? null))
  return yield* request(endpoint.definition.method, path, { body: bytes, headers: Webhook.signed(bytes), key: null })
})

const pathWith = (endpoint: Endpoint, { inPath }: Held["Service"]) =>
  endpoint.definition.path.replaceAll(/(\/[\w-]+\/):\w+/g, (whole, before: string) => {
    const known = inPath.find(([place]) => place.endsWith(before) && endpoint.definition.path.includes(place))
    return known === undefined ? whole : `${before}${known[1]}`
  })

const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth)
const utf8 = (...bytes: ReadonlyArray<number>) =>
  Buffer.concat([Buffer.from(`{"name":"`), Buffer.from(bytes), Buffer.from(`"}`)])

/** Names of a query's parameters. */
const namesOf = (query: Schema.Top): ReadonlyArray<string> =>
  Predicate.hasProperty(query, "fields") && Predicate.isObject(query.fields) ? Object.keys(query.fields) : []

/** Bodies that no endpoint takes, whatever its schema. */
const refused: ReadonlyArray<readonly [what: string, body: unknown, status: number]> = [
  ["half an object", "{", 400],
  ["a bare word", "nul", 400],
  ["a trailing comma", `{"name":"A",}`, 400],
  ["a comment", `{/**/}`, 400],
  ["NaN", `{"name":NaN}`, 400],
  ["two values", `{} {}`, 400],
  ["a byte order mark inside", `{}\ufeff`, 400],
  ["a raw newline in a text", `{"name":"a\nb"}`, 400],
  ["a number", "12", 400],
  ["an array", "[]", 400],
  ["an array of itself", "[[{}]]", 400],
  ["a text", `"name"`, 400],
  ["true", "true", 400],
  ["an invalid byte", utf8(0xff), 400],
  ["an overlong slash", utf8(0xc0, 0xaf), 400],
  ["half a character", utf8(0xe2, 0x82), 400],
  ["a surrogate in UTF-8", utf8(0xed, 0xa0, 0x80), 400],
  ["beyond Unicode", utf8(0xf5, 0x80, 0x80, 0x80), 400],
  ["UTF-16", Buffer.from(`{"name":"A"}`, "utf16le"), 400],
  ["a raw NUL", utf8(0), 400],
  ["half a million levels", nested(500_000), 400],
  ["half a million open brackets", "[".repeat(500_000), 400],
  ["many keys deep", `{"a":`.repeat(100_000), 400],
  ["more than 1 MiB", `{"x":"${"a".repeat(1_048_576)}"}`, 413]
]

/** Fields that nobody knows, and that no body may have, however right the rest of it is. */
const refusedFields: ReadonlyArray<readonly [what: string, field: string]> = [
  ["an escaped NUL", `"x":["\\u0000"]`],
  ["an escaped NUL in a key", `"x\\u0000":1`],
  ["a high surrogate alone", `"x":"\\ud800"`],
  ["surrogates the wrong way round", `"x":{"y":"\\udc00\\ud800"}`],
  ["65 levels", `"x":${nested(64)}`],
  ["a number that is none", `"x":01`]
]

/** A right body with one field more. */
const withField = (schema: Schema.Top, seed: string, field: string) =>
  Effect.map(Arbitrary.sampleEffect(wire(schema), { count: 1, seed, maxDiscards: 20_000 }), ([value]) => {
    const text = JSON.stringify(value ?? {})
    return text === "{}" ? `{${field}}` : `{${field},${text.slice(1)}`
  })

/** What stands in a path instead of an id. */
const trickyIds = [
  "0",
  "-1",
  "1.0",
  "1e1",
  "0x1",
  "%201",
  "%EF%BC%91",
  "2147483648",
  "99999999999999999999",
  "9".repeat(5_000),
  "__proto__",
  "constructor",
  "%00",
  "%ff",
  "%zz",
  "%",
  "%c0%af",
  "%ed%a0%80",
  "..%2f..%2fhealth",
  "..%5c",
  "%2e%2e",
  "1'%20or%20'1'='1",
  "1;drop%20table%20orders",
  "ord_",
  "ord_01ARZ3NDEKTSV4RRFFQ69G5FAU",
  "%F0%9F%98%80"
]

/** What stands in a query instead of a value. Empty is no filter, and not here. */
const trickyValues = ["%00", "%ff", "%ed%a0%80", "%zz", "__proto__", "-1", "1e9", "%F0%9F%98%80", "a".repeat(5_000)]

const spoiling = Arbitrary.schema(
  Schema.Struct({
    at: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000 })),
    how: Schema.Literals(["keep", "keep", "drop", "replace", "text"]),
    isHeld: Schema.Boolean
  })
)

const hostileValues = [
  null,
  "",
  " ",
  "\u0000",
  "\ud800",
  "__proto__",
  "../../etc/passwd",
  "' or 1=1 --",
  "a".repeat(10_000),
  -1,
  0,
  1.5,
  2_147_483_648,
  Number.MAX_SAFE_INTEGER,
  1e308,
  [],
  {},
  Array.from({ length: 1_001 }, () => 1)
]

/** Any JSON, or one of the hostile values. */
const hostile = Arbitrary.map(
  Arbitrary.schema(
    Schema.Struct({
      json: Schema.Json,
      index: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 * hostileValues.length }))
    })
  ),
  ({ index, json }): unknown => (index < hostileValues.length ? hostileValues[index] : json)
)

layer(seed.pipe(Layer.provideMerge(Hub.layer(embedded))), { excludeTestServices: true, timeout: "120 seconds" })(
  "Bad input everywhere",
  (it) => {
    const nothing = Arbitrary.Constant(undefined)

    for (const endpoint of endpoints) {
      const { method, params, path, query } = endpoint.definition

      it.effect.prop(
        `${endpoint.name} answers whatever is sent to it`,
        {
          params: params === undefined ? nothing : wire(params),
          query: query === undefined ? nothing : wire(query),
          payload: endpoint.payload === undefined ? nothing : wire(endpoint.payload),
          spoiling,
          other: hostile
        },
        ({ other, params: ids, payload, query: search, spoiling: { at, how, isHeld } }) =>
          Effect.gen(function* () {
            const held = yield* Held
            const [p, q, b] = [0, 1, 2].map((slot) => (at % 3 === slot ? how : ("keep" as const)))
            const sent = target(
              isHeld ? pathWith(endpoint, held) : path,
              spoil(ids, p ?? "keep", at, other),
              spoil(search, q ?? "keep", at, other)
            )
            const body = spoil(isHeld ? graft(payload, held.inBody) : payload, b ?? "keep", at, other)
            const before = yield* rows
            const reply = yield* send(endpoint, sent, body)
            const context = `${method} ${sent.slice(0, 500)} ${JSON.stringify(body)?.slice(0, 500)}`
            if (reply.status < 400) return assert.isTrue(reply.status >= 200 && reply.status < 300, context)
            // A callback that comes too early is told to come again (specification, section 7).
            const isEarly = endpoint.webhookOf !== null && reply.status === 503
            if (isEarly) assert.isString(reply.headers["retry-after"], context)
            else Hub.assertProblem(reply, context)
            yield* assertNothingStored(before, send(endpoint, sent, body), context)
          }),
        // A schema with a check digit throws most of what is made for it away.
        { arbitrary: { runs: 30, maxDiscards: 20_000 } }
      )

      const { payload } = endpoint
      if (payload !== undefined) {
        it.effect(`${endpoint.name} refuses every hostile body, and stores nothing`, () =>
          Effect.gen(function* () {
            const sent = pathWith(endpoint, yield* Held).replaceAll(/:\w+/g, "1")
            const before = yield* rows
            for (const [what, body, status] of refused) {
              const reply = yield* send(endpoint, sent, body)
              Hub.assertProblem(reply, what)
              assert.strictEqual(reply.status, status, `${what}: ${reply.text.slice(0, 300)}`)
            }
            for (const [what, field] of refusedFields) {
              const body = yield* withField(payload, endpoint.name, field)
              const reply = yield* send(endpoint, sent, body)
              Hub.assertProblem(reply, what)
              assert.strictEqual(reply.status, 400, `${what}: ${reply.text.slice(0, 300)}`)
            }
            assert.deepStrictEqual(yield* rows, before)
            // Whether an endpoint takes these depends on what it needs; none of them may do more than that.
            for (const body of [`{"__proto__":{"name":"A","isAdmin":true}}`, `{"constructor":{"prototype":{"x":1}}}`]) {
              const reply = yield* send(endpoint, sent, body)
              if (reply.status >= 400) Hub.assertProblem(reply, body)
            }
            assert.isUndefined(Reflect.get({}, "isAdmin"))
            assert.isUndefined(Reflect.get({}, "x"))
          })
        )
      }

      if (/:\w/.test(path) || query !== undefined) {
        it.effect(`${endpoint.name} answers tricks in its path and query`, () =>
          Effect.gen(function* () {
            const before = yield* rows
            const tricks = /:\w/.test(path) ? trickyIds.map((id) => path.replaceAll(/:\w+/g, id)) : []
            const names = query === undefined ? [] : namesOf(query)
            const known = pathWith(endpoint, yield* Held)
            const searches = /:\w/.test(known)
              ? []
              : names.flatMap((name) => [
                  ...trickyValues.map((value) => `${known}?${name}=${value}`),
                  `${known}?${name}=1&${name}=2`,
                  `${known}?${name}[]=1`
                ])
            for (const sent of [...tricks, ...(method === "GET" ? searches : [])]) {
              const reply = yield* send(endpoint, sent, endpoint.payload === undefined ? undefined : {})
              if (reply.status >= 400) Hub.assertProblem(reply, sent.slice(0, 200))
              else assert.strictEqual(method, "GET", `${sent.slice(0, 200)} was taken`)
            }
            assert.deepStrictEqual(yield* rows, before)
          })
        )
      }
    }
  }
)
