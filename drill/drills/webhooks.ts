/**
 * 50 signed webhooks at once for each adapter, half of them duplicates: the same `webhook-id` again, or the same matter
 * under another one. The shop tells of orders, the plant of its jobs; Edicus calls nobody, so 50 requests for designs
 * and renders come for it, each twice under its Idempotency-Key. In the long form the hub is also killed (SIGKILL) in
 * the middle of a round, and the senders repeat what was not answered.
 */
import { Effect, Fiber, Ref } from "effect"
import type { HubProcess } from "../../test/support/HubProcess.ts"
import type { PlantJob } from "../../test/support/MesPlant.ts"
import * as Scene from "../../test/support/Scene.ts"
import * as Audit from "../harness/Audit.ts"
import * as Crash from "../harness/Crash.ts"
import * as DesignDesk from "../harness/DesignDesk.ts"
import type { Drill, Options } from "../harness/Drill.ts"
import * as Findings from "../harness/Findings.ts"
import { judge } from "../harness/Judgement.ts"
import { type Ledger, merge, settle } from "../harness/Ledger.ts"
import * as ServerDatabase from "../harness/ServerDatabase.ts"
import * as Webhooks from "../harness/Webhooks.ts"

const size = { short: { rounds: 1, killEvery: 0 }, long: { rounds: 100, killEvery: 10 } }

const run = Effect.fnUntraced(function* (env: Readonly<Record<string, string>>, options: Options) {
  const { form, random, say } = options
  const { killEvery, rounds } = size[form]
  const scene = yield* Scene.open({ LOG_LEVEL: "error", ...env })
  const { edicus, plant } = scene
  const running = yield* Ref.make<HubProcess>(scene.hub)
  const target = Ref.get(running)
  const webhooks = yield* Webhooks.make(scene, target, random)
  const desk = yield* DesignDesk.make(scene, target, random)
  const shipped = new Set<PlantJob>()
  const findings = Findings.make(options, plant, webhooks.answered, [webhooks, desk])

  /** Kills the hub once some of the wave are answered, and starts it again. */
  const killed = Effect.fnUntraced(function* (wave: Effect.Effect<void>) {
    const before = webhooks.answers()
    const after = before + 1 + Math.floor(random() * Webhooks.atOnce)
    const sending = yield* Effect.forkChild(wave)
    yield* Scene.until(Effect.sync(webhooks.answers), (now) => now >= after)
    yield* Crash.make(scene, running, findings, 50)
    yield* Fiber.join(sending)
  })

  // The plant reports about the orders of the round before.
  yield* webhooks.orders
  yield* Audit.settled(yield* target)
  let reported = 0
  for (let round = 1; round <= rounds; round++) {
    const made = (yield* plant.jobs).slice(reported)
    reported += made.length
    const [first, ...others] = Webhooks.steps.map((step) => webhooks.reports(made, step))
    const incoming = Effect.all([webhooks.orders, first ?? Effect.void], { concurrency: 2, discard: true })
    if (killEvery > 0 && round % killEvery === 0) yield* killed(incoming)
    else yield* Effect.all([incoming, desk.round], { concurrency: 2, discard: true })
    for (const wave of others) yield* wave
    for (const job of made) shipped.add(job)
    yield* Audit.settled(yield* target)
    if (round % 10 === 0 || round === rounds) say(`round ${round}: ${webhooks.answers()} webhooks answered`)
  }

  const hub = yield* target
  const ledger = yield* judge(hub, scene, { answered: webhooks.answered, shipped })
  return merge(
    ledger,
    yield* desk.judge(edicus),
    toldTwice(yield* scene.mall.statusChanges, findings.recoveries.length),
    findings.ledger()
  )
})

/** Without a crash the shop is told of each status once. After one it may be told again, which changes nothing there. */
const toldTwice = (
  told: ReadonlyArray<{ readonly shippingNo: string; readonly orderStatusType: string }>,
  crashes: number
): Partial<Ledger> => {
  if (crashes > 0) return {}
  const changes = told.map(({ orderStatusType, shippingNo }) => ({ id: `delivery ${shippingNo} ${orderStatusType}` }))
  const { duplicated } = settle(
    changes.map(({ id }) => id),
    changes
  )
  return { duplicated }
}

const what = "50 signed webhooks at once per adapter, half of them duplicates"

export const drills: ReadonlyArray<Drill> = [
  {
    name: "webhooks-embedded",
    what: `${what}; embedded database`,
    within: { short: 90, long: 1800 },
    run: (options) => run({}, options)
  },
  {
    name: "webhooks-server",
    what: `${what}; PostgreSQL server`,
    within: { short: 90, long: 1800 },
    longOnly: true,
    run: (options) => ServerDatabase.onFresh((url) => run({ DATABASE_URL: url }, options))
  }
]
