import { assert, describe, it } from "@effect/vitest"
import { Option, Schema } from "effect"
import * as CalendarDate from "../../src/domain/CalendarDate.ts"

const accepts = Schema.is(CalendarDate.CalendarDate)
const date = CalendarDate.CalendarDate.make("2026-11-21")

describe("CalendarDate", () => {
  it("takes days that exist, and no others", () => {
    for (const good of ["2026-11-21", "2024-02-29", "1900-01-01", "2099-12-31"]) assert.isTrue(accepts(good), good)
    for (const bad of [
      "2026-02-29",
      "2026-02-30",
      "2026-04-31",
      "2026-13-01",
      "2026-00-10",
      "2026-11-00",
      "1899-12-31",
      "2100-01-01",
      "2026-1-1",
      "20261121",
      "2026-11-21T00:00:00Z",
      ""
    ]) {
      assert.isFalse(accepts(bad), bad)
    }
  })

  it("knows the day of the week", () => {
    assert.strictEqual(CalendarDate.weekdayOf(date), 6)
    assert.strictEqual(CalendarDate.weekdayOf(CalendarDate.CalendarDate.make("1969-12-31")), 3)
    assert.strictEqual(CalendarDate.weekdayOf(CalendarDate.CalendarDate.make("2026-11-22")), 7)
    assert.strictEqual(CalendarDate.weekdayOf(CalendarDate.CalendarDate.make("2026-11-23")), 1)
  })

  it("reads what outside systems write", () => {
    for (const written of ["2026-11-21", "20261121", "2026.11.21", "2026.11.21.", "2026/11/21", " 20261121 "]) {
      assert.deepStrictEqual(CalendarDate.parse(written), Option.some(date), written)
    }
    for (const written of ["2026-1121", "2026-11/21", "20260230", "261121", "2026", "내일", ""]) {
      assert.isTrue(Option.isNone(CalendarDate.parse(written)), written)
    }
  })

  it.prop(
    "a day later is the next day of the week, and a day earlier is back",
    [CalendarDate.CalendarDate],
    ([day]) => {
      const next = CalendarDate.plusDays(day, 1)
      if (Option.isNone(next)) return day === "2099-12-31"
      return (
        CalendarDate.weekdayOf(next.value) === (CalendarDate.weekdayOf(day) % 7) + 1 &&
        Option.getOrNull(CalendarDate.plusDays(next.value, -1)) === day
      )
    }
  )
})
