/** Designs and their rendering on the hub as its users run it: live mode against an independent Edicus, over HTTP. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { HubProcess } from "../support/HubProcess.ts"
import * as Scene from "../support/Scene.ts"
import { until } from "../support/Scene.ts"
import { at, expectStatus, stringAt } from "../support/Shop.ts"
import * as EdicusPlatform from "../support/EdicusPlatform.ts"
import { garbage } from "../support/simulator/Faults.ts"

const edicusApi = "/api/v1/integration/edicus"

/** A design of a project that exists in Edicus, stored in the hub. */
const design = Effect.fnUntraced(function* ({ edicus, hub }: Scene.Scene, project = "project-1") {
  yield* edicus.addProject(project)
  const answer = yield* hub.request("POST", `${edicusApi}/designs`, {
    body: {
      productId: yield* Scene.productIdOf(hub, "10001"),
      designData: { pages: [{ text: "안녕" }], cover: null },
      editorSessionId: "session-1",
      edicusProjectId: project
    }
  })
  return stringAt(expectStatus(201)(answer).body, "designId")
})

const render = (hub: HubProcess, designId: string, body: Readonly<Record<string, string>> = {}) =>
  Effect.map(hub.request("POST", `${edicusApi}/render`, { body: { designId, ...body } }), (answer) => {
    assert.deepInclude(expectStatus(202)(answer).body, { designId, status: "queued" })
    return stringAt(answer.body, "renderJobId")
  })

const jobOf = (hub: HubProcess, renderJobId: string) =>
  Effect.map(
    hub.request("GET", `${edicusApi}/render/${renderJobId}/status`),
    (answer) => expectStatus(200)(answer).body
  )

const ended = (hub: HubProcess, renderJobId: string) =>
  until(jobOf(hub, renderJobId), (job) => at(job, "status") === "completed" || at(job, "status") === "failed")

describe("a design is rendered", () => {
  it.live(
    "AC-EDICUS-001 AC-EDICUS-003 AC-EDICUS-004 AC-EDICUS-005 AC-EDICUS-006 from the editor's configuration to the file",
    () =>
      Effect.gen(function* () {
        const scene = yield* Scene.open()
        const { edicus, hub } = scene
        const productId = yield* Scene.productIdOf(hub, "10001")
        const config = expectStatus(200)(yield* hub.request("GET", `${edicusApi}/products/${productId}/config`))
        assert.deepInclude(config.body, { productId, edicusCode: "HU_10001", templateId: "t-1" })
        yield* edicus.renderAfter(1)
        const designId = yield* design(scene)
        const renderJobId = yield* render(hub, designId, { outputFormat: "png", quality: "preview" })
        const job = yield* ended(hub, renderJobId)
        const [order] = yield* edicus.orders
        assert.deepInclude(order, {
          projectId: "project-1",
          partnerOrderId: renderJobId,
          status: "rendered",
          starts: 1
        })
        const url = `https://files.example.com/${order?.id}.png`
        assert.deepInclude(job, {
          renderJobId,
          designId,
          status: "completed",
          outputFormat: "png",
          quality: "preview",
          renderedFileUrl: url,
          error: null
        })
        assert.isString(at(job, "completedAt"))
        const stored = expectStatus(200)(yield* hub.request("GET", `${edicusApi}/designs/${designId}`))
        assert.deepInclude(stored.body, { renderedFileUrl: url, edicusProjectId: "project-1" })
        assert.deepStrictEqual(at(stored.body, "designData"), { pages: [{ text: "안녕" }], cover: null })
        assert.strictEqual((yield* edicus.orders).length, 1)
        assert.deepStrictEqual(yield* edicus.refusals, [])
        assert.notInclude(hub.output(), edicus.apiKey)
      }),
    120_000
  )

  it.live(
    "AC-EDICUS-006 AC-EDICUS-008 a failed render and an error inside a 200 end in the job, with the reason",
    () =>
      Effect.gen(function* () {
        const scene = yield* Scene.open()
        const { edicus, hub } = scene
        const first = yield* render(hub, yield* design(scene))
        const [order] = yield* until(edicus.orders, (all) => all.some(({ status }) => status !== "ordering"))
        yield* edicus.failRender(order?.id ?? 0)
        assert.deepInclude(yield* ended(hub, first), { status: "failed", renderedFileUrl: null })

        yield* edicus.faults.plan("tentative", EdicusPlatform.logicalError("not-allowed", "this project is locked"))
        const job = yield* ended(hub, yield* render(hub, yield* design(scene, "project-2")))
        assert.deepInclude(job, { status: "failed", renderedFileUrl: null })
        assert.include(stringAt(job, "error"), "this project is locked")
        const letters = yield* hub.request("GET", "/api/v1/dead-letters")
        assert.deepStrictEqual(at(letters.body, "data"), [])
      }),
    120_000
  )

  it.live(
    "AC-EDICUS-009 lost answers and kill -9 in the middle make no second order, and the job is completed",
    () =>
      Effect.gen(function* () {
        const scene = yield* Scene.open({ EDICUS_TIMEOUT: "1 second", EDICUS_BREAKER_OPEN: "1 second" })
        const { edicus } = scene
        const designId = yield* design(scene)
        yield* edicus.faults.plan("tentative", { _tag: "LoseAnswer", by: "Reset" })
        yield* edicus.faults.plan("definitive", { _tag: "LoseAnswer", by: "Reset" })
        const renderJobId = yield* render(scene.hub, designId)
        // Ordered, and rendering: the hub dies while it waits.
        yield* until(edicus.orders, (all) => all.some(({ looks }) => looks > 0))
        yield* scene.hub.kill
        yield* edicus.renderAfter(1)
        const hub = yield* scene.restart
        const job = yield* ended(hub, renderJobId)
        assert.deepInclude(job, { status: "completed" })
        const orders = yield* edicus.orders
        assert.strictEqual(orders.length, 1)
        assert.deepInclude(orders[0], { partnerOrderId: renderJobId, starts: 1 })
        assert.strictEqual(at(job, "renderedFileUrl"), `https://files.example.com/${orders[0]?.id}.pdf`)
      }),
    120_000
  )

  it.live(
    "an outage and garbage are outlived; a second render of a design renders its order again",
    () =>
      Effect.gen(function* () {
        const scene = yield* Scene.open({ EDICUS_TIMEOUT: "1 second", EDICUS_BREAKER_OPEN: "1 second" })
        const { edicus, hub } = scene
        const designId = yield* design(scene)
        yield* edicus.renderAfter(1)
        yield* edicus.faults.plan("*", garbage, 2)
        yield* edicus.simulator.refuse
        const first = yield* render(hub, designId)
        yield* until(hub.request("GET", "/api/v1/integrations/edicus"), ({ body }) => at(body, "circuit") === "OPEN")
        assert.notStrictEqual(at(yield* jobOf(hub, first), "status"), "failed")
        yield* edicus.simulator.accept
        assert.strictEqual(at(yield* ended(hub, first), "status"), "completed")
        const second = yield* ended(hub, yield* render(hub, designId, { outputFormat: "png" }))
        assert.strictEqual(at(second, "status"), "completed")
        const orders = yield* edicus.orders
        assert.strictEqual(orders.length, 1)
        assert.strictEqual(orders[0]?.starts, 2)
        assert.strictEqual(at(second, "renderedFileUrl"), `https://files.example.com/${orders[0]?.id}.png`)
      }),
    120_000
  )
})
