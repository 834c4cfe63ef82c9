/**
 * Bad input, over the wire, case by case: what exactly is refused, how, and what is taken all the same. Every endpoint
 * against whatever may come is in BadInputEverywhere.
 */
import { assert, layer } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { embedded } from "../support/Databases.ts"
import * as Hub from "../support/TestHub.ts"

layer(Hub.layer(embedded), { excludeTestServices: true, timeout: "60 seconds" })("Bad input", (it) => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth)
  const utf8 = (...bytes: ReadonlyArray<number>) =>
    Buffer.concat([Buffer.from(`{"name":"`), Buffer.from(bytes), Buffer.from(`","productType":"card"}`)])

  const bodies: ReadonlyArray<readonly [what: string, body: unknown, status: number]> = [
    ["no body", "", 400],
    ["half an object", "{", 400],
    ["a bare word", "nul", 400],
    ["an open string", `"abc`, 400],
    ["a trailing comma", `{"name":"A",}`, 400],
    ["single quotes", `{'name':'A'}`, 400],
    ["NaN", `{"name":NaN}`, 400],
    ["two values", `{} {}`, 400],
    ["a raw newline in a text", `{"name":"a\nb","productType":"card"}`, 400],
    ["null", "null", 400],
    ["a number", "12", 400],
    ["an array", "[]", 400],
    ["a text", `"name"`, 400],
    ["an invalid byte", utf8(0xff), 400],
    ["an overlong slash", utf8(0xc0, 0xaf), 400],
    ["half a character", utf8(0xe2, 0x82), 400],
    ["a surrogate in UTF-8", utf8(0xed, 0xa0, 0x80), 400],
    ["beyond Unicode", utf8(0xf5, 0x80, 0x80, 0x80), 400],
    ["a raw NUL", utf8(0), 400],
    ["an escaped NUL", `{"name":"a\\u0000b","productType":"card"}`, 400],
    ["an escaped NUL in a field nobody knows", `{"name":"A","productType":"card","x":["\\u0000"]}`, 400],
    ["an escaped NUL in a key", `{"name":"A","productType":"card","x\\u0000":1}`, 400],
    ["a high surrogate alone", `{"name":"\\ud800","productType":"card"}`, 400],
    ["a low surrogate alone", `{"name":"\\udc00","productType":"card"}`, 400],
    ["surrogates the wrong way round", `{"name":"\\udc00\\ud800","productType":"card"}`, 400],
    ["an escaped backslash before u0000", `{"name":"\\\\u0000","productType":"card"}`, 201],
    ["a surrogate pair", `{"name":"\\ud83d\\ude00","productType":"card"}`, 201],
    ["65 levels", `{"name":"A","productType":"card","x":${nested(64)}}`, 400],
    ["64 levels", `{"name":"A","productType":"card","x":${nested(63)}}`, 201],
    ["brackets in a text", `{"name":"${"[".repeat(100)}","productType":"card"}`, 201],
    ["half a million levels", nested(500_000), 400],
    ["half a million open brackets", "[".repeat(1_000_000), 400],
    ["half a million keys deep", `{"a":`.repeat(200_000), 400],
    ["900 kB of name", `{"name":"${"a".repeat(900_000)}","productType":"card"}`, 400],
    ["more than 1 MiB", `{"name":"${"a".repeat(1_048_576)}","productType":"card"}`, 413],
    ["more than 2 MiB", Buffer.alloc(2_200_000, "a"), 413],
    ["a number that is infinite", `{"name":"A","productType":"card","sellingPrice":1e999}`, 400],
    ["a fraction", `{"name":"A","productType":"card","sellingPrice":1.5}`, 400],
    ["more than an integer holds", `{"name":"A","productType":"card","sellingPrice":9007199254740993}`, 400],
    ["2^31", `{"name":"A","productType":"card","sellingPrice":2147483648}`, 400],
    ["a negative price", `{"name":"A","productType":"card","sellingPrice":-1}`, 400],
    ["minus zero", `{"name":"A","productType":"card","sellingPrice":-0}`, 201],
    ["a number as text", `{"name":"A","productType":"card","sellingPrice":"1"}`, 400],
    ["a text as number", `{"name":1,"productType":"card"}`, 400],
    ["blank", `{"name":" \\t ","productType":"card"}`, 400],
    ["only a prototype", `{"__proto__":{"name":"A","productType":"card"}}`, 400],
    ["a constructor", `{"name":"A","productType":"card","constructor":{"prototype":{"x":1}}}`, 201]
  ]

  const rows = Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const tables = yield* sql`select table_name as name from information_schema.tables where table_schema = 'public'`
    const counts = yield* Effect.forEach(tables, ({ name }) =>
      Effect.map(sql`select count(*)::int as rows from ${sql(String(name))}`, ([row]) => [name, row?.["rows"]] as const)
    )
    return Object.fromEntries(counts)
  })

  for (const [what, body, status] of bodies) {
    it.effect(`a body with ${what} is a ${status}`, () =>
      Effect.gen(function* () {
        const { request } = yield* Hub.TestHub
        const before = yield* rows
        const reply = yield* request("POST", "/api/v1/products", { body })
        assert.strictEqual(reply.status, status, reply.text.slice(0, 300))
        if (status < 400) return
        Hub.assertProblem(reply, what)
        assert.deepStrictEqual(yield* rows, before)
      })
    )
  }

  it.effect("every problem of a body is named at once, by its path", () =>
    Effect.gen(function* () {
      const { request } = yield* Hub.TestHub
      const reply = yield* request("POST", "/api/v1/orders", {
        body: { source: "shop", customer: { name: "" }, items: [{ productId: 0, choiceIds: [1, "2"] }], totalPrice: -1 }
      })
      const paths = decodeErrors(reply.body).errors.map(({ path }) => path)
      for (const path of [
        "source",
        "customer.name",
        "items[0].productId",
        "items[0].quantity",
        "items[0].choiceIds[1]",
        "totalPrice"
      ]) {
        assert.include(paths, path)
      }
    })
  )

  it.effect("AC-API-004 missing fields are named by their paths", () =>
    Effect.gen(function* () {
      const { request } = yield* Hub.TestHub
      const required: ReadonlyArray<readonly [string, string, ReadonlyArray<string>]> = [
        ["POST", "/products", ["name", "productType"]],
        ["PUT", "/products/1/price", ["sellingPrice"]],
        ["PUT", "/products/1/options", ["choiceIds"]],
        ["POST", "/orders", ["customer", "items", "source", "totalPrice"]],
        ["PATCH", "/orders/ord_01ARZ3NDEKTSV4RRFFQ69G5FAV/status", ["status"]],
        ["POST", "/options", ["key", "name", "optionClass"]],
        ["POST", "/options/1/choices", ["code", "name"]],
        ["POST", "/integration/mes/items", ["itemCode", "itemType", "name", "unit"]],
        ["PUT", "/integration/mes/mappings/1", ["itemCode"]],
        ["PUT", "/integration/mes/choice-mappings/1", ["mesCode"]],
        ["POST", "/events", ["data", "id", "source", "specversion", "type"]],
        ["POST", "/integrations/mes/circuit", ["action"]],
        ["POST", "/dead-letters/replay", ["filter"]],
        ["POST", "/dead-letters/discard", ["filter"]],
        ["POST", "/api-keys", ["name", "scopes"]],
        ["POST", "/catalog/import", ["files"]]
      ]
      for (const [method, path, missing] of required) {
        const reply = yield* request(method, `/api/v1${path}`, { body: {} })
        Hub.assertProblem(reply, path)
        assert.strictEqual(reply.status, 400, path)
        assert.deepStrictEqual(
          decodeErrors(reply.body)
            .errors.map((error) => error.path)
            .sort(),
          missing,
          path
        )
      }
    })
  )

  it.effect("of duplicate keys the last counts; unknown fields and __proto__ are ignored", () =>
    Effect.gen(function* () {
      const { request } = yield* Hub.TestHub
      const reply = yield* request("POST", "/api/v1/products", {
        body: `{"name":"First","name":"Last","productType":"card","isActive":false,"shopbyId":7,"__proto__":{"sellingPrice":5}}`
      })
      assert.strictEqual(reply.status, 201)
      assert.deepInclude(reply.body, { name: "Last", isActive: true, shopbyId: null, sellingPrice: null })
    })
  )

  it.effect("the content type must be JSON in UTF-8", () =>
    Effect.gen(function* () {
      const { request } = yield* Hub.TestHub
      const body = { name: "A", productType: "card" }
      const refused = [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application/json; charset=utf-16",
        "application/jsonx",
        "*/*",
        "application/cloudevents+json"
      ]
      for (const type of refused) {
        const reply = yield* request("POST", "/api/v1/products", { body, headers: { "content-type": type } })
        Hub.assertProblem(reply, type)
        assert.strictEqual(reply.status, 415, type)
      }
      for (const type of [
        "application/json",
        "APPLICATION/JSON",
        `application/json; charset="utf-8"`,
        "application/json;charset=UTF-8"
      ]) {
        const reply = yield* request("POST", "/api/v1/products", { body, headers: { "content-type": type } })
        assert.strictEqual(reply.status, 201, type)
      }
    })
  )

  const targets: ReadonlyArray<readonly [method: string, path: string, status: number]> = [
    ["GET", "/api/v1/products/0", 400],
    ["GET", "/api/v1/products/-1", 400],
    ["GET", "/api/v1/products/1.0", 400],
    ["GET", "/api/v1/products/1e1", 400],
    ["GET", "/api/v1/products/0x1", 400],
    ["GET", "/api/v1/products/+1", 400],
    ["GET", "/api/v1/products/%201", 400],
    ["GET", "/api/v1/products/%EF%BC%91", 400],
    ["GET", "/api/v1/products/2147483648", 400],
    ["GET", "/api/v1/products/99999999999999999999", 400],
    ["GET", "/api/v1/products/__proto__", 400],
    ["GET", `/api/v1/products/${"9".repeat(7_000)}`, 400],
    ["GET", "/api/v1/products/2147483647", 404],
    ["GET", "/api/v1/products/1;x", 400],
    ["GET", "/api/v1/products;x=1", 400],
    ["GET", "/api/v1/products/1#x", 400],
    ["GET", "/api/v1/products/1%3bx", 400],
    ["GET", "/api/v1/products/%00", 400],
    ["GET", "/api/v1/products/%zz", 400],
    ["GET", "/api/v1/products/%", 400],
    ["GET", "/api/v1/products/%c0%af", 400],
    ["GET", "/api/v1/products/%ed%a0%80", 400],
    ["GET", "/api/v1/products?q=%ff", 400],
    ["GET", "/api/v1/products?q=%00", 400],
    ["GET", "/api/v1/products/..%2f..%2fhealth", 400],
    ["GET", "/api/v1/../v1/products", 404],
    ["GET", "/api/v1/./products", 404],
    ["GET", "/api/v1/products/1/..", 404],
    ["GET", "/API/v1/products", 404],
    ["GET", "/api/v2/products", 404],
    ["GET", "/", 404],
    ["GET", "/.env", 404],
    ["GET", "/api/v1/orders/ord_", 400],
    ["GET", "/api/v1/orders/ord_01ARZ3NDEKTSV4RRFFQ69G5FAU", 400],
    ["GET", "/api/v1/orders/ord_01ARZ3NDEKTSV4RRFFQ69G5FAV", 404],
    ["GET", "/api/v1/orders/ord_01arz3ndektsv4rrffq69g5fav", 400],
    ["GET", "/api/v1/orders/1'%20or%20'1'='1", 400],
    ["GET", "/api/v1/dead-letters/nothing", 400],
    ["GET", "/api/v1/dead-letters/01a1fc0b-d090-76fe-91cc-df8d36286e58", 404],
    ["GET", "/api/v1/integrations/nobody", 404],
    ["GET", "/api/v1/products?page=0", 400],
    ["GET", "/api/v1/products?page=-1", 400],
    ["GET", "/api/v1/products?page=1.5", 400],
    ["GET", "/api/v1/products?page=", 400],
    ["GET", "/api/v1/products?page=99999999999", 400],
    ["GET", "/api/v1/products?limit=0", 400],
    ["GET", "/api/v1/products?limit=101", 400],
    ["GET", "/api/v1/products?limit=ten", 400],
    ["GET", "/api/v1/products?page=1&page=2", 400],
    ["GET", "/api/v1/products?active=yes", 400],
    ["GET", "/api/v1/products?huniCode=1", 400],
    ["GET", "/api/v1/orders?status=LOST", 400],
    ["GET", "/api/v1/events?after=nowhere", 400],
    ["GET", "/api/v1/events/stream?after=nowhere", 400],
    ["GET", "/api/v1/events?limit=1000", 400],
    ["PUT", "/api/v1/products/1", 405],
    ["DELETE", "/health", 405],
    ["POST", "/docs", 405],
    ["OPTIONS", "/api/v1/products", 405],
    ["TRACE", "/api/v1/products", 405],
    ["PROPFIND", "/api/v1/products", 405],
    ["OPTIONS", "*", 404]
  ]

  for (const [method, path, status] of targets) {
    it.effect(`${method} ${path.slice(0, 60)} is a ${status}`, () =>
      Effect.gen(function* () {
        const { request } = yield* Hub.TestHub
        const reply = yield* request(method, path)
        Hub.assertProblem(reply, path)
        assert.strictEqual(reply.status, status, reply.text)
        assert.strictEqual(reply.headers["allow"] !== undefined, status === 405)
      })
    )
  }

  it.effect("an empty filter is no filter; unknown query parameters are ignored", () =>
    Effect.gen(function* () {
      const { request } = yield* Hub.TestHub
      for (const query of ["?group=&type=&q=&active=", "?nobody=knows&__proto__=x", "?q=%25_%5C"]) {
        assert.strictEqual((yield* request("GET", `/api/v1/integration/mes/items${query}`)).status, 200, query)
      }
    })
  )

  it.effect("a body that does not say how long it is, is cut off at 1 MiB too", () =>
    Effect.gen(function* () {
      const { port } = yield* Hub.TestHub
      const chunk = `10000\r\n${"a".repeat(0x10000)}\r\n`
      const head = `POST /api/v1/products HTTP/1.1\r\nhost: x\r\nx-api-key: ${Hub.adminKey}\r\nconnection: close\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n`
      const answer = yield* Hub.raw(port, `${head}${chunk.repeat(17)}0\r\n\r\n`)
      assert.match(answer, /^HTTP\/1.1 413 /)
      assert.include(answer, "urn:hub:problem:payload-too-large")
    })
  )

  it.effect("what Node itself refuses is a problem document too", () =>
    Effect.gen(function* () {
      const { port } = yield* Hub.TestHub
      const long = `GET / HTTP/1.1\r\nhost: x\r\nx-long: ${"a".repeat(20_000)}\r\n\r\n`
      for (const [raw, status] of [
        ["GARBAGE\r\n\r\n", 400],
        ["FOO / HTTP/1.1\r\n\r\n", 400],
        [long, 431]
      ] as const) {
        const answer = yield* Hub.raw(port, raw)
        assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `), raw.slice(0, 40))
        assert.match(answer, /content-type: application\/problem\+json/i)
        assert.match(answer, /x-correlation-id: [0-9a-f-]{36}/i)
        assert.include(answer, `"status":${status}`)
      }
      const expecting = "GET /health HTTP/1.1\r\nhost: x\r\nexpect: the-unexpected\r\nconnection: close\r\n\r\n"
      assert.match(yield* Hub.raw(port, expecting), /^HTTP\/1.1 200 /)
    })
  )
})

const decodeErrors = Schema.decodeUnknownSync(
  Schema.Struct({
    errors: Schema.Array(Schema.Struct({ path: Schema.String, message: Schema.String }))
  })
)
