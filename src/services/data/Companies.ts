/**
 * Company records by business registration number (provider integrations, section 2): a port; `adapters/companies` fills
 * it. A number is valid by its type, check digit included, so nobody is asked in vain.
 *
 * The vendor's answer comes first, stale ones too. A record entered by hand is served only while no answer of the vendor
 * can be had (label `STALE`, source `manual`, with a warning), is never verified, and ends with the vendor's next answer.
 */
import { Context, type Effect, Schema } from "effect"
import { BusinessNumber } from "../../domain/BusinessNumber.ts"
import type { Company, ManualCompany, Representative, Verification } from "../../domain/Company.ts"
import { type Guarded, Tried } from "../../domain/Guarded.ts"

/** Nothing could be had about the company now: it may be entered by hand. */
export class CompanyUnavailable extends Schema.TaggedError<CompanyUnavailable>()("CompanyUnavailable", {
  businessNumber: BusinessNumber,
  manualEntryAllowed: Schema.Literal(true),
  /** In the order of the providers; empty = all are switched off. */
  tried: Schema.Array(Tried),
  /** Milliseconds until a provider may be asked with some hope; at least a second. */
  retryAfterMillis: Schema.Finite
}) {
  override get message(): string {
    return "No provider answered and no record is kept: the company may be entered by hand"
  }
}

/** The vendor knows no company of this number: it may be entered by hand. */
export class CompanyNotFound extends Schema.TaggedError<CompanyNotFound>()("CompanyNotFound", {
  businessNumber: BusinessNumber,
  manualEntryAllowed: Schema.Literal(true)
}) {}

export type CompanyError = CompanyUnavailable | CompanyNotFound

export class Companies extends Context.Service<
  Companies,
  {
    /** Fresh for 24 h, served stale for 30 days. */
    readonly company: (businessNumber: BusinessNumber) => Effect.Effect<Guarded<Company>, CompanyError>
    /** Whether a person represents the company, by the name in its record. */
    readonly representative: (
      name: string,
      businessNumber: BusinessNumber
    ) => Effect.Effect<Guarded<Representative>, CompanyError>
    /** Whether the company is in business and, when given, has this name. A company that is suspended or closed is not. */
    readonly verify: (
      businessNumber: BusinessNumber,
      name?: string
    ) => Effect.Effect<Guarded<Verification>, CompanyError>
    /** Stores a record entered by hand; it takes the place of the one entered before. `enteredBy`: who is calling. */
    readonly enter: (businessNumber: BusinessNumber, record: ManualCompany, enteredBy: string) => Effect.Effect<Company>
  }
>()("hub/services/data/Companies") {}
