/**
 * The shop on the hub as its users run it: a process of its own in live mode, an independent Shopby and an independent
 * plant, everything over HTTP.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Scene from "../support/Scene.ts"
import { listOf, until } from "../support/Scene.ts"
import { at, awaitStatus, expectStatus, numberAt, stringAt } from "../support/Shop.ts"
import { type MallProduct, refusedChange } from "../support/ShopbyMall.ts"
import { garbage } from "../support/simulator/Faults.ts"
import * as Webhook from "../support/Webhook.ts"

/** Management code of the card's option row with this size, paper and number. */
const codeOf = (card: MallProduct, ...values: ReadonlyArray<string>): string => {
  const row = card.options.find(({ optionValue }) => optionValue === values.join("|"))
  assert(row !== undefined, `no row ${values.join("|")}`)
  return row.managementCode
}

describe("products of the hub in the shop", () => {
  it.live(
    "AC-SHOPBY-001 AC-SHOPBY-005 AC-SHOPBY-010 a product is in the shop once, as the catalogue has it",
    () =>
      Effect.gen(function* () {
        const scene = yield* Scene.open()
        const { hub, mall } = scene
        const { card, cardId, sticker } = yield* Scene.openShop(scene)
        for (const name of ["shopby", "mes", "edicus"]) {
          const checked = yield* hub.request("POST", `/api/v1/integrations/${name}/health-check`)
          assert.deepInclude(expectStatus(200)(checked).body, { name, mode: "live", healthy: true })
        }
        assert.deepInclude(card, { productName: "Card", salePrice: 8_000, optionType: "COMBINATION" })
        assert.deepStrictEqual(card.displayCategoryNos, [77])
        const expected = Object.entries(Scene.cardSizes).flatMap(([code, name]) =>
          Scene.papers.flatMap((paper) =>
            Scene.quantities.map((baseQty) => ({
              value: `${name}|${paper}|${baseQty}`,
              addPrice: Scene.cardPrice(code, paper, baseQty) - 8_000
            }))
          )
        )
        assert.sameDeepMembers(
          card.options.map(({ addPrice, optionValue }) => ({ value: optionValue, addPrice })),
          expected
        )
        assert.deepStrictEqual(
          card.options.map(({ addPrice }) => addPrice),
          expected.map(({ addPrice }) => addPrice).sort((a, b) => a - b)
        )
        assert.strictEqual(card.options[0]?.optionName, "사이즈|용지|수량")
        assert.deepInclude(sticker, { productName: "Sticker", salePrice: 5_000, optionType: "NONE", options: [] })

        const synced = yield* hub.request("GET", "/api/v1/integration/shopby/products?status=synced")
        const state = listOf(synced.body).find((one) => at(one, "productId") === cardId)
        assert.deepInclude(state, { huniCode: "10001", shopbyId: card.mallProductNo, syncStatus: "synced" })
        const done = (yield* Scene.eventsOf(hub, "sync.shopby.completed")).map((event) => at(event, "data"))
        assert.deepInclude(done, { productId: cardId, shopbyId: card.mallProductNo })
        // The book has no price, and says so.
        const all = yield* hub.request("GET", "/api/v1/integration/shopby/products?status=all")
        const book = listOf(all.body).find((one) => at(one, "huniCode") === "10002")
        assert.deepInclude(book, { shopbyId: null, syncStatus: "never" })
        assert.strictEqual((yield* mall.products).length, 2)
        yield* Scene.expectNothingWaiting(hub)
        assert.deepStrictEqual(yield* mall.refusals, [])
        for (const secret of [mall.systemKey, mall.accessToken, ...(yield* mall.tokens)]) {
          assert.notInclude(hub.output(), secret)
        }
      }),
    120_000
  )

  it.live(
    "AC-SHOPBY-007 a lost answer, a manual sync, kill -9 and a forgotten confirmation make no second product",
    () =>
      Effect.gen(function* () {
        const scene = yield* Scene.open({ SHOPBY_TIMEOUT: "1 second" })
        const { mall } = scene
        yield* mall.faults.plan("createProduct", { _tag: "LoseAnswer", by: "Reset" })
        yield* mall.faults.plan("createProduct", { _tag: "LoseAnswer", by: "Hang" })
        const { cardId } = yield* Scene.openShop(scene)
        assert.strictEqual(yield* mall.creations, 2)
        const sync = (hub: typeof scene.hub) =>
          Effect.map(
            hub.request("POST", `/api/v1/integration/shopby/products/${cardId}/sync`, { body: { force: true } }),
            expectStatus(202)
          )
        yield* sync(scene.hub)
        yield* scene.hub.kill
        const hub = yield* scene.restart
        yield* sync(hub)
        yield* Scene.expectNothingWaiting(hub)
        assert.strictEqual(yield* mall.creations, 2)
        assert.deepStrictEqual((yield* mall.products).map(({ managementCode }) => managementCode).sort(), [
          "10001",
          "10003"
        ])
      }),
    120_000
  )

  it.live(
    "AC-SHOPBY-002 an update sends only what changed; a sale is stopped and taken up again",
    () =>
      Effect.gen(function* () {
        const scene = yield* Scene.open()
        const { hub, mall } = scene
        const { card, cardId, sticker, stickerId } = yield* Scene.openShop(scene)
        yield* Scene.expectNothingWaiting(hub)
        assert.deepStrictEqual(yield* mall.patches, [])

        yield* hub.request("PATCH", `/api/v1/products/${cardId}`, { body: { name: "Business card" } })
        yield* hub.request("PUT", `/api/v1/products/${stickerId}/price`, { body: { sellingPrice: 5_500 } })
        const patches = yield* until(mall.patches, (all) => all.length >= 2)
        assert.sameDeepMembers(
          [...patches],
          [
            { mallProductNo: card.mallProductNo, body: { productName: "Business card" } },
            { mallProductNo: sticker.mallProductNo, body: { salePrice: 5_500 } }
          ]
        )
        // What the shop does not show is not sent at all.
        yield* hub.request("PATCH", `/api/v1/products/${cardId}`, { body: { orderMethod: "upload" } })
        yield* Scene.expectNothingWaiting(hub)
        assert.strictEqual((yield* mall.patches).length, 2)

        yield* hub.request("POST", `/api/v1/products/${stickerId}/deactivate`)
        const [stopped] = yield* until(mall.saleChanges, (all) => all.length >= 1)
        assert.strictEqual(stopped?.mallProductNo, sticker.mallProductNo)
        assert.notStrictEqual(stopped?.saleStatusType, sticker.saleStatusType)
        yield* hub.request("POST", `/api/v1/products/${stickerId}/activate`)
        const [, again] = yield* until(mall.saleChanges, (all) => all.length >= 2)
        assert.deepInclude(again, { mallProductNo: sticker.mallProductNo, saleStatusType: sticker.saleStatusType })
        yield* Scene.expectNothingWaiting(hub)
        assert.strictEqual(yield* mall.creations, 2)
        assert.deepStrictEqual(yield* mall.refusals, [])
      }),
    120_000
  )

  it.live(
    "an expired token is renewed; garbage, hanging and resets are outlived",
    () =>
      Effect.gen(function* () {
        const scene = yield* Scene.open({ SHOPBY_TIMEOUT: "1 second", SHOPBY_BREAKER_OPEN: "1 second" })
        const { hub, mall } = scene
        const { cardId } = yield* Scene.openShop(scene)
        yield* mall.expireTokens
        const rename = (name: string) =>
          Effect.gen(function* () {
            yield* hub.request("PATCH", `/api/v1/products/${cardId}`, { body: { name } })
            yield* until(mall.products, (all) => all.some(({ productName }) => productName === name))
          })
        const before = (yield* mall.tokens).length
        yield* rename("after the token")
        // One renewal, however many requests found the old one expired.
        assert.strictEqual((yield* mall.tokens).length, before + 1)
        yield* mall.faults.plan("*", garbage)
        yield* mall.faults.plan("*", { _tag: "Hang" })
        yield* mall.faults.plan("*", { _tag: "Reset" })
        yield* mall.faults.plan("*", { _tag: "Answer", status: 503, body: "" })
        yield* mall.faults.plan("*", { _tag: "Answer", status: 429, headers: { "retry-after": "1" }, body: "" })
        yield* rename("after the storm")
        yield* Scene.expectNothingWaiting(hub)
      }),
    120_000
  )
})

describe("orders of the shop", () => {
  it.live(
    "AC-SHOPBY-003 AC-SHOPBY-004 AC-SHOPBY-006 AC-MES-004 from the webhook through the plant and back to the shop",
    () =>
      Effect.gen(function* () {
        const scene = yield* Scene.open()
        const { hub, mall, plant } = scene
        const { card, cardId } = yield* Scene.openShop(scene)
        const option = codeOf(card, Scene.cardSizes.S2, "Gloss 150 g", "200")
        const placed = yield* mall.place([{ mallProductNo: card.mallProductNo, optionManagementCd: option, count: 2 }])
        const answer = expectStatus(201)(yield* Scene.tellOfOrder(hub, placed))
        assert.deepInclude(answer.body, {
          externalOrderId: placed.orderNo,
          source: "shopby",
          status: "CONFIRMED",
          needsAttention: false
        })
        const orderId = stringAt(answer.body, "orderId")
        const { body: order } = yield* awaitStatus(hub, orderId, "PRODUCTION_WAITING")
        assert.deepInclude(order, {
          source: "shopby",
          externalOrderId: placed.orderNo,
          totalPrice: 2 * Scene.cardPrice("S2", "Gloss 150 g", 200)
        })
        // 2 × 200 pieces on the paper of the combination.
        assert.deepInclude(at(order, "items", 0), {
          productId: cardId,
          quantity: 400,
          choiceIds: [yield* Scene.choiceIdOf(hub, "gloss")]
        })
        assert.deepInclude(at(order, "customer"), { name: placed.orderer.name })
        const [job] = yield* plant.awaitJobs(1)
        assert(job !== undefined)
        assert.deepInclude(job, { orderId, itemCode: "001-0001", materialCodes: ["M-GLOSS"], quantity: 400 })
        // The size has no material of its own: the plant reads it in the memo.
        assert.include(job.memo ?? "", "S2")

        // One after the other: the shop is told how things are, not of each step on the way.
        yield* until(mall.statusChanges, (all) => all.length >= 1)
        for (const [status, changes] of [
          ["제작중", 1],
          ["제작완료", 2],
          ["출고완료", 3]
        ] as const) {
          yield* Scene.tellOfJob(hub, job, status)
          yield* until(mall.statusChanges, (all) => all.length >= changes)
        }
        const delivered = yield* hub.request("PUT", `/api/v1/integration/shopby/orders/${orderId}/status`, {
          body: { status: "DELIVERED", trackingNumber: "690012345678", carrier: "CJ" }
        })
        assert.deepInclude(expectStatus(200)(delivered).body, {
          orderId,
          previousStatus: "SHIPPED",
          status: "DELIVERED",
          changed: true
        })
        const told = yield* until(mall.statusChanges, (all) => all.length >= 4)
        yield* Scene.expectNothingWaiting(hub)
        // 제작중 shows as what is shown already, and nothing the shop said itself is echoed.
        assert.deepStrictEqual(
          told.map(({ orderStatusType, shippingNo }) => [shippingNo, orderStatusType]),
          ["PRODUCT_PREPARE", "DELIVERY_PREPARE", "DELIVERY_ING", "DELIVERY_DONE"].map((shown) => [
            placed.shippingNo,
            shown
          ])
        )
        assert.strictEqual((yield* mall.statusChanges).length, 4)
        assert.strictEqual(told[3]?.invoiceNo, "690012345678")
        // One correlation id from the webhook to the last call to each system.
        const correlationId = stringAt(order, "correlationId")
        assert.strictEqual(job.correlationId, correlationId)
        for (const change of told) assert.strictEqual(change.correlationId, correlationId)
        assert.deepStrictEqual(yield* mall.refusals, [])
      }),
    120_000
  )

  it.live(
    "the same webhook, the same order in another webhook, and 50 at once with duplicates: one order each, none lost",
    () =>
      Effect.gen(function* () {
        const scene = yield* Scene.open()
        const { hub, mall, plant } = scene
        const { sticker } = yield* Scene.openShop(scene)
        const basket = [{ mallProductNo: sticker.mallProductNo, count: 3 }]
        const first = yield* mall.place(basket)
        const id = "msg_the-first"
        const answer = expectStatus(201)(yield* Scene.tellOfOrder(hub, first, { id }))
        assert.deepStrictEqual((yield* Scene.tellOfOrder(hub, first, { id })).body, answer.body)
        const again = expectStatus(200)(yield* Scene.tellOfOrder(hub, first))
        assert.strictEqual(at(again.body, "orderId"), at(answer.body, "orderId"))

        const orders = yield* Effect.replicateEffect(mall.place(basket), 25)
        const answers = yield* Effect.forEach(
          [...orders, ...orders],
          (order, index) => Scene.tellOfOrder(hub, order, index % 5 === 0 ? { id: `msg_${order.orderNo}` } : {}),
          { concurrency: 50 }
        )
        for (const one of answers) assert.include([200, 201], one.status, JSON.stringify(one.body))
        const ids = new Map(orders.map(({ orderNo }) => [orderNo, new Set<unknown>()]))
        for (const { body } of answers) ids.get(stringAt(body, "externalOrderId"))?.add(at(body, "orderId"))
        for (const [orderNo, found] of ids) assert.strictEqual(found.size, 1, orderNo)
        const list = yield* hub.request("GET", "/api/v1/orders?source=shopby&limit=100")
        assert.strictEqual(numberAt(list.body, "meta", "total"), 26)
        assert.strictEqual((yield* Scene.eventsOf(hub, "order.created")).length, 26)
        const jobs = yield* plant.awaitJobs(26)
        yield* Scene.expectNothingWaiting(hub)
        assert.strictEqual(new Set(jobs.map(({ orderId }) => orderId)).size, 26)
        assert.strictEqual((yield* plant.jobs).length, 26)
      }),
    120_000
  )

  it.live(
    "a webhook with a wrong signature is a 401 and leaves nothing",
    () =>
      Effect.gen(function* () {
        const { hub, mall } = yield* Scene.open()
        const order = yield* mall.place([{ mallProductNo: 1 }])
        const forged = yield* hub.request("POST", "/api/v1/integration/shopby/orders", {
          body: JSON.stringify({ orderNo: order.orderNo }),
          headers: { "webhook-id": "msg_1", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA" }
        })
        assert.strictEqual(forged.status, 401)
        assert.isUndefined(yield* Scene.hubOrderOf(hub, order.orderNo))
      }),
    120_000
  )

  it.live(
    "AC-SHOPBY-009 orders and cancellations whose webhooks were missed are found by the sweep",
    () =>
      Effect.gen(function* () {
        const scene = yield* Scene.open({ SHOPBY_SWEEP: "1 second", SHOPBY_BREAKER_OPEN: "1 second" })
        const { hub, mall, plant } = scene
        const { card, sticker } = yield* Scene.openShop(scene)
        // While the shop's list does not answer, nothing is found and nothing is skipped.
        yield* mall.faults.plan("orders", { _tag: "Answer", status: 500, body: "" }, 2)
        const option = codeOf(card, Scene.cardSizes.S1, "Matt 150 g", "100")
        const placed = yield* mall.place([
          { mallProductNo: card.mallProductNo, optionManagementCd: option },
          { mallProductNo: sticker.mallProductNo, count: 7 }
        ])
        yield* mall.missed(placed)
        const order = yield* until(Scene.hubOrderOf(hub, placed.orderNo), (found) => found !== undefined)
        assert.deepInclude(order, { source: "shopby", needsAttention: false })
        assert.strictEqual(at(order, "items", 0, "quantity"), 100)
        assert.strictEqual(at(order, "items", 1, "quantity"), 7)
        yield* plant.awaitJobs(2)
        const orderId = stringAt(order, "id")
        yield* awaitStatus(hub, orderId, "PRODUCTION_WAITING")
        // The webhook comes after all.
        const late = expectStatus(200)(yield* Scene.tellOfOrder(hub, placed))
        assert.strictEqual(at(late.body, "orderId"), orderId)

        yield* until(mall.statusChanges, (all) => all.length >= 1)
        yield* mall.cancel(placed.orderNo)
        yield* awaitStatus(hub, orderId, "CANCELLED")
        yield* Scene.expectNothingWaiting(hub)
        // What the shop said itself is not said back to it.
        assert.deepStrictEqual(
          (yield* mall.statusChanges).map(({ orderStatusType }) => orderStatusType),
          ["PRODUCT_PREPARE"]
        )
        assert.deepStrictEqual(yield* mall.refusals, [])
      }),
    120_000
  )

  it.live(
    "a product or an option that nobody knows is kept and marked, and dispatched once the cause is gone",
    () =>
      Effect.gen(function* () {
        const scene = yield* Scene.open()
        const { hub, mall, plant } = scene
        const { sticker, stickerId } = yield* Scene.openShop(scene)
        const unknown = yield* mall.place([{ mallProductNo: 999_999_999 }])
        const lost = expectStatus(201)(yield* Scene.tellOfOrder(hub, unknown))
        assert.deepInclude(lost.body, { status: "CONFIRMED", needsAttention: true })

        const placed = yield* mall.place([{ mallProductNo: sticker.mallProductNo, count: 2 }])
        const body = JSON.stringify({
          orderNo: placed.orderNo,
          orderAmount: 10_000,
          orderer: placed.orderer,
          shippingNo: placed.shippingNo,
          items: [
            {
              productNo: sticker.mallProductNo,
              quantity: 2,
              price: 5_000,
              optionValues: [{ name: "Coating", value: "Soft touch" }]
            }
          ]
        })
        const marked = expectStatus(201)(
          yield* hub.request("POST", "/api/v1/integration/shopby/orders", { body, headers: Webhook.signed(body) })
        )
        assert.strictEqual(at(marked.body, "needsAttention"), true)
        const orderId = stringAt(marked.body, "orderId")
        const order = yield* hub.request("GET", `/api/v1/orders/${orderId}`)
        assert.include(JSON.stringify(at(order.body, "reasons")), "Soft touch")
        yield* Scene.expectNothingWaiting(hub)
        assert.deepStrictEqual(yield* plant.jobs, [])
        const attention = yield* hub.request("GET", "/api/v1/orders?needsAttention=true")
        assert.strictEqual(numberAt(attention.body, "meta", "total"), 2)

        // Too early: still marked. Then the product offers the coating.
        const retranslate = hub.request("POST", `/api/v1/orders/${orderId}/retranslate`)
        assert.strictEqual(at((yield* retranslate).body, "needsAttention"), true)
        yield* hub.request("PUT", `/api/v1/products/${stickerId}/options`, {
          body: { choiceIds: [yield* Scene.choiceIdOf(hub, "soft")] }
        })
        assert.strictEqual(at(expectStatus(200)(yield* retranslate).body, "needsAttention"), false)
        const [job] = yield* plant.awaitJobs(1)
        assert.deepInclude(job, { orderId, itemCode: "001-0003", processCodes: ["P-SOFT"], quantity: 2 })
        yield* awaitStatus(hub, orderId, "PRODUCTION_WAITING")
      }),
    120_000
  )

  it.live(
    "AC-SHOPBY-008 a failure inside a 200 is a dead letter, and its replay tells the shop",
    () =>
      Effect.gen(function* () {
        const scene = yield* Scene.open()
        const { hub, mall } = scene
        const { sticker } = yield* Scene.openShop(scene)
        yield* mall.faults.plan("changeStatus", refusedChange("O8001", "the order is locked"))
        const placed = yield* mall.place([{ mallProductNo: sticker.mallProductNo }])
        yield* Scene.tellOfOrder(hub, placed)
        const letters = yield* until(
          hub.request("GET", "/api/v1/dead-letters?status=pending"),
          ({ body }) => listOf(body).length > 0
        )
        const letter = listOf(letters.body)[0]
        assert.deepInclude(letter, { adapterName: "shopby", eventType: "order.status.changed", retryCount: 0 })
        assert.include(stringAt(letter, "errorMessage"), "the order is locked")
        assert.deepStrictEqual(yield* mall.statusChanges, [])
        const replayed = yield* hub.request("POST", `/api/v1/dead-letters/${stringAt(letter, "id")}/replay`)
        assert.strictEqual(at(expectStatus(200)(replayed).body, "status"), "replayed")
        assert.deepStrictEqual(
          (yield* mall.statusChanges).map(({ orderStatusType }) => orderStatusType),
          ["PRODUCT_PREPARE"]
        )
      }),
    120_000
  )
})
