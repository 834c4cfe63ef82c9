import { assert, describe, it } from "@effect/vitest"
import { Cause, Schema } from "effect"
import * as FailureText from "../../../src/services/events/FailureText.ts"
import { rejected, transient } from "../../support/events/Samples.ts"

describe("FailureText", () => {
  it.prop("is text that PostgreSQL can store, and short", [Schema.String], ([text]) => {
    const lone = `${text}\ud800${text}\0${text}\udfff`
    const escaped = FailureText.escapeText(lone)
    assert.isTrue(escaped.isWellFormed())
    assert.notInclude(escaped, "\0")
    assert.isAtMost(FailureText.escapeText("🙂\ud800".repeat(10_000)).length, 6 * 4000)
  })

  it("leaves sound text as it is", () => {
    assert.strictEqual(FailureText.escapeText("한글 🙂 \\u0000 \n"), "한글 🙂 \\u0000 \n")
  })

  it("sorts causes: a defect before an error, an interruption by itself is an interruption", () => {
    assert.deepStrictEqual(FailureText.fromCause(Cause.fail(rejected)), {
      failure: { _tag: "Error", error: rejected },
      message: "refused",
      chain: ["Rejected: refused"]
    })
    const both = Cause.combine(Cause.fail(transient), Cause.die(new TypeError("a bug")))
    assert.deepInclude(FailureText.fromCause(both), { failure: { _tag: "Defect" }, chain: ["TypeError: a bug"] })
    assert.deepInclude(FailureText.fromCause(Cause.interrupt()), { failure: { _tag: "Interrupted" } })
  })

  it("describes whatever was thrown", () => {
    const hostile = {
      toString: () => {
        throw new Error("no text")
      }
    }
    const circular = new Error("round")
    circular.cause = circular
    assert.strictEqual(FailureText.describe({ _tag: "Defect" }, hostile).message, "a value without text")
    assert.strictEqual(FailureText.describe({ _tag: "Defect" }, "just text").message, "just text")
    assert.strictEqual(FailureText.describe({ _tag: "Defect" }, undefined).message, "undefined")
    assert.isAtMost(FailureText.describe({ _tag: "Defect" }, circular).chain.length, 20)
    const nested = new Error("outer", { cause: new Error("middle", { cause: "inner" }) })
    assert.deepStrictEqual(FailureText.describe({ _tag: "Defect" }, nested).chain, [
      "Error: outer",
      "Error: middle",
      "inner"
    ])
  })
})
