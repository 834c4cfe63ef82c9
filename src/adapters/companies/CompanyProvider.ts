/**
 * Nice D&B as the provider of a guarded call: a token, then the question. Each request is an attempt of its own, behind the
 * same circuit and limits.
 */
import { Effect, Redacted } from "effect"
import { HttpClientRequest, HttpClientResponse } from "effect/http"
import type { BusinessNumber } from "../../domain/BusinessNumber.ts"
import type { Company } from "../../domain/Company.ts"
import { type IntegrationError, Rejected, Transient } from "../../domain/IntegrationError.ts"
import * as Provider from "../../services/providers/Provider.ts"
import type { ProviderConfig } from "../../services/providers/ProviderConfig.ts"
import { ProviderPolicy } from "../../services/providers/ProviderPolicy.ts"
import type { ProviderDeclaration } from "../../services/providers/ProviderConnections.ts"
import type { Connect } from "../../services/providers/ProviderSandbox.ts"
import { CompanyAnswer, companyPath, CompanyRequest, TokenAnswer, tokenPath, TokenRequest } from "./CompanyContract.ts"
import { notFoundCode, verdictOfNice } from "./CompanyFailure.ts"
import { companyFromNice, isAbout, isEmpty } from "./CompanyMapper.ts"
import * as NiceToken from "./NiceToken.ts"

export type Source = "nice_dnb"

type Options = { readonly config: ProviderConfig["companies"]; readonly connect: Connect<Source> }

/** Where it is and what it wants; the address is a setting. */
export const declarations = ({
  nice: { appKey, appSecret, baseUrl }
}: ProviderConfig["companies"]): Readonly<Record<Source, ProviderDeclaration>> => ({
  nice_dnb: { liveUrl: null, baseUrl, secrets: { appKey, appSecret }, required: true }
})

export const make = Effect.fnUntraced(function* ({ config, connect }: Options) {
  const provider = yield* Provider.make({
    ...connect.to("nice_dnb"),
    integration: "companies",
    policy: ProviderPolicy.make({ circuit: "STANDARD", timeout: config.timeout }),
    checkAnswer: verdictOfNice,
    repeatable: true
  })

  const issueOperation = `POST ${tokenPath}`
  const issue = provider.attempt(
    issueOperation,
    Effect.all([connect.secret("nice_dnb", "appKey"), connect.secret("nice_dnb", "appSecret")]).pipe(
      Effect.flatMap(([appKey, appSecret]) =>
        HttpClientRequest.schemaBodyJson(TokenRequest)(HttpClientRequest.post(tokenPath), {
          appKey: secretOf(appKey),
          appSecret: secretOf(appSecret),
          grantType: "client_credentials"
        })
      ),
      Effect.mapError(() => unreadable(issueOperation, "the credentials cannot be written")),
      Effect.flatMap(provider.client.execute),
      Effect.flatMap(HttpClientResponse.schemaBodyJson(TokenAnswer)),
      Effect.flatMap(({ accessToken, expiresIn }) => {
        const seconds = Number(expiresIn)
        return Number.isFinite(seconds) && seconds >= 0
          ? Effect.succeed({ value: Redacted.make(accessToken), expiresIn: seconds })
          : Effect.fail(unreadable(issueOperation, "the token does not say when it ends"))
      })
    )
  )
  const { authorized } = yield* NiceToken.make(
    issue,
    Effect.map(connect.state, ({ revision }) => revision)
  )

  const operation = `POST ${companyPath}`
  const ask = (businessNumber: BusinessNumber, token: Redacted.Redacted) =>
    provider.attempt(
      operation,
      HttpClientRequest.post(companyPath).pipe(
        HttpClientRequest.bearerToken(token),
        HttpClientRequest.schemaBodyJson(CompanyRequest)({ bizNo: businessNumber }),
        Effect.mapError(() => unreadable(operation, "the question cannot be written")),
        Effect.flatMap(provider.client.execute),
        Effect.flatMap(HttpClientResponse.schemaBodyJson(CompanyAnswer)),
        Effect.flatMap(({ dataBody }): Effect.Effect<Company, IntegrationError> => {
          if (dataBody === undefined || dataBody === null || isEmpty(dataBody)) return Effect.fail(notFound(operation))
          return isAbout(dataBody, businessNumber)
            ? Effect.succeed(companyFromNice(dataBody, businessNumber))
            : Effect.fail(unreadable(operation, "it answered about another company"))
        })
      )
    )

  const call = (businessNumber: BusinessNumber): Effect.Effect<Company, IntegrationError> =>
    authorized((token) => ask(businessNumber, token))
  return { provider, call }
})

const name = "nice_dnb"

const unreadable = (operation: string, message: string) =>
  new Transient({ adapter: name, operation, message, reason: "Garbage" })

const notFound = (operation: string) =>
  new Rejected({ adapter: name, operation, message: "no such company", code: notFoundCode })

/** The sandbox wants none. */
const secretOf = (secret: Redacted.Redacted | null): string => (secret === null ? "sandbox" : Redacted.value(secret))
