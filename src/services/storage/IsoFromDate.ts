/** A `timestamptz` column, which the driver reads as a Date, as ISO-8601 UTC text. Writing needs nothing: text binds. */
import { DateTime, Schema, SchemaTransformation } from "effect"

export const IsoFromDate = Schema.DateTimeUtcFromDate.pipe(
  Schema.decodeTo(
    Schema.String,
    SchemaTransformation.transform({ decode: DateTime.formatIso, encode: DateTime.makeUnsafe })
  )
)
