/**
 * The hub as a process of its own is killed (SIGKILL) around a dispatch; an independent MES outlives it and keeps the
 * ledger. After the restart each order has exactly one job.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import { embeddedDirectory } from "../support/Databases.ts"
import * as HubProcess from "../support/HubProcess.ts"
import * as MesPlant from "../support/MesPlant.ts"
import * as Shop from "../support/Shop.ts"

const scene = Effect.gen(function* () {
  const plant = yield* MesPlant.make
  const directory = yield* embeddedDirectory
  const env = { HUB_DATA_DIR: directory, MES_MODE: "live", MES_BASE_URL: plant.url, MES_API_KEY: "plant-key" }
  const hub = yield* HubProcess.start(env)
  const shop = yield* Shop.setUp(hub)
  return { plant, hub, shop, restart: HubProcess.start(env) }
})

const oneJob = (plant: MesPlant.MesPlant, orderId: string) =>
  Effect.map(plant.jobs, (jobs) => {
    const made = jobs.filter((job) => job.orderId === orderId)
    assert.strictEqual(made.length, 1)
    const [job] = made
    assert.deepInclude(job, {
      itemCode: "001-0001",
      part: null,
      materialCodes: ["M-100"],
      processCodes: ["P-200"],
      quantity: 100
    })
  })

describe("kill -9", () => {
  it.live(
    "AC-EVT-007 between the 201 and the dispatch: one job after the restart",
    () =>
      Effect.gen(function* () {
        const { plant, hub, shop, restart } = yield* scene
        // An operator's hold keeps the order waiting in the log.
        yield* hub.request("POST", "/api/v1/integrations/mes/circuit", { body: { action: "force-open" } })
        const orderId = yield* Shop.order(hub, { productId: shop.cardId, choiceIds: [shop.paperId, shop.coatingId] })
        yield* hub.kill
        assert.strictEqual(yield* plant.dispatches, 0)
        const again = yield* restart
        yield* Shop.awaitStatus(again, orderId, "PRODUCTION_WAITING")
        yield* oneJob(plant, orderId)
      }),
    60_000
  )

  for (const [name, mood] of [
    ["AC-EVT-007 during the call to the MES: one job after the restart", "Hang"],
    ["AC-MES-009 after the MES accepted, before its answer arrived: one job after the restart", "AcceptAndHang"]
  ] as const) {
    it.live(
      name,
      () =>
        Effect.gen(function* () {
          const { plant, hub, shop, restart } = yield* scene
          const arrived = yield* Deferred.make<void>()
          yield* plant.setMood({ _tag: mood, arrived })
          const orderId = yield* Shop.order(hub, { productId: shop.cardId, choiceIds: [shop.paperId, shop.coatingId] })
          yield* Deferred.await(arrived)
          yield* hub.kill
          yield* plant.setMood({ _tag: "Accept" })
          const again = yield* restart
          yield* Shop.awaitStatus(again, orderId, "PRODUCTION_WAITING")
          yield* oneJob(plant, orderId)
        }),
      60_000
    )
  }
})
