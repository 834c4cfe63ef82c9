/**
 * Company records that somebody entered by hand, with who and when. The newest of a number counts, until the vendor has
 * answered about the company after it was entered; nothing is ever deleted or changed, so it can be seen who said what.
 * Nothing of a record is logged: part of it is personal.
 */
import { Context, Effect, Layer, Option, Schema } from "effect"
import { BusinessNumber } from "../../domain/BusinessNumber.ts"
import { CalendarDate } from "../../domain/CalendarDate.ts"
import { type Company, CompanyState, type ManualCompany } from "../../domain/Company.ts"
import { now } from "../../domain/Ids.ts"
import { Database } from "../storage/Database.ts"
import { IsoFromDate } from "../storage/IsoFromDate.ts"

export class ManualCompanies extends Context.Service<
  ManualCompanies,
  {
    /** Takes the place of the record entered before; the same by the same once more changes nothing. */
    readonly enter: (businessNumber: BusinessNumber, record: ManualCompany, enteredBy: string) => Effect.Effect<Company>
    /** The record that counts; none = none was entered, or the vendor has answered since. */
    readonly current: (businessNumber: BusinessNumber) => Effect.Effect<Option.Option<Company>>
    /** The vendor answered at `fetchedAt` (ISO-8601): what was entered until then counts no more. */
    readonly supersede: (businessNumber: BusinessNumber, fetchedAt: string) => Effect.Effect<void>
  }
>()("hub/services/data/ManualCompanies") {
  static readonly layer = Layer.effect(
    ManualCompanies,
    Effect.suspend(() => make)
  )
}

const nullable = Schema.NullOr(Schema.String)
const Row = Schema.Struct({
  businessNumber: BusinessNumber,
  name: Schema.String,
  representative: nullable,
  state: CompanyState,
  establishedOn: Schema.NullOr(CalendarDate),
  industry: nullable,
  postalCode: nullable,
  address: nullable,
  addressDetail: nullable,
  note: nullable,
  enteredBy: Schema.String,
  enteredAt: IsoFromDate,
  superseded: Schema.Boolean
})
const decode = Schema.decodeUnknownEffect(Schema.Array(Row))

const make = Effect.gen(function* () {
  const { sql } = yield* Database

  const newest = Effect.fnUntraced(function* (businessNumber: BusinessNumber) {
    const [row] = yield* Effect.flatMap(
      sql`
        select business_number as "businessNumber", name, representative, state, established_on as "establishedOn",
          industry, postal_code as "postalCode", address, address_detail as "addressDetail", note,
          entered_by as "enteredBy", entered_at as "enteredAt", superseded_at is not null as superseded
        from manual_companies where business_number = ${businessNumber} order by id desc limit 1`,
      decode
    )
    return Option.filter(Option.fromUndefinedOr(row), ({ superseded }) => !superseded)
  }, Effect.orDie)

  const enter: ManualCompanies["Service"]["enter"] = Effect.fn("ManualCompanies.enter")(function* (
    businessNumber,
    record,
    enteredBy
  ) {
    const entered = {
      businessNumber,
      name: record.name,
      representative: record.representative ?? null,
      state: record.state ?? "ACTIVE",
      establishedOn: record.establishedOn ?? null,
      industry: record.industry ?? null,
      postalCode: record.postalCode ?? null,
      address: record.address ?? null,
      addressDetail: record.addressDetail ?? null,
      note: record.note ?? null,
      enteredBy,
      superseded: false
    }
    const before = yield* newest(businessNumber)
    if (Option.exists(before, (row) => isSame(row, { ...entered, enteredAt: row.enteredAt }))) {
      return companyOf(Option.getOrThrow(before))
    }
    const enteredAt = yield* now
    yield* sql`
        insert into manual_companies (
          business_number, name, representative, state, established_on, industry, postal_code, address, address_detail,
          note, entered_by, entered_at
        ) values (
          ${businessNumber}, ${entered.name}, ${entered.representative}::text, ${entered.state},
          ${entered.establishedOn}::text, ${entered.industry}::text, ${entered.postalCode}::text,
          ${entered.address}::text, ${entered.addressDetail}::text, ${entered.note}::text, ${enteredBy}, ${enteredAt}
        )`
    return companyOf({ ...entered, enteredAt })
  }, Effect.orDie)

  const supersede: ManualCompanies["Service"]["supersede"] = Effect.fn("ManualCompanies.supersede")(function* (
    businessNumber,
    fetchedAt
  ) {
    yield* sql`
        update manual_companies set superseded_at = ${fetchedAt}
        where business_number = ${businessNumber} and superseded_at is null and entered_at <= ${fetchedAt}`
  }, Effect.orDie)

  return ManualCompanies.of({
    enter,
    current: Effect.fn("ManualCompanies.current")((businessNumber: BusinessNumber) =>
      Effect.map(newest(businessNumber), Option.map(companyOf))
    ),
    supersede
  })
})

const isSame = Schema.toEquivalence(Schema.toType(Row))

/** Not the note: it is for whoever looks into the table. */
const companyOf = ({ enteredAt, enteredBy, note: _, superseded: __, ...entered }: typeof Row.Type): Company => ({
  ...entered,
  creditGrade: null,
  finance: { sales: null, operatingProfit: null, equity: null, debt: null, assets: null },
  origin: { kind: "manual", enteredBy, enteredAt }
})
