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
import type { ProviderConfig, ProviderEndpoint } from "../../services/providers/ProviderConfig.ts"
import { ProviderPolicy } from "../../services/providers/ProviderPolicy.ts"
import type { Connect } from "../../services/providers/ProviderSandbox.ts"
import { JusoContract, KakaoContract } from "./AddressContract.ts"
import { verdictOfJuso, verdictOfKakao } from "./AddressFailure.ts"
import { pageFromJuso, pageFromKakao } from "./AddressMapper.ts"

export interface Options {
  readonly config: ProviderConfig["address"]
  readonly connect: Connect
}

/** One page of what a keyword finds. */
export interface AddressSource {
  readonly provider: Provider.Provider
  readonly search: (keyword: string, page: number) => Effect.Effect<AddressPage, IntegrationError>
}

const integration = "address"

/** Those that are asked, in the order in which they are: what has no key is asked by the sandbox only. */
export const make = Effect.fnUntraced(function* (options: Options) {
  const { config } = options
  if (config.mode === "off") return []
  const isAsked = ({ key }: ProviderEndpoint) => config.mode === "sandbox" || key !== null
  const sources: ReadonlyArray<AddressSource> = [
    ...(isAsked(config.primary) ? [yield* kakao(options)] : []),
    ...(isAsked(config.secondary) ? [yield* juso(options)] : [])
  ]
  return sources
})

const policyOf = ({ timeout }: ProviderConfig["address"]) => ProviderPolicy.make({ circuit: "STANDARD", timeout })

const kakao = Effect.fnUntraced(function* ({ config, connect }: Options) {
  const { key } = config.primary
  const provider = yield* Provider.make({
    integration,
    name: "address_primary",
    policy: policyOf(config),
    ...connect(config.primary, "https://dapi.kakao.com"),
    headers: key === null ? {} : { authorization: Redacted.make(`KakaoAK ${Redacted.value(key)}`) },
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
  return { provider, search }
})

const juso = Effect.fnUntraced(function* ({ config, connect }: Options) {
  const { key } = config.secondary
  const { httpClient, ...connection } = connect(config.secondary, "https://business.juso.go.kr")
  const provider = yield* Provider.make({
    integration,
    name: "address_secondary",
    policy: policyOf(config),
    ...connection,
    // As Redacted, so that no span or error shows it.
    httpClient:
      key === null ? httpClient : HttpClient.mapRequest(httpClient, HttpClientRequest.setUrlParam("confmKey", key)),
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
  return { provider, search }
})

/** Juso refuses keywords with these signs; they say nothing about an address. */
const withoutSigns = (keyword: string): string => keyword.replace(/[%=<>[\]\s]+/gu, " ").trim()
