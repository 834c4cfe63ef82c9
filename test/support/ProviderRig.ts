/** Guarded calls with providers that answer as told, a recorder that keeps everything, and the services in memory. */
import { Effect, Layer, Schema } from "effect"
import { type IntegrationError, Rejected, Transient } from "../../src/domain/IntegrationError.ts"
import { type AttemptRecord, CallRecorder, type CallRecord } from "../../src/services/providers/CallRecorder.ts"
import * as CacheKey from "../../src/services/providers/CacheKey.ts"
import * as GuardedCall from "../../src/services/providers/GuardedCall.ts"
import * as ProviderGuard from "../../src/services/providers/ProviderGuard.ts"
import { freshness, type Freshness, ProviderPolicy } from "../../src/services/providers/ProviderPolicy.ts"
import * as ProviderServices from "../../src/services/providers/ProviderServices.ts"
import { CircuitBreakers } from "../../src/services/resilience/CircuitBreakers.ts"

/** What a provider does with its next attempts; the last one stays. */
export type Behaviour = Effect.Effect<ReadonlyArray<string>, IntegrationError>

export const serverError: Behaviour = Effect.fail(
  new Transient({ adapter: "stub", operation: "GET /", message: "answered 503", status: 503 })
)
export const notFound: Behaviour = Effect.fail(
  new Rejected({ adapter: "stub", operation: "GET /", message: "answered 404", status: 404 })
)

export const services = Layer.mergeAll(CircuitBreakers.layer, ProviderServices.layerMemory)

/** Keeps what the guarded calls made under it tell. */
export const recording = () => {
  const records: Array<CallRecord | AttemptRecord> = []
  return {
    calls: () => records.filter((record) => record._tag === "Call"),
    attempts: () => records.filter((record) => record._tag === "Attempt"),
    /** Drops everything, loudly. */
    throwing: Layer.succeed(CallRecorder, {
      record: () => {
        throw new Error("the recorder is out of order")
      }
    }),
    layer: Layer.succeed(CallRecorder, { record: (record) => void records.push(record) })
  }
}

/** A provider that answers as told, and counts the attempts that reached it. */
export const makeStub = Effect.fnUntraced(function* (
  name: string,
  policy: Partial<typeof ProviderPolicy.Type> = {},
  options: { readonly repeatable?: boolean; readonly mode?: "live" | "sandbox" } = {}
) {
  const guard = yield* ProviderGuard.make({
    integration: "books",
    name,
    policy: ProviderPolicy.make(policy),
    repeatable: true,
    ...options
  })
  let script: ReadonlyArray<Behaviour> = [Effect.succeed([`from ${name}`])]
  let reached = 0
  const attempt = Effect.suspend(() => {
    const behaviour = script[0] ?? serverError
    if (script.length > 1) script = script.slice(1)
    reached++
    return behaviour
  })
  return {
    guard,
    source: { provider: guard, call: () => guard.guard("GET /books", attempt) },
    behave: (...next: ReadonlyArray<Behaviour>) => Effect.sync(() => void (script = next)),
    reached: () => reached
  }
})

export type Stub = Effect.Success<ReturnType<typeof makeStub>>

/** The call `books.search` over the providers. */
export const makeCall = (
  stubs: ReadonlyArray<Stub>,
  options: { readonly freshness?: Freshness; readonly version?: string } = {}
) =>
  GuardedCall.make({
    integration: "books",
    operation: "search",
    key: ({ title }: { readonly title: string }) => CacheKey.parameters({ title: CacheKey.text(title) }),
    data: Schema.Array(Schema.String),
    freshness: freshness.companyRecord,
    isEmpty: (found) => found.length === 0,
    providers: stubs.map(({ source }) => source),
    ...options
  })
