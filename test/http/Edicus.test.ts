/** Endpoints 11 to 16 (specification, section 9). How a render gets done is tested with the adapter. */
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { CatalogImport } from "../../src/services/catalog/CatalogImport.ts"
import { RenderQueue } from "../../src/services/designs/RenderQueue.ts"
import { Database } from "../../src/services/storage/Database.ts"
import { demoFiles } from "../support/catalog/Demo.ts"
import { describeDatabases } from "../support/Databases.ts"
import { at, numberAt, stringAt } from "../support/Shop.ts"
import * as Hub from "../support/TestHub.ts"

const iso = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/

/** Calls under /api/v1/integration/edicus, and asserts the status. */
const call = Effect.fnUntraced(function* (
  method: string,
  path: string,
  status: number,
  body?: unknown,
  options: Hub.Request = {}
) {
  const { request } = yield* Hub.TestHub
  const reply = yield* request(method, `/api/v1/integration/edicus${path}`, {
    ...options,
    ...(body === undefined ? {} : { body })
  })
  assert.strictEqual(reply.status, status, `${method} ${path} → ${reply.text}`)
  if (status >= 400) Hub.assertProblem(reply, `${method} ${path}`)
  return reply.body
})

const unknownDesign = "des_00000000000000000000000000"
const unknownJob = "rnd_00000000000000000000000000"

const poster = Effect.gen(function* () {
  const { request } = yield* Hub.TestHub
  const reply = yield* request("GET", "/api/v1/products?huniCode=50001")
  return numberAt(reply.body, "data", 0, "id")
})

const design = (more: object = {}) =>
  Effect.flatMap(poster, (productId) =>
    call("POST", "/designs", 201, {
      productId,
      designData: { pages: [{ text: "가나다" }] },
      editorSessionId: "session-1",
      edicusProjectId: "project-1",
      ...more
    })
  )

const imported = Layer.effectDiscard(CatalogImport.use((catalog) => catalog.importFiles({ files: demoFiles })))

describeDatabases("Edicus endpoints", (database) =>
  layer(imported.pipe(Layer.provideMerge(Hub.layer(database))), { excludeTestServices: true, timeout: "60 seconds" })(
    (it) => {
      it.effect("AC-API-001 AC-EDICUS-002 endpoint 11: editor products, page by page", () =>
        Effect.gen(function* () {
          const product = {
            productId: yield* poster,
            huniCode: "50001",
            name: "Poster",
            edicusCode: "HU_50001",
            editorType: "edicus",
            templateId: "t-1",
            isActive: true
          }
          assert.deepStrictEqual(yield* call("GET", "/products", 200), {
            data: [product],
            meta: { page: 1, limit: 20, total: 1, totalPages: 1 }
          })
          assert.deepStrictEqual(yield* call("GET", "/products?page=2&limit=1", 200), {
            data: [],
            meta: { page: 2, limit: 1, total: 1, totalPages: 1 }
          })
          for (const query of ["page=0", "limit=101", "limit=x"]) yield* call("GET", `/products?${query}`, 400)
        })
      )

      it.effect("AC-API-001 AC-EDICUS-001 AC-EDICUS-007 endpoint 12: what the editor is opened with", () =>
        Effect.gen(function* () {
          const id = yield* poster
          const body = yield* call("GET", `/products/${id}/config`, 200)
          assert.deepStrictEqual(Object.keys(Object(body)).sort(), [
            "edicusCode",
            "editorType",
            "productId",
            "sizes",
            "templateConfig",
            "templateId"
          ])
          assert.deepInclude(body, {
            productId: id,
            edicusCode: "HU_50001",
            editorType: "edicus",
            templateId: "t-1",
            templateConfig: { pages: [1] }
          })
          assert.deepStrictEqual(at(body, "sizes", 0), {
            code: "A2",
            displayName: "420 x 594 mm",
            cutWidth: 420,
            cutHeight: 594,
            workWidth: 424.5,
            workHeight: 598.5,
            bleed: 2.25,
            custom: null
          })
          assert.deepStrictEqual(at(body, "sizes", 2, "custom"), {
            minWidth: 100,
            maxWidth: 900,
            minHeight: 100,
            maxHeight: 1500.5
          })
          // Unknown; without an editor mapping; no id at all.
          yield* call("GET", "/products/2000000000/config", 404)
          yield* call("GET", `/products/${id + 1}/config`, 404)
          for (const bad of ["x", "0", "-1", "2147483648", "1e3"]) yield* call("GET", `/products/${bad}/config`, 400)
        })
      )

      it.effect(
        "AC-API-002 AC-EDICUS-003 AC-EDICUS-004 endpoints 13 and 14: a design is saved and read back whole",
        () =>
          Effect.gen(function* () {
            const productId = yield* poster
            const designData = {
              pages: [{ text: "가나다 🎨", at: [0.5, -1, null, true] }],
              "": {},
              nested: { a: { b: [] } }
            }
            const created = yield* call("POST", "/designs", 201, {
              productId,
              designData,
              editorSessionId: "session-1",
              edicusProjectId: "-Nx_7",
              ignored: 1
            })
            const { createdAt, designId, ...rest } = Object(created)
            assert.deepStrictEqual(rest, { productId })
            assert.match(designId, /^des_[0-9A-HJKMNP-TV-Z]{26}$/)
            assert.match(createdAt, iso)
            assert.deepStrictEqual(yield* call("GET", `/designs/${designId}`, 200), {
              designId,
              productId,
              designData,
              editorSessionId: "session-1",
              edicusProjectId: "-Nx_7",
              renderedFileUrl: null,
              createdAt,
              updatedAt: createdAt
            })
            const bare = yield* design({ edicusProjectId: null })
            assert.isNull(at(yield* call("GET", `/designs/${stringAt(bare, "designId")}`, 200), "edicusProjectId"))
            yield* call("GET", `/designs/${unknownDesign}`, 404)
            yield* call("GET", "/designs/des_1", 400)
          })
      )

      it.effect("AC-API-004 endpoint 13: everything that is wrong, with its path; an unknown product is a 404", () =>
        Effect.gen(function* () {
          const paths = (body: unknown) =>
            Effect.map(call("POST", "/designs", 400, body), (problem) =>
              Object(problem)
                .errors.map((issue: { readonly path: string }) => issue.path)
                .sort()
            )
          assert.deepStrictEqual(yield* paths({}), ["designData", "editorSessionId", "productId"])
          assert.deepStrictEqual(
            yield* paths({ productId: 0, designData: [], editorSessionId: " ", edicusProjectId: "../x" }),
            ["designData", "edicusProjectId", "editorSessionId", "productId"]
          )
          yield* paths(`{"productId":1,"editorSessionId":"s","designData":{"a":"\\u0000"}}`)
          yield* paths(`{"productId":1,"editorSessionId":"s","designData":{"a":"\\ud800"}}`)
          yield* paths(`{"productId":1,"editorSessionId":"s","designData":${`{"a":`.repeat(70)}1${"}".repeat(70)}}`)
          yield* paths(`{"productId":1,"editorSessionId":"s","designData":{"a":1e999}}`)
          yield* call("POST", "/designs", 404, { productId: 2_000_000_000, designData: {}, editorSessionId: "s" })
          yield* call("POST", "/designs", 413, {
            productId: 1,
            designData: { a: "x".repeat(1024 * 1024) },
            editorSessionId: "s"
          })
        })
      )

      it.effect("a design of nearly a mebibyte is kept whole", () =>
        Effect.gen(function* () {
          const designData = { pages: Array.from({ length: 20 }, (_, page) => ({ page, text: "가".repeat(17_000) })) }
          const created = yield* design({ designData })
          const body = yield* call("GET", `/designs/${stringAt(created, "designId")}`, 200)
          assert.deepStrictEqual(at(body, "designData"), designData)
        })
      )

      it.effect(
        "what a name means to JavaScript changes nothing: __proto__, constructor, toString in design data",
        () =>
          Effect.gen(function* () {
            const productId = yield* poster
            const created = yield* call(
              "POST",
              "/designs",
              201,
              `{"productId":${productId},"editorSessionId":"s","designData":{"__proto__":{"x":1},"constructor":2,"toString":[3]}}`
            )
            const body = yield* call("GET", `/designs/${stringAt(created, "designId")}`, 200)
            const data = Object(at(body, "designData"))
            assert.strictEqual(data.constructor, 2)
            assert.deepStrictEqual(data.toString, [3])
            assert.isUndefined(data.x)
          })
      )

      it.effect(
        "AC-API-003 AC-EDICUS-005 AC-EDICUS-006 endpoints 15 and 16: a render is queued, and told of until it ends",
        () =>
          Effect.gen(function* () {
            const designId = stringAt(yield* design(), "designId")
            const queued = yield* call("POST", "/render", 202, { designId })
            const renderJobId = stringAt(queued, "renderJobId")
            assert.match(renderJobId, /^rnd_[0-9A-HJKMNP-TV-Z]{26}$/)
            assert.deepStrictEqual(queued, { renderJobId, designId, status: "queued" })
            const state = call("GET", `/render/${renderJobId}/status`, 200)
            const first = yield* state
            const { createdAt } = Object(first)
            assert.match(createdAt, iso)
            const job = {
              renderJobId,
              designId,
              status: "queued",
              outputFormat: "pdf",
              quality: "print",
              renderedFileUrl: null,
              error: null,
              createdAt,
              completedAt: null
            }
            assert.deepStrictEqual(first, job)

            // As the worker would.
            const queue = yield* RenderQueue
            const claim = Effect.map(queue.claim({ mode: "sandbox", limit: 1, leaseMillis: 1000 }), ([claimed]) => {
              assert(claimed !== undefined)
              return claimed
            })
            const claimed = yield* claim
            assert.deepStrictEqual(yield* state, { ...job, status: "processing" })
            const url = "https://files.example.com/1.pdf"
            yield* queue.complete(claimed, url)
            const { completedAt, ...done } = Object(yield* state)
            assert.match(completedAt, iso)
            assert.deepStrictEqual(
              { ...done, completedAt: null },
              { ...job, status: "completed", renderedFileUrl: url }
            )
            assert.strictEqual(at(yield* call("GET", `/designs/${designId}`, 200), "renderedFileUrl"), url)

            const second = yield* call("POST", "/render", 202, { designId, outputFormat: "png", quality: "preview" })
            yield* queue.fail(yield* claim, "Edicus said no")
            assert.deepInclude(yield* call("GET", `/render/${stringAt(second, "renderJobId")}/status`, 200), {
              status: "failed",
              outputFormat: "png",
              quality: "preview",
              renderedFileUrl: null,
              error: "Edicus said no"
            })
          })
      )

      it.effect("endpoint 15: no render of an unknown design, of one without a project, or of an unknown kind", () =>
        Effect.gen(function* () {
          const { sql } = yield* Database
          const designId = stringAt(yield* design({ edicusProjectId: null }), "designId")
          assert.deepInclude(yield* call("POST", "/render", 404, { designId: unknownDesign }), {
            type: "urn:hub:problem:not-found"
          })
          assert.deepInclude(yield* call("POST", "/render", 409, { designId }), { type: "urn:hub:problem:conflict" })
          for (const body of [
            {},
            { designId: "des_1" },
            { designId, outputFormat: "gif" },
            { designId, quality: "best" }
          ]) {
            yield* call("POST", "/render", 400, body)
          }
          assert.deepStrictEqual(yield* sql`select id from render_jobs where design_id = ${designId}`, [])
          yield* call("GET", `/render/${unknownJob}/status`, 404)
          yield* call("GET", "/render/rnd_1/status", 400)
        })
      )

      it.effect("AC-API-007 the same request under the same Idempotency-Key makes one design and one job", () =>
        Effect.gen(function* () {
          const { sql } = yield* Database
          const productId = yield* poster
          const body = { productId, designData: {}, editorSessionId: "once", edicusProjectId: "project-9" }
          const keyed = (key: string): Hub.Request => ({ headers: { "idempotency-key": key } })
          const first = yield* call("POST", "/designs", 201, body, keyed("design-1"))
          assert.deepStrictEqual(yield* call("POST", "/designs", 201, body, keyed("design-1")), first)
          yield* call("POST", "/designs", 422, { ...body, editorSessionId: "twice" }, keyed("design-1"))
          const render = { designId: stringAt(first, "designId") }
          const job = yield* call("POST", "/render", 202, render, keyed("render-1"))
          assert.deepStrictEqual(yield* call("POST", "/render", 202, render, keyed("render-1")), job)
          assert.strictEqual((yield* sql`select id from designs where editor_session_id = 'once'`).length, 1)
          assert.strictEqual((yield* sql`select id from render_jobs where design_id = ${render.designId}`).length, 1)
        })
      )

      it.effect("AC-API-008 asks for a key with the scope edicus", () =>
        Effect.gen(function* () {
          const { request } = yield* Hub.TestHub
          const keyFor = Effect.fnUntraced(function* (scope: string) {
            const reply = yield* request("POST", "/api/v1/api-keys", { body: { name: scope, scopes: [scope] } })
            return stringAt(reply.body, "key")
          })
          yield* call("GET", "/products", 401, undefined, { key: null })
          yield* call("GET", "/products", 403, undefined, { key: yield* keyFor("mes") })
          const key = yield* keyFor("edicus")
          yield* call("GET", "/products", 200, undefined, { key })
          yield* call("POST", "/render", 404, { designId: unknownDesign }, { key })
        })
      )

      it.effect("an order may name a design, if there is one", () =>
        Effect.gen(function* () {
          const { request } = yield* Hub.TestHub
          const productId = yield* poster
          const designId = stringAt(yield* design(), "designId")
          const order = (ids: ReadonlyArray<string>) =>
            request("POST", "/api/v1/orders", {
              body: {
                source: "widget",
                customer: { name: "Kim" },
                items: ids.map((id) => ({ productId, quantity: 1, choiceIds: [], designId: id })),
                totalPrice: 9000
              }
            })
          assert.strictEqual((yield* order([designId, designId])).status, 201)
          const refused = yield* order([designId, unknownDesign])
          assert.strictEqual(refused.status, 400)
          assert.deepStrictEqual(at(refused.body, "errors"), [{ path: "items[1].designId", message: "no such design" }])
        })
      )

      it.effect("a job goes under the correlation id of its request", () =>
        Effect.gen(function* () {
          const { sql } = yield* Database
          const designId = stringAt(yield* design(), "designId")
          yield* call("POST", "/render", 202, { designId }, { headers: { "x-correlation-id": "trace-123" } })
          assert.deepStrictEqual(
            yield* sql`select correlation_id as "correlationId" from render_jobs where design_id = ${designId}`,
            [{ correlationId: "trace-123" }]
          )
        })
      )
    }
  )
)
