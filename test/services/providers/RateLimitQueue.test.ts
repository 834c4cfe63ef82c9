import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as RateLimitQueue from "../../../src/services/providers/RateLimitQueue.ts"

const Small = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 30 }))

const Step = Schema.Union([
  Schema.Struct({ _tag: Schema.tag("Enter"), patience: Small }),
  Schema.Struct({ _tag: Schema.tag("Reserve"), in: Small }),
  Schema.Struct({ _tag: Schema.tag("Leave"), place: Small }),
  Schema.Struct({ _tag: Schema.tag("Pass"), time: Small }),
  Schema.Struct({ _tag: Schema.tag("Pause"), time: Small })
])

describe("RateLimitQueue", () => {
  it("a caller who leaves gives the last slot back, and those behind move up", () => {
    const queue = RateLimitQueue.make<string>()
    for (const [index, name] of ["a", "b", "c"].entries()) {
      queue.enter(name, 100)
      assert.deepStrictEqual(queue.reserve(10 * (index + 1)), { _tag: "Kept" })
    }
    assert.strictEqual(queue.leave("a"), "Freed")
    assert.deepStrictEqual(queue.due(10), ["b"])
    assert.deepStrictEqual(queue.due(20), ["c"])
    assert.strictEqual(queue.leave("a"), "Gone")
    assert.isUndefined(queue.next())
  })

  it("who cannot be served in time is the one in the last place", () => {
    const queue = RateLimitQueue.make<string>()
    queue.enter("a", 10)
    queue.enter("b", 20)
    assert.deepStrictEqual(queue.reserve(5), { _tag: "Kept" })
    assert.deepStrictEqual(queue.reserve(21), { _tag: "TooLate", waiter: "b", at: 21 })
    assert.deepStrictEqual(queue.reserve(21), { _tag: "Surplus" })
    assert.deepStrictEqual(queue.due(5), ["a"])
  })

  it("a token that comes sooner than those reserved before goes to the one who waits longest", () => {
    const queue = RateLimitQueue.make<string>()
    queue.enter("a", 50)
    queue.enter("b", 50)
    assert.deepStrictEqual(queue.reserve(40), { _tag: "Kept" })
    assert.deepStrictEqual(queue.reserve(5), { _tag: "Kept" })
    assert.deepStrictEqual(queue.due(5), ["a"])
    assert.deepStrictEqual(queue.due(40), ["b"])
  })

  it("a pause moves all slots, and refuses from the end those whose time runs out", () => {
    const queue = RateLimitQueue.make<string>()
    queue.enter("a", 40)
    queue.enter("b", 20)
    queue.reserve(1)
    queue.reserve(2)
    assert.deepStrictEqual(queue.pause(30), ["b"])
    assert.deepStrictEqual(queue.due(29), [])
    assert.deepStrictEqual(queue.due(30), ["a"])
  })

  it.effect.prop(
    "Property 28: callers are served in the order in which they came, one for each token that is not given back",
    [Schema.Array(Step).check(Schema.isMinLength(30), Schema.isMaxLength(60))],
    ([steps]) =>
      Effect.sync(() => {
        const queue = RateLimitQueue.make<number>()
        const waiting: Array<number> = []
        let entered = 0
        let pending = 0
        let tokens = 0
        let served = 0
        let last = -1
        let now = 0
        const remove = (who: number) => waiting.splice(waiting.indexOf(who), 1)
        const serve = () => {
          for (const who of queue.due(now)) {
            assert.strictEqual(waiting[0], who)
            assert.isAbove(who, last)
            last = who
            remove(who)
            served++
          }
        }
        for (const step of steps) {
          switch (step._tag) {
            case "Enter":
              queue.enter(entered, now + step.patience)
              waiting.push(entered++)
              pending++
              break
            case "Reserve": {
              if (pending === 0) break
              pending--
              const reserved = queue.reserve(now + step.in)
              if (reserved._tag === "Kept") tokens++
              if (reserved._tag === "TooLate") {
                assert.strictEqual(waiting.at(-1), reserved.waiter)
                remove(reserved.waiter)
              }
              break
            }
            case "Leave": {
              const who = waiting[step.place]
              if (who === undefined) break
              if (queue.leave(who) === "Freed") tokens--
              remove(who)
              break
            }
            case "Pass":
              now += step.time
              serve()
              break
            case "Pause":
              for (const who of queue.pause(now + step.time)) {
                remove(who)
                tokens--
              }
          }
          assert.strictEqual(queue.size(), waiting.length)
          assert.isAtMost(tokens - served, waiting.length)
        }
        now += 10_000
        serve()
        assert.strictEqual(served, tokens)
      }),
    { arbitrary: { runs: 500 } }
  )

  it.prop(
    "does what a naive queue does, step by step: lists that are sorted and counted anew each time",
    [Schema.Array(Step).check(Schema.isMinLength(30), Schema.isMaxLength(60))],
    ([steps]) => {
      const queue = RateLimitQueue.make<number>()
      let callers: ReadonlyArray<{ readonly who: number; readonly deadline: number }> = []
      let slots: ReadonlyArray<number> = []
      let entered = 0
      let now = 0

      const reserve = (at: number): RateLimitQueue.Reserved<number> => {
        const served = callers[slots.length]
        const last = callers.at(-1)
        if (served === undefined || last === undefined) return { _tag: "Surplus" }
        const all = [...slots, at].toSorted((one, other) => one - other)
        const latest = Math.max(...all)
        if (latest <= served.deadline) {
          slots = all
          return { _tag: "Kept" }
        }
        slots = all.slice(0, -1)
        callers = callers.slice(0, -1)
        return { _tag: "TooLate", waiter: last.who, at: latest }
      }
      const leave = (who: number) => {
        if (!callers.some((one) => one.who === who)) return "Gone"
        callers = callers.filter((one) => one.who !== who)
        if (slots.length <= callers.length) return "Left"
        slots = slots.slice(0, -1)
        return "Freed"
      }
      const due = () => {
        const count = slots.filter((at) => at <= now).length
        const turns = callers.slice(0, count).map(({ who }) => who)
        slots = slots.slice(count)
        callers = callers.slice(count)
        return turns
      }
      const pause = (until: number) => {
        slots = slots.map((at) => (at < until ? until : at))
        const refused: Array<number> = []
        for (;;) {
          const [caller, at] = [callers.at(-1), slots[callers.length - 1]]
          if (caller === undefined || at === undefined || at <= caller.deadline) return refused
          refused.push(caller.who)
          slots = slots.slice(0, -1)
          callers = callers.slice(0, -1)
        }
      }

      for (const step of steps) {
        switch (step._tag) {
          case "Enter":
            queue.enter(entered, now + step.patience)
            callers = [...callers, { who: entered++, deadline: now + step.patience }]
            break
          case "Reserve":
            assert.deepStrictEqual(queue.reserve(now + step.in), reserve(now + step.in))
            break
          case "Leave":
            // Of those that ever came, so that some are gone.
            assert.strictEqual(queue.leave(step.place % (entered + 1)), leave(step.place % (entered + 1)))
            break
          case "Pass":
            now += step.time
            assert.deepStrictEqual(queue.due(now), due())
            break
          case "Pause":
            assert.deepStrictEqual(queue.pause(now + step.time), pause(now + step.time))
        }
        assert.strictEqual(queue.next(), slots[0])
        assert.strictEqual(queue.size(), callers.length)
      }
    },
    { arbitrary: { runs: 1000 } }
  )
})
