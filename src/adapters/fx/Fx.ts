/**
 * Exchange rates from the sources of `FxProviders`, the first that answers (provider integrations, section 2).
 *
 * One snapshot, of the dollar where the source lets us choose, answers for every pair, so that all rates that are given
 * within its time agree with each other, whichever way they are crossed. The snapshot before it is remembered, whoever it
 * came from: what moved more than 20 % is flagged in every answer and logged when it is fetched. It is remembered in the
 * response cache for 30 days, under a key of its own (`fx:last:…`); a cache that lost it flags nothing.
 */
import { Clock, Duration, Effect, Layer, Option, Schema } from "effect"
import type { CurrencyCode } from "../../domain/Currency.ts"
import {
  identityQuote,
  type Quote,
  quoteOf,
  RateHistory,
  RateSnapshot,
  type RateTable,
  tableOf
} from "../../domain/ExchangeRate.ts"
import { type Guarded, map } from "../../domain/Guarded.ts"
import { now } from "../../domain/Ids.ts"
import { ExchangeRates, RateNotFound } from "../../services/data/ExchangeRates.ts"
import * as CacheKey from "../../services/providers/CacheKey.ts"
import * as GuardedCall from "../../services/providers/GuardedCall.ts"
import type { ProviderConfig } from "../../services/providers/ProviderConfig.ts"
import { freshness } from "../../services/providers/ProviderPolicy.ts"
import * as ProviderSandbox from "../../services/providers/ProviderSandbox.ts"
import { asOurs } from "../../services/providers/Refusal.ts"
import { ResponseCache } from "../../services/providers/ResponseCache.ts"
import { pivot } from "./FxMapper.ts"
import * as FxProviders from "./FxProviders.ts"
import * as FxSandbox from "./FxSandbox.ts"

const integration = "fx"

/** How long the last snapshot is remembered. */
const remembered = Duration.days(30)

export const layer = (config: ProviderConfig["fx"]) => Layer.effect(ExchangeRates, make(config))

const make = Effect.fnUntraced(function* (config: ProviderConfig["fx"]) {
  const simulator = yield* FxSandbox.make(config.sandbox.seed)
  const connect = yield* ProviderSandbox.connect({
    integration,
    config,
    simulator,
    providers: FxProviders.declarations(config)
  })
  const providers = yield* FxProviders.make({ config, connect })
  const memory = yield* makeMemory(connect)

  const history = yield* GuardedCall.make({
    integration,
    operation: "rates",
    key: () => CacheKey.parameters({ base: pivot }),
    data: RateHistory,
    freshness: freshness.fxRates,
    providers: providers.map(({ call, provider }) => ({
      provider,
      // Nothing in the request is the caller's, so a refusal is not either.
      call: () =>
        Effect.catchTag(call(), "Rejected", (refusal) => Effect.fail(asOurs(refusal))).pipe(
          Effect.flatMap((current) => memory.follow(provider.name, current))
        )
    }))
  })

  const ask = history.run(undefined).pipe(Effect.catchTag("Rejected", Effect.die))

  // Dividing decimals is slow: what comes of it is kept as long as the snapshot is.
  const tables = keptWith<RateTable>()
  const quotes = keptWith<Quote>()

  return ExchangeRates.of({
    rates: Effect.fn("ExchangeRates.rates")(function* (base) {
      const answer = yield* ask
      return yield* found(
        answer,
        tables(answer.data, base, () => tableOf(answer.data, base)),
        base,
        null
      )
    }),
    rate: Effect.fn("ExchangeRates.rate")(function* (from, to) {
      if (from === to) {
        return { data: identityQuote(from), cache: "HIT", source: "identity", fetchedAt: yield* now, ageSeconds: 0 }
      }
      const answer = yield* ask
      return yield* found(
        answer,
        quotes(answer.data, from + to, () => quoteOf(answer.data, from, to)),
        from,
        to
      )
    })
  })
})

/** What was made of a snapshot, by name. */
const keptWith = <A>() => {
  const kept = new WeakMap<RateHistory, Map<string, Option.Option<A>>>()
  return (history: RateHistory, name: string, compute: () => Option.Option<A>): Option.Option<A> => {
    const made = kept.get(history) ?? new Map<string, Option.Option<A>>()
    kept.set(history, made)
    const known = made.get(name) ?? compute()
    made.set(name, known)
    return known
  }
}

const found = <A>(
  answer: Guarded<RateHistory>,
  data: Option.Option<A>,
  from: CurrencyCode,
  to: CurrencyCode | null
): Effect.Effect<Guarded<A>, RateNotFound> =>
  Option.match(data, {
    onNone: () => Effect.fail(new RateNotFound({ from, to, source: answer.source })),
    onSome: (value) => Effect.succeed(map(answer, () => value))
  })

const codec = Schema.toCodecJson(RateSnapshot)
const decode = Schema.decodeUnknownOption(codec)
const encode = Schema.encodeEffect(codec)

/** The snapshot before: read and replaced with each new one. */
const makeMemory = Effect.fnUntraced(function* ({ state }: Pick<ProviderSandbox.Connect, "state">) {
  const cache = yield* ResponseCache

  const follow = Effect.fnUntraced(function* (source: string, current: RateSnapshot) {
    // What a simulator made up is compared with its like only.
    const { mode } = yield* state
    const key = `${CacheKey.prefix(integration, "last", mode)}${CacheKey.parameters({ base: pivot })}`
    const entry = yield* cache.get(key)
    const previous = entry === null ? null : Option.getOrNull(decode(entry.data))
    const history: RateHistory = { current, previous }
    const flagged = Option.match(tableOf(history, current.base), { onNone: () => [], onSome: (all) => all.flagged })
    if (flagged.length > 0) {
      const moves = flagged.map(({ currency, percent }) => `${currency} ${percent} %`).join(", ")
      yield* Effect.annotateLogs(Effect.logWarning(`rates moved more than 20 % since the last snapshot: ${moves}`), {
        integration,
        source,
        date: current.date
      })
    }
    yield* cache.put(
      key,
      { data: yield* Effect.orDie(encode(current)), source, fetchedAt: yield* Clock.currentTimeMillis, empty: false },
      { keepFor: remembered, generation: yield* cache.generation }
    )
    return history
  })
  return { follow }
})
