/**
 * Search for Korean addresses (provider integrations, section 2): a port; `adapters/addresses` fills it. Keywords and pages
 * are valid by their types, so nobody is asked in vain.
 */
import { Context, type Effect, Schema } from "effect"
import type { AddressKeyword, AddressPage, PostalCode, PostalCodeDetail } from "../../domain/Address.ts"
import type { Guarded, IntegrationUnavailable } from "../../domain/Guarded.ts"

/** There are not so many pages. The page was not asked for. */
export class PageBeyondEnd extends Schema.TaggedError<PageBeyondEnd>()("PageBeyondEnd", {
  page: Schema.Int,
  lastPage: Schema.Int
}) {
  override get message(): string {
    return `The last page is ${this.lastPage}`
  }
}

/** The provider takes the keyword for too wide, or for none at all. Another provider is not asked. */
export class KeywordRefused extends Schema.TaggedError<KeywordRefused>()("KeywordRefused", {
  /** What the provider says about it. */
  reason: Schema.String
}) {}

export class Addresses extends Context.Service<
  Addresses,
  {
    /** One page of what is found, ten a page, from page 1; nothing found is an answer. Fresh for 24 h, stale for 7 days. */
    readonly search: (
      keyword: AddressKeyword,
      page: number
    ) => Effect.Effect<Guarded<AddressPage>, IntegrationUnavailable | KeywordRefused | PageBeyondEnd>
    /** What lies under a postal code; empty = it is not known. Fresh for 24 h, served stale for 7 days. */
    readonly detail: (
      postalCode: PostalCode
    ) => Effect.Effect<Guarded<PostalCodeDetail>, IntegrationUnavailable | KeywordRefused>
  }
>()("hub/services/data/Addresses") {}
