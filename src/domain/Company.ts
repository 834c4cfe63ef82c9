/**
 * Company records (provider integrations, section 2): what a credit bureau knows under a business registration number, or
 * what somebody entered by hand while nobody answered. Part of it is personal: nothing of it belongs in a log.
 */
import { Schema } from "effect"
import { BusinessNumber } from "./BusinessNumber.ts"
import { CalendarDate } from "./CalendarDate.ts"
import { Instant } from "./Instant.ts"
import { name, text } from "./Text.ts"

/** UNKNOWN: the bureau answered with a state that nobody agreed on. Only ACTIVE companies can be verified. */
export const CompanyState = Schema.Literals(["ACTIVE", "SUSPENDED", "CLOSED", "UNKNOWN"])
export type CompanyState = typeof CompanyState.Type

/** Where a record comes from. */
export const CompanyOrigin = Schema.Union([
  Schema.Struct({ kind: Schema.Literal("vendor") }),
  /** By whom (the API key's name) and when, UTC. Nobody has checked it. */
  Schema.Struct({ kind: Schema.Literal("manual"), enteredBy: name, enteredAt: Instant })
])
export type CompanyOrigin = typeof CompanyOrigin.Type

/** Won; a loss is below zero; null = not known. */
const Won = Schema.NullOr(
  Schema.Int.check(Schema.isBetween({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER }))
)

export const Company = Schema.Struct({
  businessNumber: BusinessNumber,
  name: Schema.NullOr(Schema.String),
  /** As the source writes it; several are separated by commas. */
  representative: Schema.NullOr(Schema.String),
  state: CompanyState,
  establishedOn: Schema.NullOr(CalendarDate),
  industry: Schema.NullOr(Schema.String),
  creditGrade: Schema.NullOr(Schema.String),
  /** Of the last year that the source knows of. */
  finance: Schema.Struct({ sales: Won, operatingProfit: Won, equity: Won, debt: Won, assets: Won }),
  /** Five digits. */
  postalCode: Schema.NullOr(Schema.String),
  address: Schema.NullOr(Schema.String),
  addressDetail: Schema.NullOr(Schema.String),
  origin: CompanyOrigin
})
export type Company = typeof Company.Type

const optional = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

/** What is entered by hand (body of `PUT /companies/:businessNumber`). */
export const ManualCompany = Schema.Struct({
  name,
  representative: optional(name),
  /** Default ACTIVE: as the person who enters it says. */
  state: Schema.optionalKey(Schema.Literals(["ACTIVE", "SUSPENDED", "CLOSED"])),
  establishedOn: optional(CalendarDate),
  industry: optional(name),
  postalCode: optional(Schema.String.check(Schema.isPattern(/^\d{5}$/, { expected: "five digits" }))),
  address: optional(text(300)),
  addressDetail: optional(text(300)),
  /** Why it was entered, or from what. */
  note: optional(text(1000))
})
export type ManualCompany = typeof ManualCompany.Type

/** MATCH: the person is a representative. UNKNOWN: the record names none. */
export const RepresentativeMatch = Schema.Literals(["MATCH", "MISMATCH", "UNKNOWN"])
export type RepresentativeMatch = typeof RepresentativeMatch.Type

/** Answer to: does this person represent that company? */
export const Representative = Schema.Struct({
  businessNumber: BusinessNumber,
  match: RepresentativeMatch,
  /** As the source writes it. */
  representative: Schema.NullOr(Schema.String),
  state: CompanyState,
  origin: CompanyOrigin
})
export type Representative = typeof Representative.Type

/** Answer to: is this a company in business, and is that its name? */
export const Verification = Schema.Struct({
  businessNumber: BusinessNumber,
  verified: Schema.Boolean,
  /**
   * Why not; null = verified. `manual`: nobody but the person who entered the record vouches for it. `name-unknown`: a name
   * was given, and the record has none to compare.
   */
  reason: Schema.NullOr(
    Schema.Literals(["suspended", "closed", "state-unknown", "manual", "name-differs", "name-unknown"])
  ),
  state: CompanyState
})
export type Verification = typeof Verification.Type
