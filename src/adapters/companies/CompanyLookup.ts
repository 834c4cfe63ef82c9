/**
 * Company records from Nice D&B, behind a guarded call, and those entered by hand while it does not answer (provider
 * integrations, section 2).
 *
 * An answer of the vendor ends what was entered by hand before it. A failure to note that never changes the answer. Nothing
 * of a record, and no name that was asked about, is logged.
 */
import { Clock, DateTime, Effect, Layer, Option } from "effect"
import type { BusinessNumber } from "../../domain/BusinessNumber.ts"
import { Company } from "../../domain/Company.ts"
import * as CompanyRules from "../../domain/CompanyRules.ts"
import { type Guarded, type IntegrationUnavailable, map } from "../../domain/Guarded.ts"
import { now } from "../../domain/Ids.ts"
import type { Rejected } from "../../domain/IntegrationError.ts"
import { Companies, type CompanyError, CompanyNotFound, CompanyUnavailable } from "../../services/data/Companies.ts"
import { ManualCompanies } from "../../services/data/ManualCompanies.ts"
import * as CacheKey from "../../services/providers/CacheKey.ts"
import * as GuardedCall from "../../services/providers/GuardedCall.ts"
import type { ProviderConfig } from "../../services/providers/ProviderConfig.ts"
import { freshness } from "../../services/providers/ProviderPolicy.ts"
import * as ProviderSandbox from "../../services/providers/ProviderSandbox.ts"
import { notFoundCode } from "./CompanyFailure.ts"
import * as CompanyProvider from "./CompanyProvider.ts"
import * as CompanySandbox from "./CompanySandbox.ts"

const integration = "companies"

export const layer = (config: ProviderConfig["companies"]) =>
  Layer.effect(Companies, make(config)).pipe(Layer.provide(ManualCompanies.layer))

const make = Effect.fnUntraced(function* (config: ProviderConfig["companies"]) {
  const manual = yield* ManualCompanies
  const simulator = yield* CompanySandbox.make(config.sandbox.seed)
  const connect = yield* ProviderSandbox.connect({
    integration,
    config,
    simulator,
    providers: CompanyProvider.declarations(config)
  })
  const { call, provider } = yield* CompanyProvider.make({ config, connect })

  /** The vendor has answered. What was invented by a simulator ends nothing. */
  const supersede = (businessNumber: BusinessNumber) =>
    Effect.flatMap(connect.state, ({ mode }) =>
      mode === "sandbox" ? Effect.void : Effect.flatMap(now, (at) => manual.supersede(businessNumber, at))
    ).pipe(
      Effect.catchCause((cause) =>
        Effect.annotateLogs(Effect.logWarning("a record entered by hand could not be ended", cause), {
          integration
        })
      )
    )

  const records = yield* GuardedCall.make({
    integration,
    operation: "company",
    key: (businessNumber: BusinessNumber) => CacheKey.parameters({ businessNumber: CacheKey.digits(businessNumber) }),
    data: Company,
    freshness: freshness.companyRecord,
    providers: [
      {
        provider,
        call: (businessNumber: BusinessNumber) => Effect.tap(call(businessNumber), supersede(businessNumber))
      }
    ]
  })

  /** The record entered by hand, or this. */
  const enteredOr = Effect.fnUntraced(function* (
    businessNumber: BusinessNumber,
    error: CompanyError
  ): Effect.fn.Return<Guarded<Company>, CompanyError> {
    const found = yield* manual.current(businessNumber)
    if (Option.isNone(found) || found.value.origin.kind !== "manual") return yield* error
    const { enteredAt } = found.value.origin
    const age = (yield* Clock.currentTimeMillis) - DateTime.toEpochMillis(DateTime.makeUnsafe(enteredAt))
    const why =
      error._tag === "CompanyNotFound" ? "the provider knows no such company" : "no provider answers at present"
    return {
      data: found.value,
      cache: "STALE",
      source: "manual",
      fetchedAt: enteredAt,
      ageSeconds: Math.max(0, Math.floor(age / 1000)),
      warning: `${why}; this record was entered by hand and nobody has checked it`
    }
  })

  const company: Companies["Service"]["company"] = Effect.fn("Companies.company")(function* (businessNumber) {
    const answer = yield* Effect.result(records.run(businessNumber))
    if (answer._tag === "Failure") return yield* enteredOr(businessNumber, errorOf(businessNumber, answer.failure))
    return answer.success
  })

  return Companies.of({
    company,
    representative: Effect.fn("Companies.representative")((name: string, businessNumber: BusinessNumber) =>
      Effect.map(company(businessNumber), (answer) =>
        map(answer, ({ origin, representative, state }) => ({
          businessNumber,
          match: CompanyRules.matchRepresentative(representative, name),
          representative,
          state,
          origin
        }))
      )
    ),
    verify: Effect.fn("Companies.verify")((businessNumber: BusinessNumber, name?: string) =>
      Effect.map(company(businessNumber), (answer) => map(answer, (record) => CompanyRules.verify(record, name)))
    ),
    enter: manual.enter
  })
})

const errorOf = (businessNumber: BusinessNumber, failure: IntegrationUnavailable | Rejected): CompanyError => {
  const manualEntryAllowed = true
  if (failure._tag === "IntegrationUnavailable") {
    const { retryAfterMillis, tried } = failure
    return new CompanyUnavailable({ businessNumber, manualEntryAllowed, tried, retryAfterMillis })
  }
  return failure.code === notFoundCode
    ? new CompanyNotFound({ businessNumber, manualEntryAllowed })
    : // The number is valid: whatever was refused, it is not the caller's fault.
      new CompanyUnavailable({
        businessNumber,
        manualEntryAllowed,
        tried: [{ provider: failure.adapter, reason: failure._tag }],
        retryAfterMillis: 60_000
      })
}
