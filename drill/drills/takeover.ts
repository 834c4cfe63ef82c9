/**
 * Two hubs on one PostgreSQL database. Orders and reports go to both by turns; one of them handles the events. That one
 * is killed (SIGKILL), and at the end stopped (SIGTERM): the other must take over, with each job made once and none by
 * two hubs at the same time.
 */
import { Clock, Deferred, Effect, Fiber, Option, Ref } from "effect"
import type { HubProcess } from "../../test/support/HubProcess.ts"
import * as Scene from "../../test/support/Scene.ts"
import * as Audit from "../harness/Audit.ts"
import * as Customers from "../harness/Customers.ts"
import type { Drill, Options } from "../harness/Drill.ts"
import * as Findings from "../harness/Findings.ts"
import { judge } from "../harness/Judgement.ts"
import { merge, slowRecoveries } from "../harness/Ledger.ts"
import * as PlantFloor from "../harness/PlantFloor.ts"
import * as ServerDatabase from "../harness/ServerDatabase.ts"

const size = { short: { kills: 1, orders: 20 }, long: { kills: 10, orders: 200 } }

/** Milliseconds from the end of a hub that was asked to stop to the first job by the other one. */
const handOverLimit = 5000

/** The plant takes this many milliseconds for a job, so that two at the same time can be seen. */
const jobMillis = 10

/** The plant first: its hub is the one that is ended. */
const adapters = ["mes", "shopby"]

/** Events that a hub's adapter has handled. */
const delivered = (hub: HubProcess, adapter: string) =>
  Effect.map(hub.request("GET", "/metrics"), ({ body }) => {
    const line = String(body)
      .split("\n")
      .find((one) => isDelivered.test(one) && one.includes(`adapter="${adapter}"`))
    return Number(line?.split(" ").at(-1) ?? 0)
  })
const isDelivered = /^event_deliveries_total\{.*outcome="delivered"/

interface Hubs {
  readonly first: Ref.Ref<HubProcess>
  readonly second: Ref.Ref<HubProcess>
}

const run = Effect.fnUntraced(function* (url: string, options: Options) {
  const { kills, orders } = size[options.form]
  const scene = yield* Scene.open({ LOG_LEVEL: "error", DATABASE_URL: url })
  const { plant } = scene
  yield* plant.setMood({ _tag: "Slow", arrived: yield* Deferred.make<void>(), millis: jobMillis })
  const hubs: Hubs = {
    first: yield* Ref.make(scene.hub),
    second: yield* Ref.make(yield* scene.restart)
  }
  let turn = 0
  const target = Effect.suspend(() => Ref.get(turn++ % 2 === 0 ? hubs.first : hubs.second))
  const customers = yield* Customers.make(scene, target)
  const floor = yield* PlantFloor.make(plant, target)
  const {
    ledger: found,
    recoveries,
    violations
  } = Findings.make(options, plant, customers.answered, [customers, floor])

  /** While nothing happens to them, the same hub handles all events of an adapter. Gives the one of the plant. */
  const findOwner = Effect.gen(function* () {
    const first = yield* Ref.get(hubs.first)
    const second = yield* Ref.get(hubs.second)
    const count = Effect.forEach(adapters, (adapter) =>
      Effect.all([delivered(first, adapter), delivered(second, adapter)])
    )
    const before = yield* count
    yield* customers.place(orders)
    yield* Audit.settled(first)
    const after = yield* count
    const handled = after.map((counts, index) => counts.map((now, hub) => now - (before[index]?.[hub] ?? 0)))
    for (const [index, adapter] of adapters.entries()) {
      const [byFirst = 0, bySecond = 0] = handled[index] ?? []
      if (byFirst > 0 === bySecond > 0) {
        violations.push(`events of ${adapter}: ${byFirst} handled by one hub and ${bySecond} by the other`)
      }
    }
    const [byFirst = 0, bySecond = 0] = handled[0] ?? []
    return byFirst > bySecond ? hubs.first : hubs.second
  })

  /** Ends the owner while orders come in. Gives the time of its end and when the other one made its first job. */
  const succession = Effect.fnUntraced(function* (owner: Ref.Ref<HubProcess>, end: Effect.Effect<unknown>) {
    const settled = customers.settled()
    const placing = yield* Effect.forkChild(customers.place(orders))
    yield* customers.awaitSettled(settled + orders / 2)
    yield* end
    const ended = yield* Clock.currentTimeMillis
    // What the dead one had sent arrives in this time, and does not pass for a job of the other.
    yield* Effect.sleep(50)
    const made = (yield* plant.jobs).length
    const next = yield* Effect.timeoutOption(plant.awaitJobs(made + 1), "1 minute")
    const millis = (yield* Clock.currentTimeMillis) - ended
    if (Option.isNone(next)) violations.push("nobody took over in a minute")
    yield* Ref.set(owner, yield* scene.restart)
    yield* Fiber.join(placing)
    return millis
  })

  for (let count = 1; count <= kills; count++) {
    const owner = yield* findOwner
    const name = owner === hubs.first ? "first" : "second"
    const took = yield* succession(
      owner,
      Effect.flatMap(Ref.get(owner), ({ kill }) => kill)
    )
    recoveries.push(took)
    options.say(`kill ${count}, of the ${name} hub: the other one's first job after ${took} ms`)
  }
  const owner = yield* findOwner
  const asked = Effect.flatMap(Ref.get(owner), ({ stop }) => stop)
  const handOver = yield* succession(
    owner,
    Effect.tap(asked, (code) => Effect.sync(() => code !== 0 && violations.push(`SIGTERM ended a hub with ${code}`)))
  )
  options.say(`asked to stop: the other one's first job ${handOver} ms after its end`)
  violations.push(...slowRecoveries([handOver], handOverLimit).map((fault) => `hand-over on SIGTERM: ${fault}`))

  options.say(`${customers.answered.size} answered, ${customers.unanswered().length} wait for the key of a dead hub`)
  if (options.form === "long") yield* customers.insist
  const hub = yield* Ref.get(hubs.first)
  yield* Audit.settled(hub)
  yield* floor.finish
  const ledger = yield* judge(hub, scene, { answered: customers.answered, shipped: floor.shipped })
  const overlaps = (yield* plant.overlaps).map((key) => `two requests of key ${key} at the same time`)
  return merge(ledger, found(), { violations: overlaps })
})

export const drills: ReadonlyArray<Drill> = [
  {
    name: "take-over",
    what: "two hubs on one PostgreSQL database; the one that handles the events is killed, or asked to stop",
    within: { short: 120, long: 1200 },
    run: (options) => ServerDatabase.onFresh((url) => run(url, options))
  }
]
