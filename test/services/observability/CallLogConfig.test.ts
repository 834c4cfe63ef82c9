import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import * as HubConfig from "../../../src/services/HubConfig.ts"

describe("CallLogConfig", () => {
  it.effect("keeps everything for 30 days unless told otherwise", () =>
    Effect.gen(function* () {
      const { callLog } = yield* HubConfig.load({})
      assert.deepStrictEqual([Duration.toDays(callLog.keep), callLog.level, callLog.levels], [30, "bodies", {}])
    })
  )

  it.effect("reads level, levels and time", () =>
    Effect.gen(function* () {
      const { callLog, warnings } = yield* HubConfig.load({
        HUB_CALL_LOG: "all",
        HUB_CALL_LOG_LEVELS: "fx=errors, mes = none",
        HUB_CALL_LOG_KEEP: "7 days"
      })
      assert.deepStrictEqual([Duration.toDays(callLog.keep), callLog.level], [7, "all"])
      assert.deepStrictEqual(callLog.levels, { fx: "errors", mes: "none" })
      assert.deepStrictEqual(warnings, [])
    })
  )

  it.effect("refuses what it does not know", () =>
    Effect.gen(function* () {
      for (const levels of ["fx", "fx=loud", "=all", "fx=all=none", "fx=all,"]) {
        const error = yield* Effect.flip(HubConfig.load({ HUB_CALL_LOG_LEVELS: levels, HUB_CALL_LOG: "loud" }))
        assert.deepStrictEqual(
          error.problems.map((problem) => problem.slice(0, problem.indexOf(":"))),
          ["HUB_CALL_LOG", "HUB_CALL_LOG_LEVELS"],
          levels
        )
      }
    })
  )
})
