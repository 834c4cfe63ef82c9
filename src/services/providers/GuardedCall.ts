/**
 * A question to a data service that keeps being answered while providers are slow, wrong, rate limited or down.
 *
 * 1. A fresh answer in the cache: `HIT`.
 * 2. The providers in order, each behind its own circuit, limits, time limit and retries (`Provider`): `MISS`.
 * 3. An answer in the cache that is past its time but within its window: `STALE`, with its age and a warning. It keeps the
 *    time it was fetched, and the next call asks the providers again.
 * 4. Nothing: `IntegrationUnavailable`, with what was tried and when to come back.
 *
 * - Concurrent misses of one key ask once. A caller who is interrupted leaves; the others get the answer.
 * - `Rejected` (a client error, not found) and typed errors of the integration's own end the call: nobody else is asked, and
 *   nothing stale is served, because that is an answer. Every other IntegrationError goes on to the next provider. A defect is
 *   a bug and stays one.
 * - Failures are never cached. A genuine empty answer is, for a short time.
 * - The cache, logs and the recorder never change an answer.
 */
import { Cause, Clock, Context, DateTime, Duration, Effect, Exit, Result, Schema, type Scope, Tracer } from "effect"
import { type Guarded, IntegrationUnavailable, type Tried } from "../../domain/Guarded.ts"
import { IntegrationError, type Rejected } from "../../domain/IntegrationError.ts"
import * as CacheKey from "./CacheKey.ts"
import * as CallContext from "./CallContext.ts"
import { type CallRecord, CallRecorder, silent } from "./CallRecorder.ts"
import type { ProviderGuard } from "./ProviderGuard.ts"
import { type ConnectionState, isAsked } from "./ProviderConnections.ts"
import { ProviderPolicies } from "./ProviderPolicies.ts"
import { type Freshness, retryAfterOf } from "./ProviderPolicy.ts"
import { type CacheEntry, type CacheUnavailable, ResponseCache } from "./ResponseCache.ts"
import * as SingleFlight from "./SingleFlight.ts"

/** A provider, and how it is asked. */
export interface Source<Request, A, E> {
  readonly provider: Pick<ProviderGuard, "name" | "mode" | "connection" | "policy" | "breaker">
  /** Asks through the provider's `attempt` (or `guard`), which counts, limits and retries. */
  readonly call: (request: Request) => Effect.Effect<A, E>
}

export interface Options<Request, A, E> {
  /** E.g. `fx`. */
  readonly integration: string
  /** E.g. `rates`. */
  readonly operation: string
  /** Of the contracts and mappings behind the data: what was cached under another is not found. Default `1`. */
  readonly version?: string
  /** Every parameter of the request, canonical; see `CacheKey.parameters`. */
  readonly key: (request: Request) => string
  /** How data is kept in the cache. */
  readonly data: Schema.Codec<A, unknown>
  /** Until another is set. */
  readonly freshness: Freshness
  /** A genuine answer with nothing in it, which is kept for a short time only. Default: there is none. */
  readonly isEmpty?: (data: A) => boolean
  /** In the order in which they are asked. */
  readonly providers: ReadonlyArray<Source<Request, A, E>>
}

/** What a call fails with: `IntegrationUnavailable`, and what ends it at once. */
export type Failure<E> = IntegrationUnavailable | Final<E>

type Final<E> = Rejected | Exclude<E, IntegrationError>

export interface GuardedCall<Request, A, E> {
  readonly run: (request: Request) => Effect.Effect<Guarded<A>, Failure<E>>
  /** The whole cache key of a request. */
  readonly key: (request: Request) => string
  readonly invalidate: (request: Request) => Effect.Effect<void, CacheUnavailable>
}

/** How long an entry stays in the cache after its window, so that clean-up never takes one that may be served. */
const grace = Duration.days(1)

interface Answer<A> {
  readonly _tag: "Answer"
  readonly label: "HIT" | "MISS" | "STALE"
  readonly data: A
  readonly source: string
  readonly fetchedAt: number
  readonly tried: ReadonlyArray<Tried>
  readonly attempts: number
}

interface Refusal<E> {
  readonly _tag: "Refusal"
  readonly error: Failure<E>
  readonly tried: ReadonlyArray<Tried>
  readonly attempts: number
}

type Outcome<A, E> = Answer<A> | Refusal<E>

interface Looked<A, E> {
  readonly value: Outcome<A, E>
  readonly shared: boolean
  /** Was the simulator asked, or is the answer from it? */
  readonly sandbox: boolean
}

export const make = Effect.fnUntraced(function* <Request, A, E>(
  options: Options<Request, A, E>
): Effect.fn.Return<GuardedCall<Request, A, E>, never, ProviderPolicies | ResponseCache | Scope.Scope> {
  const { integration, operation, providers } = options
  const cache = yield* ResponseCache
  const recorder = yield* CallRecorder
  const freshness = yield* (yield* ProviderPolicies).operation(`${integration}.${operation}`, options.freshness)
  const flights = yield* SingleFlight.make<Outcome<A, E>, never>()
  const codec = Schema.toCodecJson(options.data)
  const decode = Schema.decodeUnknownEffect(codec)
  const encode = Schema.encodeEffect(codec)
  const connection = providers[0]?.provider.connection ?? null
  /** Fixed for the whole of a call. */
  const stateNow = () => connection?.current() ?? null
  const isSandbox = (state: ConnectionState | null) =>
    state === null ? providers.some(({ provider }) => provider.mode === "sandbox") : state.mode === "sandbox"
  const version = options.version ?? "1"
  // What a simulator made up is never served as the real thing.
  const prefixes = {
    live: CacheKey.prefix(integration, operation, version),
    sandbox: CacheKey.prefix(integration, operation, `${version}~sandbox`)
  }
  const keyOf = (request: Request, state = stateNow()) =>
    `${isSandbox(state) ? prefixes.sandbox : prefixes.live}${options.key(request)}`
  const labels = { integration, operation }

  const ageOf = ({ fetchedAt }: { readonly fetchedAt: number }, now: number) => Math.max(0, now - fetchedAt)
  const within = (entry: CacheEntry, window: "fresh" | "stale", now: number) =>
    ageOf(entry, now) < Duration.toMillis(freshness.current()[entry.empty ? "empty" : window])

  /** Decoded once for as long as this process keeps the entry. */
  const decoded = new WeakMap<CacheEntry, A>()
  /** Null: the entry does not fit the schema (any more), which counts as none. */
  const read = (entry: CacheEntry): Effect.Effect<{ readonly data: A } | null> => {
    const known = decoded.get(entry)
    if (known !== undefined) return Effect.succeed({ data: known })
    return Effect.matchEffect(decode(entry.data), {
      onSuccess: (data) => {
        decoded.set(entry, data)
        return Effect.succeed({ data })
      },
      onFailure: () =>
        Effect.as(Effect.annotateLogs(Effect.logWarning("a cached answer does not fit any more"), labels), null)
    })
  }

  const fromCache = (
    entry: CacheEntry | null,
    window: "fresh" | "stale",
    made: { readonly tried: ReadonlyArray<Tried>; readonly attempts: number }
  ): Effect.Effect<Answer<A> | null> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      entry === null || !within(entry, window, now)
        ? Effect.succeed(null)
        : Effect.map(read(entry), (found): Answer<A> | null => {
            const { fetchedAt, source } = entry
            const label = window === "fresh" ? "HIT" : "STALE"
            return found === null ? null : { _tag: "Answer", label, data: found.data, source, fetchedAt, ...made }
          })
    )

  const store = Effect.fnUntraced(function* (key: string, answer: Answer<A>, generation: number) {
    const { data, fetchedAt, source } = answer
    const empty = options.isEmpty?.(data) ?? false
    const windows = freshness.current()
    const longest = empty ? windows.empty : windows.stale
    if (Duration.isZero(longest)) return
    const entry: CacheEntry = { data: yield* encode(data), source, fetchedAt, empty }
    decoded.set(entry, data)
    yield* cache.put(key, entry, { keepFor: Duration.sum(longest, grace), generation })
  })

  const ask = Effect.fnUntraced(function* (request: Request, key: string) {
    // Somebody may have brought the answer between the look into the cache and now.
    const meanwhile = yield* fromCache(yield* cache.peek(key), "fresh", { tried: [], attempts: 0 })
    if (meanwhile !== null) return meanwhile
    const generation = yield* cache.generation
    const tally = { attempts: 0 }
    const tried: Array<Tried> = []
    let retryAt = Infinity
    const state = yield* CallContext.Connection
    for (const { call, provider } of providers) {
      if (!provider.policy().enabled) continue
      if (provider.connection !== null && state !== null && !isAsked(provider.connection, state)) continue
      const result = yield* Effect.result(Effect.provideService(call(request), CallContext.Tally, tally))
      const now = yield* Clock.currentTimeMillis
      if (Result.isSuccess(result)) {
        const data = result.success
        const { attempts } = tally
        const answer: Answer<A> = {
          _tag: "Answer",
          label: "MISS",
          data,
          source: provider.name,
          fetchedAt: now,
          tried,
          attempts
        }
        yield* Effect.catchCause(store(key, answer, generation), (cause) =>
          Effect.annotateLogs(Effect.logWarning("an answer could not be cached", cause), labels)
        )
        return answer
      }
      const error = result.failure
      if (isFinal<E>(error)) return { _tag: "Refusal", error, tried, attempts: tally.attempts } as const
      if (!isIntegrationError(error)) return yield* Effect.die(error)
      tried.push({ provider: provider.name, reason: error._tag })
      const admits = (yield* provider.breaker.retryAt) ?? Infinity
      retryAt = Math.min(retryAt, Math.max(admits, now + retryAfterOf(error)))
    }
    const made = { tried, attempts: tally.attempts }
    const stale = yield* fromCache(yield* cache.get(key), "stale", made)
    if (stale !== null) return stale
    return { _tag: "Refusal", error: yield* unavailable(tried, retryAt), ...made } as const
  })

  const unavailable = Effect.fnUntraced(function* (tried: ReadonlyArray<Tried>, retryAt: number) {
    const now = yield* Clock.currentTimeMillis
    const retryAfterMillis = Number.isFinite(retryAt) ? Math.max(1000, retryAt - now) : 60_000
    const error = new IntegrationUnavailable({ integration, operation, tried, retryAfterMillis })
    yield* Effect.annotateLogs(Effect.logWarning(error.message), { ...labels, retryAfterMillis })
    return error
  })

  const serve = (looked: Looked<A, E>): Effect.Effect<Guarded<A>, Failure<E>> =>
    looked.sandbox ? Effect.map(tell(looked.value), markInvented) : tell(looked.value)

  const tell = (outcome: Outcome<A, E>): Effect.Effect<Guarded<A>, Failure<E>> => {
    if (outcome._tag === "Refusal") return Effect.fail(outcome.error)
    const { data, fetchedAt, label, source } = outcome
    return Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const ageSeconds = Math.floor(ageOf(outcome, now) / 1000)
      const answer = { data, cache: label, source, fetchedAt: isoOf(fetchedAt), ageSeconds }
      if (label !== "STALE") return Effect.succeed(answer)
      const warning = `no provider answers at present; this answer is ${Duration.format(Duration.seconds(ageSeconds))} old`
      return Effect.as(
        Effect.annotateLogs(Effect.logWarning(`${integration} ${operation}: served a stale answer`), {
          ...labels,
          source,
          ageSeconds,
          tried: outcome.tried
        }),
        { ...answer, warning }
      )
    })
  }

  const look = Effect.fnUntraced(function* (request: Request) {
    const state = stateNow()
    const sandbox = isSandbox(state)
    const key = keyOf(request, state)
    const hit = yield* fromCache(yield* cache.get(key), "fresh", { tried: [], attempts: 0 })
    return hit !== null
      ? { value: hit, shared: false, sandbox }
      : {
          ...(yield* flights.run(
            key,
            Effect.provideService(
              Effect.suspend(() => ask(request, key)),
              CallContext.Connection,
              state
            )
          )),
          sandbox
        }
  })

  const run = (request: Request): Effect.Effect<Guarded<A>, Failure<E>> =>
    recorder === silent ? Effect.flatMap(look(request), serve) : recorded(request)

  const recorded = (request: Request): Effect.Effect<Guarded<A>, Failure<E>> =>
    Effect.withFiber((fiber) => {
      const inTrace = Context.getOrUndefined(fiber.context, Tracer.ParentSpan) !== undefined
      // Every record is found by a trace.
      if (!inTrace) return Effect.withSpan(recorded(request), `${integration} ${operation}`, { attributes: labels })
      const clock = fiber.getRef(Clock.Clock)
      const started = clock.currentTimeMillisUnsafe()
      const looked = Effect.onExit(look(request), (exit) =>
        Effect.sync(() => {
          const at = clock.currentTimeMillisUnsafe()
          CallContext.tell(recorder, {
            _tag: "Call",
            ...labels,
            ...recordOf(exit),
            sandbox: exit._tag === "Success" ? exit.value.sandbox : isSandbox(stateNow()),
            at,
            durationMillis: at - started,
            ...CallContext.idsOf(fiber.context)
          })
        })
      )
      return Effect.flatMap(looked, serve)
    })

  return { run, key: (request) => keyOf(request), invalidate: (request) => cache.invalidate(keyOf(request)) }
})

/** Says in an answer that it is invented. */
const markInvented = <A>(answer: Guarded<A>): Guarded<A> => {
  const warning = "from the sandbox: this data is invented"
  return { ...answer, warning: answer.warning === undefined ? warning : `${warning}; ${answer.warning}` }
}

const isIntegrationError = Schema.is(IntegrationError)

/** What ends a call. */
const isFinal = <E>(error: E | Rejected): error is Final<E> => !isIntegrationError(error) || error._tag === "Rejected"

const isoOf = (millis: number): string => DateTime.formatIso(DateTime.makeUnsafe(millis))

const recordOf = (
  exit: Exit.Exit<{ readonly value: Outcome<unknown, unknown>; readonly shared: boolean }>
): Pick<CallRecord, "outcome" | "cache" | "provider" | "tried" | "attempts" | "shared"> => {
  if (Exit.isFailure(exit)) {
    const outcome = Cause.hasInterruptsOnly(exit.cause) ? "interrupted" : "defect"
    return { outcome, cache: null, provider: null, tried: [], attempts: 0, shared: false }
  }
  const { shared, value } = exit.value
  const made = { tried: value.tried, attempts: shared ? 0 : value.attempts, shared }
  if (value._tag === "Answer") {
    const outcomes = { HIT: "hit", MISS: "miss", STALE: "stale" } as const
    return { outcome: outcomes[value.label], cache: value.label, provider: value.source, ...made }
  }
  const outcome = Schema.is(IntegrationUnavailable)(value.error) ? "unavailable" : "rejected"
  return { outcome, cache: null, provider: null, ...made }
}
