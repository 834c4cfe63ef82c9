/**
 * A hub as its users run it, in live mode, with three independent systems around it, and a small made-up catalogue: a
 * card by size, paper and number, a sticker at one price, a book. Everything is verified and nothing is in the shop yet:
 * its category is not mapped (`openShop` does that). Nothing here looks into the hub.
 */
import { assert } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { embeddedDirectory } from "./Databases.ts"
import * as EdicusPlatform from "./EdicusPlatform.ts"
import * as HubProcess from "./HubProcess.ts"
import * as MesPlant from "./MesPlant.ts"
import { at, expectStatus, numberAt, stringAt } from "./Shop.ts"
import * as ShopbyMall from "./ShopbyMall.ts"
import * as Webhook from "./Webhook.ts"

export interface Scene {
  readonly mall: ShopbyMall.ShopbyMall
  readonly plant: MesPlant.MesPlant
  readonly edicus: EdicusPlatform.EdicusPlatform
  readonly hub: HubProcess.HubProcess
  /** The hub again, with the same settings and data; the first one must have ended. */
  readonly restart: Effect.Effect<HubProcess.HubProcess, never, Scope.Scope>
}

const size = (huniCode: string, code: string, cutWidth: number, cutHeight: number) => ({
  huniCode,
  code,
  displayName: `${cutWidth} x ${cutHeight} mm`,
  cutWidth,
  cutHeight,
  workWidth: cutWidth + 4,
  workHeight: cutHeight + 4,
  bleed: 2,
  impositionCount: null,
  isCustom: false,
  customMinW: null,
  customMaxW: null,
  customMinH: null,
  customMaxH: null,
  displayOrder: 0
})

const product = (huniCode: string, name: string, productType: string) => ({
  huniCode,
  name,
  slug: `${name.toLowerCase()}-${huniCode}`,
  categoryCode: "GOODS",
  productType,
  pricingModel: "tiered",
  orderMethod: "both",
  editorEnabled: true,
  isActive: true,
  minQty: 1,
  maxQty: 100_000,
  qtyStep: 1
})

const item = (itemCode: string, itemType: string) => ({
  itemCode,
  groupCode: null,
  name: `item ${itemCode}`,
  abbreviation: null,
  itemType,
  unit: "EA",
  isActive: true
})

/** Price of the card: by size, paper and number. */
export const cardPrice = (sizeCode: string, paper: string, baseQty: number): number =>
  (sizeCode === "S1" ? 8_000 : 11_000) + (paper === "Matt 150 g" ? 0 : 1_500) + (baseQty === 100 ? 0 : 6_000)

export const cardSizes = { S1: "90 x 50 mm", S2: "86 x 52 mm" } as const
export const papers = ["Matt 150 g", "Gloss 150 g"] as const
export const quantities = [100, 200] as const

const files = {
  "categories.json": [{ code: "GOODS", name: "Goods", parentCode: null, depth: 0, displayOrder: 1 }],
  "products.json": [
    product("10001", "Card", "card"),
    product("10002", "Book", "book"),
    { ...product("10003", "Sticker", "sticker"), editorEnabled: false }
  ],
  "product-sizes.json": [size("10001", "S1", 90, 50), size("10001", "S2", 86, 52)],
  "fixed-prices.json": ["S1", "S2"].flatMap((sizeCode) =>
    papers.flatMap((optionLabel) =>
      quantities.map((baseQty) => ({
        huniCode: "10001",
        sizeCode,
        optionLabel,
        baseQty,
        sellingPrice: cardPrice(sizeCode, optionLabel, baseQty),
        vatIncluded: true
      }))
    )
  ),
  "option-definitions.json": [
    { key: "paper", name: "Paper", optionClass: "material", displayOrder: 1 },
    { key: "coating", name: "Coating", optionClass: "process", displayOrder: 2 }
  ],
  "option-choices.json": [
    { optionKey: "paper", code: "matt", name: "Matt 150 g", displayOrder: 1 },
    { optionKey: "paper", code: "gloss", name: "Gloss 150 g", displayOrder: 2 },
    { optionKey: "coating", code: "soft", name: "Soft touch", displayOrder: 1 }
  ],
  "product-option-choices.json": [
    { huniCode: "10001", optionKey: "paper", choiceCode: "matt" },
    { huniCode: "10001", optionKey: "paper", choiceCode: "gloss" },
    { huniCode: "10003", optionKey: "paper", choiceCode: "matt" }
  ],
  "mes-items.json": [item("001-0001", "finished"), item("001-0003", "finished"), item("002-5001", "semi_finished")],
  "product-mes-mapping.json": [
    { huniCode: "10001", mesItemCode: "001-0001", coverType: null, isActive: true },
    { huniCode: "10003", mesItemCode: "001-0003", coverType: null, isActive: true }
  ],
  "product-editor-mapping.json": [
    { huniCode: "10001", editorType: "edicus", templateId: "t-1", templateConfig: { pages: [1] }, isActive: true }
  ],
  "choice-mappings.json": [
    { optionKey: "paper", choiceCode: "matt", mesCode: "M-MATT" },
    { optionKey: "paper", choiceCode: "gloss", mesCode: "M-GLOSS" },
    { optionKey: "coating", choiceCode: "soft", mesCode: "P-SOFT" }
  ]
}

/** What every hub of these tests is started with. */
const settingsFor = (
  mall: ShopbyMall.ShopbyMall,
  plant: MesPlant.MesPlant,
  edicus: EdicusPlatform.EdicusPlatform
): Readonly<Record<string, string>> => ({
  LOG_FORMAT: "json",
  SHOPBY_MODE: "live",
  SHOPBY_BASE_URL: mall.url,
  SHOPBY_SYSTEM_KEY: mall.systemKey,
  SHOPBY_ACCESS_TOKEN: mall.accessToken,
  SHOPBY_WEBHOOK_SECRETS: Webhook.secret,
  MES_MODE: "live",
  MES_BASE_URL: plant.url,
  MES_API_KEY: "plant-key",
  MES_WEBHOOK_SECRETS: Webhook.secret,
  EDICUS_MODE: "live",
  EDICUS_BASE_URL: edicus.url,
  EDICUS_API_KEY: edicus.apiKey,
  EDICUS_UID: edicus.uid,
  EDICUS_RENDERED_URL_TEMPLATE: "https://files.example.com/{orderId}.{format}"
})

/** Starts the systems and the hub, and imports and verifies the catalogue. `env` is added to the settings. */
export const open = (env: Readonly<Record<string, string>> = {}): Effect.Effect<Scene, never, Scope.Scope> =>
  Effect.gen(function* () {
    const mall = yield* ShopbyMall.make
    const plant = yield* MesPlant.make
    const edicus = yield* EdicusPlatform.make
    const settings = {
      ...settingsFor(mall, plant, edicus),
      HUB_DATA_DIR: yield* embeddedDirectory,
      ...env
    }
    const hub = yield* HubProcess.start(settings)
    const texts = Object.fromEntries(Object.entries(files).map(([name, records]) => [name, JSON.stringify(records)]))
    const report = expectStatus(200)(yield* hub.request("POST", "/api/v1/catalog/import", { body: { files: texts } }))
    assert.notMatch(JSON.stringify(report.body), /"rejected":\[\{/, JSON.stringify(report.body))
    const mappings = yield* hub.request("GET", "/api/v1/integration/mes/choice-mappings")
    for (const mapping of listOf(mappings.body)) {
      const path = `/api/v1/integration/mes/choice-mappings/${numberAt(mapping, "choiceId")}/verify`
      expectStatus(200)(yield* hub.request("POST", path))
    }
    return { mall, plant, edicus, hub, restart: HubProcess.start(settings) }
  })

/** `data` of a list's body. */
export const listOf = (body: unknown): ReadonlyArray<unknown> => {
  const data = at(body, "data")
  assert(Array.isArray(data), `a list expected: ${JSON.stringify(body)}`)
  return data
}

export const productIdOf = (hub: HubProcess.HubProcess, huniCode: string) =>
  Effect.map(hub.request("GET", `/api/v1/products?huniCode=${huniCode}`), ({ body }) => numberAt(listOf(body)[0], "id"))

export const choiceIdOf = (hub: HubProcess.HubProcess, code: string) =>
  Effect.map(hub.request("GET", "/api/v1/integration/mes/choice-mappings"), ({ body }) => {
    const found = listOf(body).find((mapping) => JSON.stringify(mapping).includes(`"${code}"`))
    return numberAt(found, "choiceId")
  })

/** Looks until it is so. Bounded by the test's time limit. */
export const until = Effect.fnUntraced(function* <A>(look: Effect.Effect<A>, done: (value: A) => boolean) {
  for (;;) {
    const value = yield* look
    if (done(value)) return value
    yield* Effect.sleep(50)
  }
})

/** Maps the category and prices the sticker, which brings card and sticker into the shop; gives them as the mall has them. */
export const openShop = Effect.fnUntraced(function* ({ hub, mall }: Scene) {
  const stickerId = yield* productIdOf(hub, "10003")
  expectStatus(200)(yield* hub.request("PUT", `/api/v1/products/${stickerId}/price`, { body: { sellingPrice: 5_000 } }))
  yield* mapCategory(hub)
  const inShop = yield* until(
    hub.request("GET", "/api/v1/integration/shopby/products?status=synced"),
    ({ body }) => listOf(body).length >= 2
  )
  const products = yield* mall.products
  const of = (huniCode: string) => {
    const found = products.find(({ managementCode }) => managementCode === huniCode)
    assert(found !== undefined, `${huniCode} is not in the shop: ${JSON.stringify(inShop.body)}`)
    return found
  }
  return { card: of("10001"), sticker: of("10003"), stickerId, cardId: yield* productIdOf(hub, "10001") }
})

/** Into category 77 of the shop. */
export const mapCategory = Effect.fnUntraced(function* (hub: HubProcess.HubProcess) {
  const categories = expectStatus(200)(yield* hub.request("GET", "/api/v1/integration/shopby/categories"))
  const path = `/api/v1/integration/shopby/categories/${numberAt(listOf(categories.body)[0], "categoryId")}`
  expectStatus(200)(yield* hub.request("PUT", path, { body: { shopbyCategoryNo: 77 } }))
})

/** The mall's webhook for an order, signed. */
export const tellOfOrder = (
  hub: HubProcess.HubProcess,
  order: ShopbyMall.MallOrder,
  options: { readonly id?: string } = {}
) => {
  const body = ShopbyMall.webhookOf(order)
  return hub.request("POST", "/api/v1/integration/shopby/orders", { body, headers: Webhook.signed(body, options) })
}

/** The plant's callback for a job, signed. */
export const tellOfJob = (hub: HubProcess.HubProcess, job: MesPlant.PlantJob, status: string) => {
  const body = JSON.stringify({ mesJobId: job.mesJobId, status })
  return Effect.map(
    hub.request("PUT", `/api/v1/integration/mes/orders/${job.orderId}/status`, { body, headers: Webhook.signed(body) }),
    expectStatus(200)
  )
}

/** The only hub order of this order of the shop. */
export const hubOrderOf = Effect.fnUntraced(function* (hub: HubProcess.HubProcess, orderNo: string) {
  const answer = expectStatus(200)(yield* hub.request("GET", "/api/v1/orders?source=shopby&limit=100"))
  const found = listOf(answer.body).filter((order) => at(order, "externalOrderId") === orderNo)
  assert.isAtMost(found.length, 1, `two orders for ${orderNo}`)
  return found[0]
})

/** Events of these types in the log, oldest first. */
export const eventsOf = Effect.fnUntraced(function* (hub: HubProcess.HubProcess, type: string) {
  const answer = expectStatus(200)(yield* hub.request("GET", `/api/v1/events?type=${type}&limit=100`))
  return listOf(answer.body)
})

/** No dead letter, nothing parked, nothing unread. */
export const expectNothingWaiting = Effect.fnUntraced(function* (hub: HubProcess.HubProcess) {
  const { body } = yield* until(hub.request("GET", "/api/v1/integrations"), (answer) =>
    listOf(answer.body).every((one) => at(one, "lag") === 0 && at(one, "parked") === 0)
  )
  for (const one of listOf(body)) assert.strictEqual(numberAt(one, "dead"), 0, stringAt(one, "name"))
})
