/** Points in time as clients write them. */
import { DateTime, Option, Schema } from "effect"

/** 1900-01-01 and 10000-01-01, UTC, in milliseconds since 1970. */
const first = -2_208_988_800_000
const end = 253_402_300_800_000

/** ISO-8601 with a zone, of the years 1900 to 9999 (in UTC): what every database and calendar agrees on. */
export const Instant = Schema.String.check(
  Schema.isPattern(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/, {
    expected: "a date and time with a zone, e.g. 2026-11-01T09:00:00+09:00"
  }),
  Schema.makeFilter((text: string) => {
    const millis = Option.map(DateTime.make(text), DateTime.toEpochMillis)
    return Option.exists(millis, (at) => at >= first && at < end) || "no date and time between 1900 and 9999"
  })
)
