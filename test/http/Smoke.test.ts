import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { embedded } from "../support/Databases.ts"
import * as Hub from "../support/TestHub.ts"
layer(Hub.layer(embedded), { excludeTestServices: true })("smoke", (it) => {
  it.effect("x", () => Effect.gen(function*() {
    const { request } = yield* Hub.TestHub
    for (const [m, p, b] of [["GET", "/health"], ["GET", "/health/ready"], ["GET", "/metrics"], ["GET", "/api/v1/products"], ["POST", "/api/v1/products", { name: "Card", productType: "card" }], ["POST", "/api/v1/products", { name: "" }], ["GET", "/api/v1/products/1"], ["PUT", "/api/v1/products/1"], ["GET", "/api/v1/integrations"], ["GET","/openapi.json"], ["GET", "/api/v1/events"]] as const) {
      const r = yield* request(m, p, b === undefined ? {} : { body: b })
      console.log(m, p, r.status, r.headers["content-type"], r.headers["allow"], r.text.slice(0, 400))
    }
    assert.isTrue(true)
  }))
})
