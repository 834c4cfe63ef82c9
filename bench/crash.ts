/**
 * Crash drill: the hub is killed (SIGKILL) at random moments while orders come in; an independent MES keeps the ledger.
 * Prints, last: orders answered 201, jobs made, orders without a job, jobs made twice, the longest recovery.
 *
 *     node bench/crash.ts [orders] [kills]     default 10000 and 20; DATABASE_URL for a server, else embedded
 */
import { Clock, Effect, Fiber, Ref } from "effect"
import * as HubProcess from "../test/support/HubProcess.ts"
import * as MesPlant from "../test/support/MesPlant.ts"
import * as Shop from "../test/support/Shop.ts"

const orders = Number(process.argv[2] ?? 10_000)
const kills = Number(process.argv[3] ?? 20)
const concurrency = 20

const drill = Effect.scoped(
  Effect.gen(function* () {
    const plant = yield* MesPlant.make
    const databaseUrl = process.env["DATABASE_URL"]
    const env = {
      ...(databaseUrl === undefined
        ? { HUB_DATA_DIR: yield* HubProcess.dataDirectory }
        : { DATABASE_URL: databaseUrl }),
      LOG_LEVEL: "error",
      MES_MODE: "live",
      MES_BASE_URL: plant.url,
      MES_API_KEY: "plant-key"
    }
    const running = yield* Ref.make(yield* HubProcess.start(env))
    const shop = yield* Shop.setUp(yield* Ref.get(running))
    const placed = yield* Ref.make<ReadonlyArray<string>>([])
    let longest = 0

    /** Tries until one hub answers 201. An attempt that was cut off may have stored an order: the ledger counts it too. */
    const place = Effect.gen(function* () {
      for (;;) {
        const hub = yield* Ref.get(running)
        const answer = yield* Effect.exit(
          Shop.order(hub, { productId: shop.cardId, choiceIds: [shop.paperId, shop.coatingId] })
        )
        if (answer._tag === "Success") {
          yield* Ref.update(placed, (all) => [...all, answer.value])
          return
        }
        yield* Effect.sleep(50)
      }
    })
    const placing = yield* Effect.forkChild(
      Effect.forEach(Array.from({ length: orders }), () => place, { concurrency, discard: true })
    )
    for (let kill = 1; kill <= kills; kill++) {
      // At random within the share of the orders that belongs to this kill.
      const target = ((kill - 1 + Math.random()) * orders) / kills
      while ((yield* Ref.get(placed)).length < target) yield* Effect.sleep(20)
      yield* (yield* Ref.get(running)).kill
      const before = (yield* plant.jobs).length
      const started = yield* Clock.currentTimeMillis
      yield* Ref.set(running, yield* HubProcess.start(env))
      yield* plant.awaitJobs(before + 1)
      const took = (yield* Clock.currentTimeMillis) - started
      longest = Math.max(longest, took)
      console.log(`kill ${kill}: ${(yield* Ref.get(placed)).length} orders placed, dispatching again after ${took} ms`)
    }
    yield* Fiber.join(placing)
    const hub = yield* Ref.get(running)
    for (;;) {
      const { body } = yield* hub.request("GET", "/api/v1/integrations/mes")
      if (Shop.at(body, "lag") === 0 && Shop.at(body, "parked") === 0) break
      yield* Effect.sleep(200)
    }
    const jobs = yield* plant.jobs
    const made = new Map<string, number>()
    for (const { orderId } of jobs) made.set(orderId, (made.get(orderId) ?? 0) + 1)
    const ids = yield* Ref.get(placed)
    const missing = ids.filter((id) => !made.has(id)).length
    const twice = [...made.values()].filter((count) => count > 1).length
    const { body } = yield* hub.request("GET", "/api/v1/dead-letters?status=pending")
    console.log(
      `orders ${ids.length}  jobs ${jobs.length}  without a job ${missing}  made twice ${twice}  ` +
        `dead letters ${Shop.numberAt(body, "meta", "total")}  longest recovery ${longest} ms`
    )
    if (missing + twice > 0) process.exitCode = 1
  })
)

await Effect.runPromise(drill)
