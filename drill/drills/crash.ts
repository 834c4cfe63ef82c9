/**
 * The hub is killed (SIGKILL) at random moments while customers order and the plant reports; it is started again and
 * must dispatch within 15 s. At the end the plant, the shop and the event log decide.
 */
import { Effect, Fiber, Ref } from "effect"
import type { HubProcess } from "../../test/support/HubProcess.ts"
import * as Scene from "../../test/support/Scene.ts"
import * as Audit from "../harness/Audit.ts"
import * as Crash from "../harness/Crash.ts"
import * as Customers from "../harness/Customers.ts"
import type { Drill, Options } from "../harness/Drill.ts"
import * as Findings from "../harness/Findings.ts"
import { judge } from "../harness/Judgement.ts"
import { merge } from "../harness/Ledger.ts"
import * as PlantFloor from "../harness/PlantFloor.ts"
import * as ServerDatabase from "../harness/ServerDatabase.ts"

const size = { short: { orders: 150, kills: 2 }, long: { orders: 10_000, kills: 20 } }

/** So many orders of each share are left to be placed after its kill: there is something to recover for. */
const rest = 20

const run = Effect.fnUntraced(function* (env: Readonly<Record<string, string>>, options: Options) {
  const { form, random, say } = options
  const { kills, orders } = size[form]
  const scene = yield* Scene.open({ LOG_LEVEL: "error", ...env })
  const { plant } = scene
  const running = yield* Ref.make<HubProcess>(scene.hub)
  const customers = yield* Customers.make(scene, Ref.get(running))
  const floor = yield* PlantFloor.make(plant, Ref.get(running))
  const findings = Findings.make(options, plant, customers.answered, [customers, floor])

  const share = Math.ceil(orders / kills)
  for (let kill = 1; kill <= kills; kill++) {
    const before = customers.settled()
    const placing = yield* Effect.forkChild(customers.place(share))
    yield* customers.awaitSettled(before + Math.ceil(random() * (share - rest)))
    yield* Effect.sleep(random() * 50)
    const { listening, made, recovery } = yield* Crash.make(scene, running, findings, 50 + random() * 250)
    say(
      `kill ${kill}: ${customers.answered.size} orders answered, ${made} jobs; ` +
        `listening after ${listening} ms, next job after ${recovery} ms`
    )
    yield* Fiber.join(placing)
  }
  // The short form has no time for keys that a dead hub held: their orders are judged by what the hub has of them.
  say(`${customers.answered.size} answered, ${customers.unanswered().length} wait for the key that a dead hub held`)
  if (form === "long") yield* customers.insist
  const hub = yield* Ref.get(running)
  yield* Audit.settled(hub)
  yield* floor.finish
  const ledger = yield* judge(hub, scene, { answered: customers.answered, shipped: floor.shipped })
  return merge(ledger, findings.ledger())
})

const what = "kill -9 at random moments while customers order and the plant reports"

export const drills: ReadonlyArray<Drill> = [
  {
    name: "crash-embedded",
    what: `${what}; embedded database`,
    within: { short: 90, long: 1200 },
    run: (options) => run({}, options)
  },
  {
    name: "crash-server",
    what: `${what}; PostgreSQL server`,
    within: { short: 120, long: 1800 },
    longOnly: true,
    run: (options) => ServerDatabase.onFresh((url) => run({ DATABASE_URL: url }, options))
  }
]
