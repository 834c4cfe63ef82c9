/**
 * What the hub uses of the public data portal's timetable (provider integrations, section 2):
 * `GET {base}/15043890/v1/uddi:…?serviceKey&page&perPage`. Pure wire shapes; `TimetableMapper` says what they mean.
 *
 * The portal makes its tables from spreadsheets, so a cell may be text, a number or nothing. The columns that say which
 * flight it is must be there: without them it is another table.
 */
import { Schema } from "effect"

const cell = Schema.NullOr(Schema.Union([Schema.String, Schema.Finite]))
const optionalCell = Schema.optionalKey(cell)

export const TimetableRow = Schema.Struct({
  /** Flight number. */
  항공편명: cell,
  /** Code of the airline. */
  항공사코드: optionalCell,
  /** From and to: a code or a Korean name. */
  출발지: cell,
  도착지: cell,
  /** Departs and arrives, by the airport's own clock. */
  출발시각: optionalCell,
  도착시각: optionalCell,
  /** Days of the week. */
  운항요일: optionalCell,
  /** First and last day of the period; empty = no limit. */
  기간시작일: optionalCell,
  기간종료일: optionalCell
})
export type TimetableRow = typeof TimetableRow.Type

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

export const TimetablePage = Schema.Struct({
  currentCount: Schema.optionalKey(Count),
  data: Schema.Array(TimetableRow),
  /** Rows that fit the conditions, when there are any. */
  matchCount: Schema.optionalKey(Count),
  page: Count,
  perPage: Count,
  totalCount: Count
})
export type TimetablePage = typeof TimetablePage.Type
