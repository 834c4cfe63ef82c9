/**
 * Days in the calendar, without a time or a zone: `YYYY-MM-DD`, of the years 1900 to 2099, and only those that exist
 * (2026-02-30 does not).
 */
import { DateTime, Option, Schema } from "effect"

const dayMillis = 86_400_000

export const CalendarDate = Schema.String.check(
  Schema.isPattern(/^(19|20)\d{2}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/, { expected: "a date, e.g. 2026-11-21" }),
  Schema.makeFilter((text: string) => exists(text) || "a date that exists")
).pipe(Schema.brand("CalendarDate"))
export type CalendarDate = typeof CalendarDate.Type

/** 1 = Monday to 7 = Sunday. */
export const weekdayOf = (date: CalendarDate): number => ((((startOf(date) / dayMillis + 3) % 7) + 7) % 7) + 1

/** This many days later, or earlier. None outside the years that there are. */
export const plusDays = (date: CalendarDate, days: number): Option.Option<CalendarDate> =>
  decode(isoOf(startOf(date) + days * dayMillis))

/** From what outside systems write: `2026-11-21`, `20261121`, `2026.11.21`, `2026/11/21`. None for anything else. */
export const parse = (text: string): Option.Option<CalendarDate> => {
  const match = /^(\d{4})([-./]?)(\d{2})\2(\d{2})\.?$/.exec(text.trim())
  return match === null ? Option.none() : decode(`${match[1]}-${match[3]}-${match[4]}`)
}

const decode = Schema.decodeOption(CalendarDate)

/** Midnight of the day, as if in UTC: days are counted, not hours. */
const startOf = (date: string): number => Date.parse(`${date}T00:00:00Z`)

const isoOf = (millis: number): string => DateTime.formatIsoDateUtc(DateTime.makeUnsafe(millis))

// Date.parse rolls over: 2026-02-30 becomes 2026-03-02.
function exists(text: string): boolean {
  const start = startOf(text)
  return !Number.isNaN(start) && isoOf(start) === text
}
