import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { saysNotFound, verdictOf } from "../../../src/adapters/edicus/EdicusFailure.ts"

const verdict = (body: unknown, secrets: ReadonlyArray<string> = []) => verdictOf(secrets)({ body })
const tagOf = (code: unknown) => verdict({ err: { code, message: "m" } })?._tag

describe("EdicusFailure", () => {
  it("AC-EDICUS-008 finds the error inside an answer, and none where there is none", () => {
    assert.deepStrictEqual(verdict({ err: { code: "project-locked", message: "wait", info: { a: 1 } } }), {
      _tag: "Rejected",
      message: "Edicus reports an error (project-locked: wait)",
      code: "project-locked"
    })
    for (const body of [{ order_id: 1 }, { err: null, result: [] }, [], "err", null, undefined]) {
      assert.isUndefined(verdict(body))
    }
  })

  it("AC-EDICUS-008 an error in any other shape is an error too", () => {
    for (const err of [{}, "broken", 7, true, { code: {} }, { message: 1 }, { code: null, message: null }]) {
      assert.strictEqual(verdict({ err })?._tag, "Rejected", JSON.stringify(err))
    }
  })

  it("AC-EDICUS-008 tells by the code what passes, what is too much, and what is the credential's fault", () => {
    for (const code of ["unavailable", "UNAVAILABLE", "deadline-exceeded", "internal", "timeout", 500, "503", 408]) {
      assert.strictEqual(tagOf(code), "Transient", String(code))
    }
    for (const code of ["resource-exhausted", "too many requests", 429]) assert.strictEqual(tagOf(code), "RateLimited")
    for (const code of ["unauthenticated", "permission-denied", 401, "403"]) {
      assert.strictEqual(tagOf(code), "Unauthorized")
    }
    for (const code of ["not-found", "already-ordered", 400, 404, 1500, "5xx", -1, "constructor", "__proto__"]) {
      assert.strictEqual(tagOf(code), "Rejected", String(code))
    }
  })

  it("knows when there is no such order", () => {
    for (const code of ["order-not-found", "NOT_FOUND", "notFound", "404"]) assert.isTrue(saysNotFound({ code }), code)
    assert.isTrue(saysNotFound({ status: 404 }))
    assert.isFalse(saysNotFound({ status: 200, code: "1404" }))
    assert.isFalse(saysNotFound({}))
  })

  it.prop(
    "repeats no credential, and not too much of anything",
    [Schema.Struct({ code: Schema.String, message: Schema.String })],
    ([{ code, message }]) => {
      const found = verdict({ err: { code: `${code}key-1`, message: `uid-2${message}key-1` } }, ["key-1", "uid-2"])
      const text = JSON.stringify(found)
      assert.notInclude(text, "key-1")
      assert.notInclude(text, "uid-2")
      assert.isAtMost([...(found?.message ?? "")].length, 340)
      assert.isTrue(found?.message.isWellFormed())
    }
  )
})
