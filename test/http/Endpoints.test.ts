/** What each endpoint answers when all is well: status and body (specification, section 9). */
import { assert, layer } from "@effect/vitest"
import { Effect, Ref } from "effect"
import { EventLog } from "../../src/services/events/EventLog.ts"
import { embedded } from "../support/Databases.ts"
import * as Hub from "../support/TestHub.ts"

const iso = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** A value inside a JSON body; undefined when there is none. */
const at = (body: unknown, ...path: ReadonlyArray<string | number>): unknown =>
  path.reduce<unknown>(
    (value, step) => (typeof value === "object" && value !== null ? Reflect.get(value, step) : undefined),
    body
  )

/** Calls under /api/v1, and asserts the status. */
const call = Effect.fnUntraced(function* (
  method: string,
  path: string,
  status: number,
  body?: unknown,
  options: Hub.Request = {}
) {
  const { request } = yield* Hub.TestHub
  const reply = yield* request(method, `/api/v1${path}`, { ...options, ...(body === undefined ? {} : { body }) })
  assert.strictEqual(reply.status, status, `${method} ${path} → ${reply.text}`)
  assert.match(reply.headers["x-correlation-id"] ?? "", /./)
  if (status !== 204) assert.match(reply.headers["content-type"] ?? "", /^application\/(problem\+)?json$/)
  return reply.body
})

let counter = 0
/** A product that offers one verified paper, mapped to an item of its own. */
const shop = Effect.gen(function* () {
  const n = String(10_000 + counter++)
  const product = yield* call("POST", "/products", 201, { name: `Card ${n}`, huniCode: n, productType: "card" })
  const productId = at(product, "id")
  const option = yield* call("POST", "/options", 201, { key: `paper${n}`, name: "Paper", optionClass: "material" })
  const choice = yield* call("POST", `/options/${at(option, "id")}/choices`, 201, { code: "art", name: "Art paper" })
  const choiceId = at(choice, "id")
  const itemCode = `${n.slice(2)}-1${n.slice(2)}`
  yield* call("POST", "/integration/mes/items", 201, { itemCode, name: "Card", itemType: "finished", unit: "EA" })
  yield* call("PUT", `/integration/mes/mappings/${productId}`, 200, { itemCode })
  yield* call("PUT", `/products/${productId}/options`, 200, { choiceIds: [choiceId] })
  return { productId, choiceId, itemCode, optionId: at(option, "id"), n }
})

const verify = (choiceId: unknown) =>
  Effect.andThen(
    call("PUT", `/integration/mes/choice-mappings/${choiceId}`, 200, { mesCode: "M-1" }),
    call("POST", `/integration/mes/choice-mappings/${choiceId}/verify`, 200)
  )

const order = (
  { choiceId, productId }: { readonly choiceId: unknown; readonly productId: unknown },
  more: object = {}
) => ({
  source: "widget",
  customer: { name: "Kim", email: "kim@example.com" },
  items: [{ productId, quantity: 3, choiceIds: [choiceId] }],
  totalPrice: 12_000,
  ...more
})

layer(Hub.layer(embedded), { excludeTestServices: true, timeout: "60 seconds" })("Endpoints", (it) => {
  it.effect("AC-API-001 products", () =>
    Effect.gen(function* () {
      const created = yield* call("POST", "/products", 201, {
        name: "Photo card",
        huniCode: "90001",
        productType: "card",
        sellingPrice: 900,
        minQty: 10,
        qtyStep: 10
      })
      const { createdAt, id, updatedAt, ...rest } = Object(created)
      assert.deepStrictEqual(rest, {
        huniCode: "90001",
        edicusCode: "HU_90001",
        name: "Photo card",
        slug: "photo-card-90001",
        productType: "card",
        categoryCode: null,
        pricingModel: null,
        orderMethod: "upload",
        editorEnabled: false,
        sellingPrice: 900,
        minQty: 10,
        maxQty: null,
        qtyStep: 10,
        shopbyId: null,
        isActive: true
      })
      assert.match(createdAt, iso)
      assert.strictEqual(createdAt, updatedAt)
      assert.deepStrictEqual(yield* call("GET", `/products/${id}`, 200), created)
      assert.deepStrictEqual(yield* call("GET", "/products?huniCode=90001&active=true", 200), {
        data: [created],
        meta: { page: 1, limit: 20, total: 1, totalPages: 1 }
      })
      assert.deepInclude(yield* call("PATCH", `/products/${id}`, 200, { name: "Photo", isActive: false }), {
        name: "Photo",
        isActive: true
      })
      assert.deepInclude(yield* call("PUT", `/products/${id}/price`, 200, { sellingPrice: null }), {
        sellingPrice: null
      })
      assert.deepInclude(yield* call("POST", `/products/${id}/deactivate`, 200), { isActive: false })
      assert.deepInclude(yield* call("POST", `/products/${id}/activate`, 200), { isActive: true })
      assert.deepStrictEqual(yield* call("GET", `/products/${id}/options`, 200), { data: [] })
      assert.deepInclude(
        yield* call("POST", "/products", 409, { name: "Other", huniCode: "90001", productType: "card" }),
        {
          type: "urn:hub:problem:conflict"
        }
      )
      yield* call("GET", "/products/2000000000", 404)
    })
  )

  it.effect("AC-API-001 options and what a product offers", () =>
    Effect.gen(function* () {
      const { choiceId, n, optionId, productId } = yield* shop
      const mapping = { status: "pending", type: "material", mesCode: null }
      const choice = { code: "art", name: "Art paper", mapping }
      const option = { key: `paper${n}`, name: "Paper", optionClass: "material" }
      assert.deepStrictEqual(yield* call("GET", `/products/${productId}/options`, 200), {
        data: [{ optionId, ...option, choices: [{ choiceId, ...choice }] }]
      })
      const all = yield* call("GET", "/options?limit=100", 200)
      assert.deepInclude(Object(all).data, {
        id: optionId,
        ...option,
        part: null,
        choices: [{ id: choiceId, ...choice }]
      })
      yield* call("PUT", `/products/${productId}/options`, 400, { choiceIds: [2_000_000_000] })
      yield* call("POST", "/options/2000000000/choices", 404, { code: "x", name: "x" })
      yield* call("POST", "/options", 409, option)
      yield* call("POST", "/options", 400, { ...option, optionClass: "colour" })
    })
  )

  it.effect("AC-API-001 orders, from creation to cancellation", () =>
    Effect.gen(function* () {
      const it = yield* shop
      const created = yield* call("POST", "/orders", 201, order(it, { paid: false, memo: "quick" }), {
        headers: { "x-correlation-id": "trace-1" }
      })
      const { createdAt, history, id, items, updatedAt, ...rest } = Object(created)
      assert.deepStrictEqual(rest, {
        source: "widget",
        status: "PENDING",
        externalOrderId: null,
        customer: { name: "Kim", email: "kim@example.com" },
        totalPrice: 12_000,
        correlationId: "trace-1",
        needsAttention: false,
        reasons: [],
        blockedChoiceIds: [],
        trackingNumber: null,
        carrier: null
      })
      assert.match(id, /^ord_[0-9A-Z]{26}$/)
      assert.match(createdAt, iso)
      assert.strictEqual(updatedAt, createdAt)
      assert.deepStrictEqual(
        items.map(({ id: _, ...item }: { readonly id: number }) => item),
        [{ productId: it.productId, quantity: 3, choiceIds: [it.choiceId], jobs: [] }]
      )
      assert.deepStrictEqual(history, [{ from: null, to: "PENDING", actor: "admin", reason: null, at: createdAt }])
      assert.deepStrictEqual(yield* call("GET", `/orders/${id}`, 200), created)
      const listed = yield* call("GET", "/orders?status=PENDING&source=widget&needsAttention=false", 200)
      assert.deepStrictEqual(at(listed, "data", 0), created)
      assert.deepStrictEqual(yield* call("PATCH", `/orders/${id}/status`, 200, { status: "CONFIRMED" }), {
        orderId: id,
        previousStatus: "PENDING",
        status: "CONFIRMED",
        changed: true
      })
      assert.deepInclude(yield* call("PATCH", `/orders/${id}/status`, 200, { status: "CONFIRMED" }), { changed: false })
      assert.deepInclude(yield* call("PATCH", `/orders/${id}/status`, 409, { status: "SHIPPED" }), {
        type: "urn:hub:problem:invalid-state-transition",
        from: "CONFIRMED",
        to: "SHIPPED"
      })
      assert.deepInclude(
        yield* call("PATCH", `/orders/${id}/status`, 200, { status: "CANCELLED", reason: "by phone" }),
        {
          status: "CANCELLED"
        }
      )
      assert.deepInclude(at(yield* call("GET", `/orders/${id}`, 200), "history", 2), {
        reason: "by phone",
        actor: "admin"
      })
      yield* call("GET", "/orders/ord_01ARZ3NDEKTSV4RRFFQ69G5FAV", 404)
      const other = yield* call("POST", "/orders", 400, order({ ...it, choiceId: 2_000_000_000 }))
      assert.strictEqual(at(other, "errors", 0, "path"), "items[0].choiceIds[0]")
    })
  )

  it.effect("AC-API-002 endpoints 6, 7 and 8: items, their options, mappings", () =>
    Effect.gen(function* () {
      const { choiceId, itemCode, n, productId } = yield* shop
      const found = yield* call("GET", `/integration/mes/items?q=${itemCode}&type=finished&active=true`, 200)
      const id = at(found, "data", 0, "id")
      const item = { id, itemCode, groupCode: null, name: "Card", abbreviation: null, itemType: "finished", unit: "EA" }
      assert.deepStrictEqual(found, {
        data: [{ ...item, isActive: true }],
        meta: { page: 1, limit: 20, total: 1, totalPages: 1 }
      })
      assert.deepStrictEqual(yield* call("GET", `/integration/mes/items/${id}/options`, 200), { data: [] })
      yield* call("GET", "/integration/mes/items/2000000000/options", 404)
      const mapping = { productId, productName: `Card ${n}`, mesItemId: id, itemCode, coverType: null }
      assert.deepStrictEqual(at(yield* call("GET", `/integration/mes/mappings?productId=${productId}`, 200), "data"), [
        { ...mapping, choices: { total: 1, verified: 0, mapped: 0, pending: 1 } }
      ])
      yield* verify(choiceId)
      assert.deepStrictEqual(
        at(yield* call("GET", `/integration/mes/mappings?productId=${productId}&status=verified`, 200), "data"),
        [{ ...mapping, choices: { total: 1, verified: 1, mapped: 0, pending: 0 } }]
      )
      assert.deepInclude(yield* call("PATCH", `/integration/mes/items/${id}`, 200, { isActive: false }), {
        isActive: false
      })
      yield* call("PATCH", "/integration/mes/items/2000000000", 404, {})
      yield* call("POST", "/integration/mes/items", 409, { itemCode, name: "x", itemType: "finished", unit: "EA" })
      yield* call("PUT", `/integration/mes/mappings/${productId}`, 400, { itemCode: "999-9999" })
    })
  )

  it.effect("AC-API-002 the mapping workflow; the actor is the key's name", () =>
    Effect.gen(function* () {
      const { choiceId, n } = yield* shop
      const path = `/integration/mes/choice-mappings/${choiceId}`
      assert.deepInclude(yield* call("POST", `${path}/verify`, 409), {
        type: "urn:hub:problem:invalid-state-transition"
      })
      const mapped = yield* call("PUT", path, 200, { mesCode: "M-7", mappedBy: "somebody else" })
      const { mappedAt, ...rest } = Object(mapped)
      assert.match(mappedAt, iso)
      assert.deepStrictEqual(rest, {
        choiceId,
        choiceCode: "art",
        choiceName: "Art paper",
        optionKey: `paper${n}`,
        optionName: "Paper",
        mappingType: "material",
        mappingStatus: "mapped",
        mesCode: "M-7",
        mesItemId: null,
        itemCode: null,
        mappedBy: "admin",
        verifiedBy: null,
        verifiedAt: null
      })
      assert.deepInclude(yield* call("POST", `${path}/verify`, 200), { mappingStatus: "verified", verifiedBy: "admin" })
      assert.deepInclude(yield* call("PUT", path, 200, { mesCode: "M-8" }), {
        mappingStatus: "mapped",
        verifiedBy: null
      })
      const list = yield* call("GET", "/integration/mes/choice-mappings?status=mapped&limit=100", 200)
      assert.isTrue(JSON.stringify(list).includes(`"choiceId":${choiceId},`))
      yield* call("PUT", "/integration/mes/choice-mappings/2000000000", 404, { mesCode: "x" })
    })
  )

  it.effect("AC-API-002 endpoint 9: a manual dispatch is accepted once it makes sense", () =>
    Effect.gen(function* () {
      const it = yield* shop
      const id = at(yield* call("POST", "/orders", 201, order(it)), "id")
      const path = `/integration/mes/orders/${id}/dispatch`
      assert.deepInclude(yield* call("POST", path, 409), {
        type: "urn:hub:problem:mapping-unverified",
        choiceIds: [it.choiceId],
        productIds: []
      })
      yield* verify(it.choiceId)
      const accepted = Object(yield* call("POST", path, 202, { memo: "now" }))
      assert.match(accepted.eventId, uuid)
      assert.deepStrictEqual({ ...accepted, eventId: "" }, { orderId: id, eventId: "", status: "accepted" })
      yield* call("POST", path, 202)
      const pending = at(yield* call("POST", "/orders", 201, order(it, { paid: false })), "id")
      assert.deepInclude(yield* call("POST", `/integration/mes/orders/${pending}/dispatch`, 409), {
        type: "urn:hub:problem:conflict"
      })
      yield* call("POST", "/integration/mes/orders/ord_01ARZ3NDEKTSV4RRFFQ69G5FAV/dispatch", 404)
    })
  )

  it.effect("AC-API-003 events in: CloudEvents of other modules, once per source and id", () =>
    Effect.gen(function* () {
      const { productId } = yield* shop
      const event = {
        specversion: "1.0",
        id: "q-1",
        source: "/quotes",
        type: "quote.calculated",
        time: "2026-11-01T00:00:00Z",
        correlationid: "trace-quote",
        data: { quoteId: "Q1", productId, totalPrice: 100, currency: "KRW" }
      }
      const accepted = yield* call("POST", "/events", 202, event)
      assert.match(String(at(accepted, "eventId")), uuid)
      const cloudEvents = { headers: { "content-type": "application/cloudevents+json; charset=utf-8" } }
      assert.deepStrictEqual(yield* call("POST", "/events", 202, event, cloudEvents), accepted)
      assert.notDeepEqual(yield* call("POST", "/events", 202, { ...event, source: "/other" }), accepted)
      const listed = yield* call("GET", "/events?type=quote.calculated&correlationId=trace-quote", 200)
      const [first, ...others] = Object(listed).data
      assert.strictEqual(others.length, 1)
      assert.match(first.time, iso)
      assert.deepStrictEqual(
        { ...first, time: "" },
        {
          specversion: "1.0",
          id: at(accepted, "eventId"),
          source: "/quotes",
          type: "quote.calculated",
          time: "",
          subject: "quote:Q1",
          datacontenttype: "application/json",
          correlationid: "trace-quote",
          schemaversion: 1,
          data: event.data
        }
      )
      yield* call("POST", "/events", 404, { ...event, id: "q-2", data: { ...event.data, productId: 2_000_000_000 } })
      const bad = yield* call("POST", "/events", 400, { ...event, id: "q-3", data: { quoteId: "Q1", currency: 1 } })
      assert.deepStrictEqual(
        Object(bad)
          .errors.map(({ path }: { readonly path: string }) => path)
          .sort(),
        ["data.currency", "data.productId", "data.totalPrice"]
      )
      assert.strictEqual(
        at(yield* call("POST", "/events", 400, { ...event, type: "command.mes.dispatch-order" }), "errors", 0, "path"),
        "type"
      )
    })
  )

  it.effect("AC-API-003 the same CloudEvent sent at the same moment is one event", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      const event = {
        specversion: "1.0",
        id: "w-1",
        source: "/widgets",
        type: "widget.config.updated",
        data: { widgetId: "W1" }
      }
      const ids = yield* Effect.forEach(
        Array.from({ length: 10 }),
        () => Effect.map(call("POST", "/events", 202, event), (body) => String(at(body, "eventId"))),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(new Set(ids).size, 1)
      assert.strictEqual(yield* log.count({ after: log.origin, types: ["widget.config.updated"], limit: 100 }), 1)
    })
  )

  it.effect("AC-API-003 events out: pages that go on where the last one ended", () =>
    Effect.gen(function* () {
      yield* shop
      const seen: Array<unknown> = []
      let after = ""
      for (;;) {
        const page = yield* call("GET", `/events?limit=3${after === "" ? "" : `&after=${after}`}`, 200)
        const data = Object(page).data
        if (data.length === 0) break
        seen.push(...data.map(({ id }: { readonly id: string }) => id))
        after = String(at(page, "meta", "next"))
      }
      const log = yield* EventLog
      assert.strictEqual(seen.length, yield* log.count({ after: log.origin, limit: 10_000 }))
      assert.strictEqual(new Set(seen).size, seen.length)
    })
  )

  it.effect("AC-API-003 integrations and their circuits", () =>
    Effect.gen(function* () {
      const mes = Object(yield* call("GET", "/integrations/mes", 200))
      assert.hasAllKeys(mes, [
        "name",
        "mode",
        "healthy",
        "circuit",
        "lastSuccessAt",
        "lastFailureAt",
        "consecutiveFailures",
        "lag",
        "parked",
        "dead"
      ])
      assert.deepInclude(mes, { name: "mes", mode: "sandbox", healthy: true, circuit: "CLOSED" })
      assert.deepStrictEqual(
        Object(yield* call("GET", "/integrations", 200)).data.map(({ name }: { name: string }) => name),
        ["mes"]
      )
      assert.deepInclude(yield* call("POST", "/integrations/mes/health-check", 200), { healthy: true })
      for (const [action, circuit] of [
        ["force-open", "OPEN"],
        ["force-closed", "CLOSED"],
        ["reset", "CLOSED"]
      ]) {
        assert.deepInclude(yield* call("POST", "/integrations/mes/circuit", 200, { action }), { circuit })
      }
      yield* call("POST", "/integrations/mes/circuit", 400, { action: "open" })
      for (const path of ["/integrations/nobody", "/integrations/nobody/health-check"]) {
        yield* call(path.endsWith("check") ? "POST" : "GET", path, 404)
      }
      const { request } = yield* Hub.TestHub
      const health = yield* request("GET", "/health/integrations")
      assert.deepInclude(at(health.body, "data", 0), { name: "mes", healthy: true })
      assert.deepStrictEqual(yield* call("GET", "/health/integrations", 200), health.body)
      assert.strictEqual((yield* request("GET", "/health/integrations", { key: null })).status, 401)
    })
  )

  it.effect("AC-API-003 dead letters: list, groups, preview, replay, discard, and all at once", () =>
    Effect.gen(function* () {
      const { plantRefuses } = yield* Hub.TestHub
      const it = yield* shop
      const pending = (count: number) =>
        Effect.gen(function* () {
          for (;;) {
            const page = yield* call("GET", "/dead-letters?status=pending&adapter=mes&eventType=order.created", 200)
            if (at(page, "meta", "total") === count) return Object(page).data
            yield* Effect.sleep(20)
          }
        })
      yield* Ref.set(plantRefuses, true)
      const orderId = at(
        yield* call("POST", "/orders", 201, order(it), { headers: { "x-correlation-id": "trace-dead" } }),
        "id"
      )
      const [dead] = yield* pending(1)
      assert.deepInclude(dead, {
        eventType: "order.created",
        adapterName: "mes",
        errorClass: "Rejected",
        retryCount: 0,
        status: "pending",
        correlationId: "trace-dead",
        replayCount: 0
      })
      assert.deepStrictEqual(at(dead, "eventPayload", "payload"), { orderId, source: "widget" })
      assert.deepStrictEqual(yield* call("GET", `/dead-letters/${dead.id}`, 200), dead)
      const groups = yield* call("GET", "/dead-letters/groups?status=pending", 200)
      assert.deepInclude(at(groups, "data", 0), { adapterName: "mes", errorClass: "Rejected", count: 1 })
      assert.deepInclude(yield* call("POST", `/dead-letters/${dead.id}/replay?dryRun=true`, 200), {
        dryRun: true,
        id: dead.id,
        eventType: "order.created",
        runs: "now"
      })
      assert.deepInclude(yield* call("POST", `/dead-letters/${dead.id}/replay`, 200), {
        status: "pending",
        replayCount: 1
      })
      yield* Ref.set(plantRefuses, false)
      assert.deepInclude(yield* call("POST", `/dead-letters/${dead.id}/replay`, 200), { status: "replayed" })
      yield* call("POST", `/dead-letters/${dead.id}/replay`, 409)
      yield* call("POST", `/dead-letters/${dead.id}/replay?dryRun=true`, 409)
      yield* call("POST", `/dead-letters/${dead.id}/discard`, 409)

      yield* Ref.set(plantRefuses, true)
      yield* Effect.forEach([1, 2, 3], () => call("POST", "/orders", 201, order(it)))
      const [first] = yield* pending(3)
      assert.deepInclude(yield* call("POST", `/dead-letters/${first.id}/discard`, 200), { status: "discarded" })
      yield* Ref.set(plantRefuses, false)
      const filter = { adapter: "mes", eventType: "order.created" }
      assert.deepStrictEqual(yield* call("POST", "/dead-letters/replay", 202, { filter }), { matched: 2 })
      yield* pending(0)
      assert.deepStrictEqual(yield* call("POST", "/dead-letters/discard", 202, { filter }), { matched: 0 })
    })
  )

  it.effect("AC-API-003 notifications are acknowledged by the key's name", () =>
    Effect.gen(function* () {
      const it = yield* shop
      const id = at(yield* call("POST", "/orders", 201, order(it, { paid: false })), "id")
      yield* call("GET", "/notifications?acknowledged=false&kind=nothing", 200)
      yield* call("POST", "/notifications/2000000000/acknowledge", 404)
      assert.match(String(id), /^ord_/)
    })
  )

  it.effect("AC-API-003 catalogue files are imported and reported on", () =>
    Effect.gen(function* () {
      const files = { "nobody-knows-it.json": "[]" }
      const report = yield* call("POST", "/catalog/import", 200, { files })
      assert.match(String(at(report, "startedAt")), iso)
      assert.deepInclude(at(report, "files", 0), { file: "nobody-knows-it.json", inserted: 0 })
    })
  )

  it.effect("AC-API-003 health, readiness, metrics, documents: open without a key", () =>
    Effect.gen(function* () {
      const { request } = yield* Hub.TestHub
      const open = (path: string) => request("GET", path, { key: null })
      assert.deepStrictEqual((yield* open("/health")).body, { status: "ok" })
      assert.deepStrictEqual((yield* open("/health/ready")).body, { status: "ready" })
      const metrics = yield* open("/metrics")
      assert.strictEqual(metrics.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8")
      assert.match(
        metrics.text,
        /http_server_request_duration_seconds_count\{method="GET",route="\/health",status="200"\} \d+/
      )
      const docs = yield* open("/docs")
      assert.strictEqual(docs.status, 200)
      assert.notMatch(docs.text.slice(0, 2000) + docs.text.slice(-2000), /<script src=|https?:\/\/(cdn|fonts)/)
      const openApi = yield* open("/openapi.json")
      assert.strictEqual(at(openApi.body, "openapi"), "3.1.0")
      const dispatch = at(openApi.body, "paths", "/api/v1/integration/mes/orders/{id}/dispatch", "post")
      assert.deepStrictEqual(at(dispatch, "security"), [{ apiKey: [] }, { bearer: [] }])
      assert.hasAllKeys(at(dispatch, "responses"), [
        "202",
        "400",
        "401",
        "403",
        "404",
        "409",
        "413",
        "415",
        "422",
        "500",
        "503"
      ])
      assert.deepStrictEqual(at(openApi.body, "paths", "/health", "get", "security"), [])
      const names = (operation: unknown) =>
        Object(operation).parameters.map(({ name }: { readonly name: string }) => name)
      assert.deepStrictEqual(names(dispatch), ["id", "Idempotency-Key"])
      const callback = at(openApi.body, "paths", "/api/v1/integration/mes/orders/{id}/status", "put")
      assert.deepStrictEqual(names(callback), ["id", "webhook-id", "webhook-timestamp", "webhook-signature"])
      assert.deepStrictEqual(at(callback, "security"), [])
      assert.strictEqual((yield* request("HEAD", "/health", { key: null })).status, 200)
    })
  )

  it.effect("AC-API-006 pages: the edges", () =>
    Effect.gen(function* () {
      yield* shop
      yield* shop
      const all = Object(yield* call("GET", "/products?limit=100", 200))
      const { total } = all.meta
      assert.deepStrictEqual(all.meta, { page: 1, limit: 100, total, totalPages: 1 })
      const pages: Array<unknown> = []
      for (let page = 1; page <= total; page++) {
        const one = Object(yield* call("GET", `/products?limit=1&page=${page}`, 200))
        assert.deepStrictEqual(one.meta, { page, limit: 1, total, totalPages: total })
        pages.push(...one.data)
      }
      assert.deepStrictEqual(pages, all.data)
      assert.deepStrictEqual(yield* call("GET", `/products?limit=1&page=${total + 1}`, 200), {
        data: [],
        meta: { page: total + 1, limit: 1, total, totalPages: total }
      })
      assert.deepInclude(yield* call("GET", "/products?page=10000000&limit=100", 200), { data: [] })
      assert.deepStrictEqual(yield* call("GET", "/products?q=nothing-like-it", 200), {
        data: [],
        meta: { page: 1, limit: 20, total: 0, totalPages: 0 }
      })
    })
  )
})
