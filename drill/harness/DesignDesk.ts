/** Customers of the design editor: 25 designs at once, each saved twice and rendered twice under one Idempotency-Key. */
import { Effect } from "effect"
import type { Answer, HubProcess } from "../../test/support/HubProcess.ts"
import type { EdicusPlatform } from "../../test/support/EdicusPlatform.ts"
import * as Scene from "../../test/support/Scene.ts"
import { at, stringAt } from "../../test/support/Shop.ts"
import { merge, settle } from "./Ledger.ts"
import { send, type Target } from "./Sender.ts"
import { atOnce, shuffled } from "./Webhooks.ts"

export const make = Effect.fnUntraced(function* (scene: Scene.Scene, target: Target, random: () => number) {
  const { edicus } = scene
  const productId = yield* Scene.productIdOf(scene.hub, "10001")
  yield* edicus.renderAfter(1)
  /** Render jobs by project. */
  const renders = new Map<string, string>()
  const violations: Array<string> = []
  let count = 0

  /** All requests at the same time, each twice; gives the id that both answers have. */
  const twice = Effect.fnUntraced(function* (
    names: ReadonlyArray<string>,
    path: string,
    request: (name: string) => { readonly body: unknown; readonly idAt: string; readonly status: number }
  ) {
    const ids = new Map<string, string>()
    yield* Effect.forEach(
      shuffled([...names, ...names], random),
      Effect.fnUntraced(function* (name) {
        const { body, idAt, status } = request(name)
        const answer = yield* insist(target, (hub) =>
          hub.request("POST", path, { body, headers: { "idempotency-key": name } })
        )
        if (answer.status !== status) {
          violations.push(`${path} for ${name} answered ${answer.status}: ${JSON.stringify(answer.body)}`)
          return
        }
        const id = stringAt(answer.body, idAt)
        const before = ids.get(name)
        if (before !== undefined && before !== id) violations.push(`${path} for ${name}: both ${before} and ${id}`)
        ids.set(name, id)
      }),
      { concurrency: "unbounded", discard: true }
    )
    return ids
  })

  const round = Effect.gen(function* () {
    const projects = Array.from({ length: atOnce / 2 }, () => `project-${++count}`)
    for (const project of projects) yield* edicus.addProject(project)
    const designs = yield* twice(projects, "/api/v1/integration/edicus/designs", (edicusProjectId) => ({
      body: { productId, designData: {}, editorSessionId: `session of ${edicusProjectId}`, edicusProjectId },
      idAt: "designId",
      status: 201
    }))
    const started = yield* twice([...designs.keys()], "/api/v1/integration/edicus/render", (project) => ({
      body: { designId: designs.get(project) },
      idAt: "renderJobId",
      status: 202
    }))
    for (const [project, renderJobId] of started) renders.set(project, renderJobId)
  })

  /** Waits for the renders; each must have been ordered once and be completed. */
  const judge = Effect.fnUntraced(function* (platform: EdicusPlatform) {
    const hub = yield* target
    const failed: Array<string> = []
    for (const [project, renderJobId] of renders) {
      const { body } = yield* Scene.until(
        hub.request("GET", `/api/v1/integration/edicus/render/${renderJobId}/status`),
        (answer) => at(answer.body, "status") === "completed" || at(answer.body, "status") === "failed"
      )
      if (at(body, "status") !== "completed") failed.push(`render of ${project}: ${JSON.stringify(body)}`)
    }
    const orders = yield* platform.orders
    const ledger = settle(
      renders.keys(),
      orders.map(({ projectId }) => ({ id: projectId }))
    )
    const startedAgain = orders.flatMap(({ projectId, starts }) => (starts > 1 ? [projectId] : []))
    return merge(ledger, { duplicated: startedAgain, violations: failed })
  })

  return { round, judge, violations }
})

/** While the first of the two is at work, the second is told to come again. */
const insist = Effect.fnUntraced(function* (target: Target, attempt: (hub: HubProcess) => Effect.Effect<Answer>) {
  for (;;) {
    const answer = yield* send(target, attempt)
    if (answer.status !== 409) return answer
    yield* Effect.sleep(50)
  }
})
