import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { type AlertState, type Level, type Notice, quiet, step } from "../../src/domain/Alert.ts"

const coolDown = 900
const Observed = Schema.Struct({
  level: Schema.NullOr(Schema.Literals([0, 1, 2])),
  wait: Schema.Literals([0, 1, 60, 300, 899, 900, 1000])
})
const Script = Schema.Array(Observed).check(Schema.isMinLength(1), Schema.isMaxLength(60))

interface Seen {
  readonly level: Level | null
  readonly wait: number
}

const play = (script: ReadonlyArray<Seen>) => {
  let state: AlertState = quiet
  let now = 0
  const told: Array<{ notice: Notice; at: number; level: Level | null }> = []
  for (const { level, wait } of script) {
    now += wait
    const taken = step(state, level, now, coolDown)
    state = taken.state
    if (taken.notice !== null) told.push({ notice: taken.notice, at: now, level })
  }
  return { told, state, now }
}

describe("Alert", () => {
  it.prop(
    "Property 42: an episode is raised once, worsens at most once more, and recovers once, in that order",
    [Script],
    ([script]) => {
      const words = play(script).told.map(({ notice }) => notice)
      assert.match(`${words.join(" ")} `, /^(raised (worsened )?recovered )*(raised (worsened )?)?$|^ $/)
    },
    { arbitrary: { runs: 500 } }
  )

  it.prop(
    "Property 42: nothing is raised but on a bad observation, nothing recovers but on a good one, and what is unknown changes nothing",
    [Script],
    ([script]) => {
      for (const { level, notice } of play(script).told) {
        if (notice === "recovered") assert.strictEqual(level, 0)
        else assert.isAtLeast(level ?? 0, 1)
      }
      // Leaving the unknown ones out, at the same times, tells the same.
      let waited = 0
      const known = script.flatMap(({ level, wait }) => {
        waited += wait
        if (level === null) return []
        const taken = { level, wait: waited }
        waited = 0
        return [taken]
      })
      assert.deepStrictEqual(play(known).told, play(script).told)
    },
    { arbitrary: { runs: 300 } }
  )

  it.prop(
    "after a recovery the same or a milder alert is silent for the cool-down; a worse one is not",
    [Script],
    ([script]) => {
      const { told } = play(script)
      told.forEach(({ at, level, notice }, index) => {
        const before = told[index - 1]
        if (notice !== "raised" || before === undefined) return
        assert.strictEqual(before.notice, "recovered")
        const worst = told[index - 2]?.level ?? 0
        assert.isTrue(at - before.at >= coolDown || (level ?? 0) > worst)
      })
    },
    { arbitrary: { runs: 500 } }
  )

  it.prop(
    "what stays bad is told of, at the latest when the cool-down is over",
    [Script, Schema.Literals([1, 2])],
    ([script, level]) => {
      const { state } = play([...script, { level, wait: 1 }, { level, wait: coolDown }])
      assert.strictEqual(state._tag, "Firing")
    },
    { arbitrary: { runs: 300 } }
  )

  it("tells of degraded, then unhealthy, not of degraded again, then of recovery; then rests", () => {
    const levels = [0, 1, 1, 2, 1, 2, 0, 1, 0, 2, null, 0] as const
    const { told } = play(levels.map((level) => ({ level, wait: 60 })))
    assert.deepStrictEqual(
      told.map(({ at, notice }) => [notice, at]),
      [
        ["raised", 120],
        ["worsened", 240],
        ["recovered", 420]
      ]
    )
  })
})
