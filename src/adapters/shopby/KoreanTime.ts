/**
 * Date-times as Shopby writes them: Korean time (UTC+9, no daylight saving) without a zone, to the second ↔ seconds
 * since 1970. Reads a blank or a `T` between date and time, and passes over a fraction of a second.
 */
import { DateTime, Option, Schema, SchemaTransformation } from "effect"

const offsetSeconds = 9 * 3600

/** Up to the end of the year 9998. */
export const Seconds = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 253_370_700_000 }))

const Wire = Schema.String.check(Schema.isPattern(/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?$/))

const korean = (separator: "T" | " ") =>
  Wire.pipe(
    Schema.decodeTo(
      Seconds,
      SchemaTransformation.transform({
        decode: (text) =>
          Option.match(DateTime.make(`${text.replace(" ", "T")}Z`), {
            onNone: () => Number.NaN,
            onSome: (time) => Math.floor(DateTime.toEpochMillis(time) / 1000) - offsetSeconds
          }),
        encode: (seconds) =>
          DateTime.formatIso(DateTime.makeUnsafe((seconds + offsetSeconds) * 1000))
            .slice(0, 19)
            .replace("T", separator)
      })
    )
  )

/** `2027-01-31T09:00:00` */
export const KstIso = korean("T")

/** `2027-01-31 09:00:00` */
export const KstYmdt = korean(" ")
