/**
 * The main job on the hub as its users run it: a process of its own, an independent MES, everything over HTTP.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import { createHmac, randomUUID } from "node:crypto"
import { embeddedDirectory } from "../support/Databases.ts"
import * as HubProcess from "../support/HubProcess.ts"
import * as MesPlant from "../support/MesPlant.ts"
import * as Shop from "../support/Shop.ts"
import { at, expectStatus, numberAt, stringAt } from "../support/Shop.ts"

const webhookKey = Buffer.alloc(32, 7)

const scene = (env: Readonly<Record<string, string>> = {}, options: { readonly verify?: boolean } = {}) =>
  Effect.gen(function* () {
    const plant = yield* MesPlant.make
    const settings = {
      HUB_DATA_DIR: env["HUB_DATA_DIR"] ?? (yield* embeddedDirectory),
      LOG_FORMAT: "json",
      MES_MODE: "live",
      MES_BASE_URL: plant.url,
      MES_API_KEY: "plant-key",
      MES_WEBHOOK_SECRETS: `whsec_${webhookKey.toString("base64")}`,
      ...env
    }
    const hub = yield* HubProcess.start(settings)
    const shop = yield* Shop.setUp(hub, options)
    return { plant, hub, shop, restart: HubProcess.start(settings) }
  })

/** The MES reports, signed by hand after the Standard Webhooks text. */
const report = (hub: HubProcess.HubProcess, orderId: string, mesJobId: string, status: string) => {
  const id = `msg_${randomUUID()}`
  const timestamp = String(Math.floor(new Date().getTime() / 1000))
  const body = JSON.stringify({ mesJobId, status })
  const signature = createHmac("sha256", webhookKey).update(`${id}.${timestamp}.${body}`).digest("base64")
  return hub.request("PUT", `/api/v1/integration/mes/orders/${orderId}/status`, {
    body,
    headers: { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": `v1,${signature}` }
  })
}

/** Looks until it is so. Bounded by the test's time limit. */
const until = Effect.fnUntraced(function* <A>(look: Effect.Effect<A>, done: (value: A) => boolean) {
  for (;;) {
    const value = yield* look
    if (done(value)) return value
    yield* Effect.sleep(50)
  }
})

const deadLetters = (hub: HubProcess.HubProcess) =>
  Effect.map(hub.request("GET", "/api/v1/dead-letters?status=pending"), ({ body }) => at(body, "data"))

describe("an order becomes a production job", () => {
  it.live(
    "AC-MES-001 AC-MES-003 AC-SUB-003 from the order to SHIPPED under one correlation id",
    () =>
      Effect.gen(function* () {
        const { plant, hub, shop } = yield* scene()
        const orderId = yield* Shop.order(
          hub,
          { productId: shop.cardId, choiceIds: [shop.coatingId, shop.paperId], quantity: 250 },
          { "x-correlation-id": "trace-123" }
        )
        const [job] = yield* plant.awaitJobs(1)
        assert.deepInclude(job, {
          orderId,
          itemCode: "001-0001",
          part: null,
          materialCodes: ["M-100"],
          processCodes: ["P-200"],
          quantity: 250,
          correlationId: "trace-123"
        })
        yield* Shop.awaitStatus(hub, orderId, "PRODUCTION_WAITING")
        const mesJobId = job?.mesJobId ?? ""
        for (const [status, from, to] of [
          ["제작중", "PRODUCTION_WAITING", "PRODUCING"],
          ["제작완료", "PRODUCING", "PRODUCTION_DONE"],
          ["출고완료", "PRODUCTION_DONE", "SHIPPED"]
        ] as const) {
          const answer = expectStatus(200)(yield* report(hub, orderId, mesJobId, status))
          assert.deepInclude(answer.body, { orderId, previousStatus: from, status: to, changed: true })
        }
        const order = expectStatus(200)(yield* hub.request("GET", `/api/v1/orders/${orderId}`))
        assert.strictEqual(at(order.body, "correlationId"), "trace-123")
        const history = at(order.body, "history")
        assert(Array.isArray(history))
        assert.deepStrictEqual(
          history.map((entry) => at(entry, "to")),
          ["CONFIRMED", "PRODUCTION_WAITING", "PRODUCING", "PRODUCTION_DONE", "SHIPPED"]
        )
        const events = expectStatus(200)(yield* hub.request("GET", "/api/v1/events?correlationId=trace-123"))
        const data = at(events.body, "data")
        assert(Array.isArray(data))
        const types = data.map((event) => stringAt(event, "type"))
        assert.sameMembers(types, [
          "order.created",
          "order.dispatched.mes",
          "order.status.changed",
          "order.status.changed",
          "order.status.changed",
          "order.status.changed"
        ])
        const created = data.find((event) => at(event, "type") === "order.created")
        const dispatched = data.find((event) => at(event, "type") === "order.dispatched.mes")
        assert.strictEqual(at(dispatched, "causationid"), stringAt(created, "id"))
        assert.match(hub.output(), /"correlationId":"trace-123"/)
        for (const secret of ["plant-key", webhookKey.toString("base64"), HubProcess.adminKey]) {
          assert.notInclude(hub.output(), secret)
        }
      }),
    60_000
  )

  it.live(
    "AC-MES-008 a book gives an inner and a cover job and follows the slower one",
    () =>
      Effect.gen(function* () {
        const { plant, hub, shop } = yield* scene()
        const orderId = yield* Shop.order(hub, {
          productId: shop.bookId,
          choiceIds: [shop.innerPaperId, shop.coverPaperId, shop.coatingId]
        })
        const jobs = yield* plant.awaitJobs(2)
        const inner = jobs.find((job) => job.part === "inner")
        const cover = jobs.find((job) => job.part === "cover")
        assert.deepInclude(inner, { itemCode: "002-5001", materialCodes: ["M-300"], processCodes: ["P-200"] })
        assert.deepInclude(cover, { itemCode: "002-5002", materialCodes: ["M-400"], processCodes: ["P-200"] })
        yield* Shop.awaitStatus(hub, orderId, "PRODUCTION_WAITING")
        const first = yield* report(hub, orderId, inner?.mesJobId ?? "", "출고완료")
        assert.deepInclude(expectStatus(200)(first).body, { status: "PRODUCTION_WAITING", changed: true })
        const second = yield* report(hub, orderId, cover?.mesJobId ?? "", "제작중")
        assert.deepInclude(expectStatus(200)(second).body, { status: "PRODUCING", changed: true })
      }),
    60_000
  )

  it.live(
    "AC-MES-002 AC-MES-007 an unverified choice blocks and is named; verifying the last one dispatches",
    () =>
      Effect.gen(function* () {
        const { plant, hub, shop } = yield* scene({}, { verify: false })
        const orderId = yield* Shop.order(hub, { productId: shop.cardId, choiceIds: [shop.paperId, shop.coatingId] })
        const blocked = yield* until(
          hub.request("GET", `/api/v1/orders/${orderId}`),
          ({ body }) => JSON.stringify(at(body, "blockedChoiceIds")) !== "[]"
        )
        assert.sameMembers(Object.values(Object(at(blocked.body, "blockedChoiceIds"))), [shop.paperId, shop.coatingId])
        const notifications = expectStatus(200)(yield* hub.request("GET", "/api/v1/notifications"))
        assert.include(JSON.stringify(notifications.body), orderId)
        yield* hub.request("POST", `/api/v1/integration/mes/choice-mappings/${shop.paperId}/verify`)
        const refused = yield* hub.request("POST", `/api/v1/integration/mes/orders/${orderId}/dispatch`, { body: {} })
        assert.deepInclude(expectStatus(409)(refused).body, { choiceIds: [shop.coatingId] })
        assert.strictEqual(yield* plant.dispatches, 0)
        yield* hub.request("POST", `/api/v1/integration/mes/choice-mappings/${shop.coatingId}/verify`)
        yield* Shop.awaitStatus(hub, orderId, "PRODUCTION_WAITING")
        assert.strictEqual((yield* plant.jobs).length, 1)
      }),
    60_000
  )

  it.live(
    "AC-MES-010 AC-DLQ-002 AC-DLQ-004 a rejected job is a dead letter; two replays at once run once",
    () =>
      Effect.gen(function* () {
        const { plant, hub, shop } = yield* scene()
        yield* plant.setMood({ _tag: "Reject", errorMessage: "no such paper" })
        const orderId = yield* Shop.order(hub, { productId: shop.cardId, choiceIds: [shop.paperId, shop.coatingId] })
        const found = yield* until(deadLetters(hub), (data) => Array.isArray(data) && data.length > 0)
        const id = stringAt(found, 0, "id")
        assert.deepInclude(at(found, 0), {
          adapterName: "mes",
          eventType: "order.created",
          retryCount: 0,
          status: "pending"
        })
        assert.include(stringAt(found, 0, "errorMessage"), "no such paper")
        const before = yield* plant.dispatches
        const failing = expectStatus(200)(yield* hub.request("POST", `/api/v1/dead-letters/${id}/replay`))
        assert.deepInclude(failing.body, { status: "pending", replayCount: 1 })
        assert.strictEqual(yield* plant.dispatches, before + 1)
        yield* plant.setMood({ _tag: "Accept" })
        const both = yield* Effect.all(
          [
            hub.request("POST", `/api/v1/dead-letters/${id}/replay`),
            hub.request("POST", `/api/v1/dead-letters/${id}/replay`)
          ],
          { concurrency: 2 }
        )
        assert.sameMembers(
          both.map((answer) => answer.status),
          [200, 409]
        )
        yield* Shop.awaitStatus(hub, orderId, "PRODUCTION_WAITING")
        assert.strictEqual((yield* plant.jobs).length, 1)
        assert.strictEqual(yield* plant.dispatches, before + 2)
      }),
    60_000
  )

  it.live(
    "AC-ERR-002 AC-ERR-008 an outage opens the circuit, dead-letters nothing, and everything arrives in order",
    () =>
      Effect.gen(function* () {
        const { plant, hub, shop } = yield* scene({ MES_BREAKER_OPEN: "2 seconds" })
        yield* plant.simulator.refuse
        const orderIds = yield* Effect.forEach(Array.from({ length: 10 }), () =>
          Shop.order(hub, { productId: shop.cardId, choiceIds: [shop.paperId, shop.coatingId] })
        )
        yield* until(hub.request("GET", "/api/v1/integrations/mes"), ({ body }) => at(body, "circuit") === "OPEN")
        assert.deepStrictEqual(yield* deadLetters(hub), [])
        yield* plant.simulator.accept
        yield* Effect.forEach(orderIds, (orderId) => Shop.awaitStatus(hub, orderId, "PRODUCTION_WAITING"))
        assert.strictEqual((yield* plant.jobs).length, 10)
        const status = yield* until(
          hub.request("GET", "/api/v1/integrations/mes"),
          ({ body }) => at(body, "lag") === 0 && at(body, "parked") === 0
        )
        assert.deepInclude(status.body, { circuit: "CLOSED", parked: 0, dead: 0 })
        assert.strictEqual(numberAt(status.body, "lag"), 0)
      }),
    60_000
  )

  it.live(
    "AC-NFR-005 a graceful stop lets the running dispatch finish and ends with code 0",
    () =>
      Effect.gen(function* () {
        const directory = yield* embeddedDirectory
        const { plant, hub, shop, restart } = yield* scene({ HUB_DATA_DIR: directory })
        const arrived = yield* Deferred.make<void>()
        yield* plant.setMood({ _tag: "Slow", arrived, millis: 1500 })
        const orderId = yield* Shop.order(hub, { productId: shop.cardId, choiceIds: [shop.paperId, shop.coatingId] })
        yield* Deferred.await(arrived)
        // The dispatch is under way: its answer is waited for, and stored.
        assert.strictEqual(yield* hub.stop, 0)
        assert.strictEqual((yield* plant.jobs).length, 1)
        const again = yield* restart
        assert.strictEqual(
          at((yield* again.request("GET", `/api/v1/orders/${orderId}`)).body, "status"),
          "PRODUCTION_WAITING"
        )
        assert.strictEqual(yield* plant.dispatches, 1)
      }),
    60_000
  )

  it.live(
    "refuses a second hub on the same directory with a clear message and exit code 1",
    () =>
      Effect.gen(function* () {
        const directory = yield* embeddedDirectory
        yield* HubProcess.start({ HUB_DATA_DIR: directory })
        const second = yield* HubProcess.run({ HUB_DATA_DIR: directory })
        assert.strictEqual(second.code, 1)
        assert.include(second.output, "in use by another process")
      }),
    60_000
  )

  it.live(
    "AC-NFR-006 ends with code 1 and every problem of the configuration",
    () =>
      Effect.gen(function* () {
        const { code, output } = yield* HubProcess.run({ PORT: "x", MES_MODE: "live", LOG_FORMAT: "xml" })
        assert.strictEqual(code, 1)
        for (const name of ["PORT", "MES_BASE_URL", "MES_API_KEY", "LOG_FORMAT"]) assert.include(output, `- ${name}: `)
      }),
    60_000
  )
})
