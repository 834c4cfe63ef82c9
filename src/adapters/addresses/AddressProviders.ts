/**
 * The two sources of addresses, as providers of guarded calls: Kakao, then Juso.
 *
 * Both search by keyword only; a postal code is a keyword, of whose results those with another code are left out.
 */
import { Effect, Redacted, Schema } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import { type AddressPage, pageSize } from "../../domain/Address.ts"
import type { IntegrationError } from "../../domain/IntegrationError.ts"
import * as Provider from "../../services/providers/Provider.ts"
import type { ProviderConfig } from "../../services/providers/ProviderConfig.ts"
import { ProviderPolicy } from "../../services/providers/ProviderPolicy.ts"
import type { ProviderDeclaration } from "../../services/providers/ProviderConnections.ts"
import { type Connect, withParameter } from "../../services/providers/ProviderSandbox.ts"
import { JusoContract, KakaoContract } from "./AddressContract.ts"
import { verdictOfJuso, verdictOfKakao } from "./AddressFailure.ts"
import { pageFromJuso, pageFromKakao } from "./AddressMapper.ts"

export type Source = "address_primary" | "address_secondary"

type Options = { readonly config: ProviderConfig["address"]; readonly connect: Connect<Source> }

/** One page of what a keyword finds. */
export interface AddressSource {
  readonly provider: Provider.Provider
  readonly search: (keyword: string, page: number) => Effect.Effect<AddressPage, IntegrationError>
  /** Is it asked, in the call at hand? */
  readonly isAsked: Effect.Effect<boolean>
}

const integration = "address"

/** Where they are, and what they want. */
export const declarations = ({
  primary,
  secondary
}: ProviderConfig["address"]): Readonly<Record<Source, ProviderDeclaration>> => ({
  address_primary: {
    liveUrl: "https://dapi.kakao.com",
    baseUrl: primary.baseUrl,
    secrets: { key: primary.key },
    required: true
  },
  address_secondary: {
    liveUrl: "https://business.juso.go.kr",
    baseUrl: secondary.baseUrl,
    secrets: { key: secondary.key },
    required: false
  }
})

/** In the order in which they are asked: what has no key is asked by the sandbox only. */
export const make = Effect.fnUntraced(function* (options: Options) {
  const sources: ReadonlyArray<AddressSource> = [yield* kakao(options), yield* juso(options)]
  return sources
})

const policyOf = ({ timeout }: ProviderConfig["address"]) => ProviderPolicy.make({ circuit: "STANDARD", timeout })

const kakao = Effect.fnUntraced(function* ({ config, connect }: Options) {
  const { httpClient, ...connection } = connect.to("address_primary")
  const provider = yield* Provider.make({
    integration,
    policy: policyOf(config),
    ...connection,
    httpClient: HttpClient.mapRequestEffect(httpClient, (request) =>
      Effect.map(connect.secret("address_primary", "key"), (key) =>
        key === null ? request : HttpClientRequest.setHeader(request, "authorization", `KakaoAK ${Redacted.value(key)}`)
      )
    ),
    checkAnswer: verdictOfKakao
  })
  const api = yield* provider.api(KakaoContract)
  const search: AddressSource["search"] = (keyword, page) =>
    provider.attempt(
      "GET /v2/local/search/address.json",
      api.addresses
        .search({ query: { query: keyword, page, size: pageSize } })
        .pipe(Effect.flatMap(Schema.decodeEffect(pageFromKakao(page))))
    )
  return { provider, search, isAsked: unlessDisabled(provider, connect.isAsked("address_primary")) }
})

const juso = Effect.fnUntraced(function* ({ config, connect }: Options) {
  const { httpClient, ...connection } = connect.to("address_secondary")
  const provider = yield* Provider.make({
    integration,
    policy: policyOf(config),
    ...connection,
    httpClient: withParameter(httpClient, "confmKey", connect.secret("address_secondary", "key")),
    checkAnswer: verdictOfJuso
  })
  const api = yield* provider.api(JusoContract)
  const search: AddressSource["search"] = (keyword, page) =>
    provider.attempt(
      "GET /addrlink/addrLinkApi.do",
      api.addresses
        .search({
          query: { keyword: withoutSigns(keyword), currentPage: page, countPerPage: pageSize, resultType: "json" }
        })
        .pipe(Effect.flatMap(Schema.decodeEffect(pageFromJuso(page))))
    )
  return { provider, search, isAsked: unlessDisabled(provider, connect.isAsked("address_secondary")) }
})

const unlessDisabled = ({ policy }: Provider.Provider, isAsked: Effect.Effect<boolean>): Effect.Effect<boolean> =>
  Effect.map(isAsked, (asked) => asked && policy().enabled)

/** Juso refuses keywords with these signs; they say nothing about an address. */
const withoutSigns = (keyword: string): string => keyword.replace(/[%=<>[\]\s]+/gu, " ").trim()
