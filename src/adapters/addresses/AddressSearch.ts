/**
 * Addresses from the sources of `AddressProviders`, the first that answers (provider integrations, section 2).
 *
 * Only the first page says where a search ends, so it comes first: a later page is asked for when it exists, and a page
 * beyond the end never is. The pages of one search may come from different sources, when one fails in between; each answer
 * says from which. A keyword that a source refuses is the caller's to mend, and no other source is asked.
 */
import { Effect, Layer, Option } from "effect"
import { AddressPage, type PostalCode, PostalCodeDetail } from "../../domain/Address.ts"
import { type IntegrationError, Transient } from "../../domain/IntegrationError.ts"
import { Addresses, KeywordRefused, PageBeyondEnd } from "../../services/data/Addresses.ts"
import * as CacheKey from "../../services/providers/CacheKey.ts"
import * as GuardedCall from "../../services/providers/GuardedCall.ts"
import type { ProviderConfig } from "../../services/providers/ProviderConfig.ts"
import { freshness } from "../../services/providers/ProviderPolicy.ts"
import * as ProviderSandbox from "../../services/providers/ProviderSandbox.ts"
import { asOurs } from "../../services/providers/Refusal.ts"
import { refusalOf } from "./AddressFailure.ts"
import * as AddressProviders from "./AddressProviders.ts"
import * as AddressSandbox from "./AddressSandbox.ts"

const integration = "address"

interface Search {
  readonly keyword: string
  readonly page: number
}

export const layer = (config: ProviderConfig["address"]) => Layer.effect(Addresses, make(config))

const make = Effect.fnUntraced(function* (config: ProviderConfig["address"]) {
  const simulator = yield* AddressSandbox.make(config.sandbox.seed)
  const connect = yield* ProviderSandbox.connect({
    integration,
    config,
    simulator,
    providers: AddressProviders.declarations(config)
  })
  const sources = yield* AddressProviders.make({ config, connect })

  const pages = yield* GuardedCall.make({
    integration,
    operation: "search",
    key: ({ keyword, page }: Search) => CacheKey.parameters({ keyword: CacheKey.text(keyword), page }),
    data: AddressPage,
    freshness: freshness.addressSearch,
    isEmpty: ({ addresses }) => addresses.length === 0,
    providers: sources.map(({ provider, search }) => ({
      provider,
      call: ({ keyword, page }: Search) => judged(search(keyword, page))
    }))
  })

  const codes = yield* GuardedCall.make({
    integration,
    operation: "detail",
    key: (postalCode: PostalCode) => CacheKey.parameters({ postalCode: CacheKey.digits(postalCode) }),
    data: PostalCodeDetail,
    freshness: freshness.addressSearch,
    isEmpty: ({ addresses }) => addresses.length === 0,
    providers: sources.map(({ provider, search }, index) => ({
      provider,
      call: Effect.fnUntraced(function* (postalCode: PostalCode) {
        const { addresses } = yield* judged(search(postalCode, 1))
        const there = addresses.filter((address) => address.postalCode === postalCode)
        // A source that does not know postal codes finds nothing: only the last one's silence means that there is nothing.
        const others = yield* Effect.forEach(sources.slice(index + 1), ({ isAsked }) => isAsked)
        if (there.length === 0 && others.includes(true)) return yield* silent(provider.name)
        return { postalCode, addresses: there }
      })
    }))
  })

  const ask = (keyword: string, page: number) =>
    pages.run({ keyword, page }).pipe(Effect.catchTag("Rejected", Effect.die))

  return Addresses.of({
    search: Effect.fn("Addresses.search")(function* (keyword, page) {
      if (page > 1) {
        const { data } = yield* ask(keyword, 1)
        if (page > data.lastPage) return yield* new PageBeyondEnd({ page, lastPage: data.lastPage })
      }
      const answer = yield* ask(keyword, page)
      // Fewer than there were, since the first page was read.
      const { lastPage } = answer.data
      return page > lastPage ? yield* new PageBeyondEnd({ page, lastPage }) : answer
    }),
    detail: Effect.fn("Addresses.detail")(function* (postalCode) {
      return yield* codes.run(postalCode).pipe(Effect.catchTag("Rejected", Effect.die))
    })
  })
})

/** Another source may know: this is no failure of the one that found nothing. */
const silent = (adapter: string) =>
  Effect.fail(new Transient({ adapter, operation: "detail", message: "nothing found under the postal code" }))

/** A refusal of the keyword: the caller's to mend, and the call ends. Of anything else: our own doing, and another source is asked. */
const judged = (search: Effect.Effect<AddressPage, IntegrationError>) =>
  Effect.mapError(search, (error): KeywordRefused | IntegrationError => {
    if (error._tag !== "Rejected") return error
    const reason = refusalOf(error)
    return Option.isSome(reason) ? new KeywordRefused({ reason: reason.value }) : asOurs(error)
  })
