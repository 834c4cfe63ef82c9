/**
 * Exchange rates (provider integrations, section 2): a port; `adapters/fx` fills it. Answers say where they come from and
 * how old they are. Currencies are valid by their type, so nobody is asked in vain.
 */
import { Context, type Effect, Schema } from "effect"
import { CurrencyCode } from "../../domain/Currency.ts"
import type { Quote, RateTable } from "../../domain/ExchangeRate.ts"
import type { Guarded, IntegrationUnavailable } from "../../domain/Guarded.ts"

/** The snapshot that could be had lacks one of the currencies. No rate is made up for it. */
export class RateNotFound extends Schema.TaggedError<RateNotFound>()("RateNotFound", {
  from: CurrencyCode,
  /** Null: all rates of `from` were asked for. */
  to: Schema.NullOr(CurrencyCode),
  /** Whose snapshot it is. */
  source: Schema.String
}) {
  override get message(): string {
    return `${this.source} has no rate ${this.to === null ? `for ${this.from}` : `from ${this.from} to ${this.to}`}`
  }
}

export class ExchangeRates extends Context.Service<
  ExchangeRates,
  {
    /** How much of every currency one unit of this one buys. Fresh for 24 h, served stale for 7 days. */
    readonly rates: (base: CurrencyCode) => Effect.Effect<Guarded<RateTable>, IntegrationUnavailable | RateNotFound>
    /** How much of `to` one unit of `from` buys; of a currency in itself 1, without asking anyone. */
    readonly rate: (
      from: CurrencyCode,
      to: CurrencyCode
    ) => Effect.Effect<Guarded<Quote>, IntegrationUnavailable | RateNotFound>
  }
>()("hub/services/data/ExchangeRates") {}
