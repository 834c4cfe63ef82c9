/**
 * The circuits of this process, for operators: what state each is in, and the order to reset one, which is kept with who
 * gave it and when. A reset closes a circuit and forgets its failures; it mends nothing at the other side. Circuits of
 * other hubs on the same database keep their state: each is asked by itself.
 */
import { Context, Effect, Layer, Option, Schema } from "effect"
import { now } from "../../domain/Ids.ts"
import { EventContext } from "../events/EventContext.ts"
import { isoOf } from "../events/Time.ts"
import type { Snapshot } from "../resilience/CircuitBreaker.ts"
import { CircuitBreakers } from "../resilience/CircuitBreakers.ts"
import { CircuitStatus } from "../resilience/CircuitState.ts"
import { Database } from "../storage/Database.ts"
import { IsoFromDate } from "../storage/IsoFromDate.ts"
import type { Circuit } from "./IntegrationStatus.ts"
import { RecentCalls } from "./RecentCalls.ts"

export class CircuitNotFound extends Schema.TaggedError<CircuitNotFound>()("CircuitNotFound", {
  name: Schema.String
}) {}

export class Circuits extends Context.Service<
  Circuits,
  {
    /** In the order they were made. */
    readonly list: Effect.Effect<ReadonlyArray<Circuit>>
    /** Closed, with nothing counted; a hold by an operator ends too. Returns the circuit afterwards. */
    readonly reset: (name: string, actor: string) => Effect.Effect<Circuit, CircuitNotFound>
  }
>()("hub/services/observability/Circuits") {
  static readonly layer = Layer.effect(
    Circuits,
    Effect.suspend(() => make)
  )
}

const ResetRow = Schema.Struct({
  circuit: Schema.String,
  from: CircuitStatus,
  actor: Schema.String,
  at: IsoFromDate
})
const decodeResets = Schema.decodeUnknownEffect(Schema.Array(ResetRow))

const make = Effect.gen(function* () {
  const { sql } = yield* Database
  const breakers = yield* CircuitBreakers
  const recent = yield* RecentCalls

  const lastResets = sql`
    select distinct on (circuit) circuit, from_state as "from", actor, at from circuit_resets
    order by circuit, id desc`.pipe(
    Effect.flatMap(decodeResets),
    Effect.map((rows) => new Map(rows.map(({ circuit, ...reset }) => [circuit, reset]))),
    Effect.orDie
  )

  const list = Effect.gen(function* () {
    const integrations = new Map((yield* recent.providers).map(({ integration, provider }) => [provider, integration]))
    const resets = yield* lastResets
    return (yield* breakers.snapshots).map((snapshot) =>
      circuitOf(snapshot, integrations.get(snapshot.name) ?? snapshot.name, resets.get(snapshot.name) ?? null)
    )
  }).pipe(Effect.withSpan("Circuits.list"))

  const reset = Effect.fn("Circuits.reset")(function* (name: string, actor: string) {
    const breaker = yield* breakers.get(name)
    if (Option.isNone(breaker)) return yield* new CircuitNotFound({ name })
    const { state } = yield* breaker.value.snapshot
    const correlationId = (yield* EventContext)?.correlationId ?? ""
    // First the entry: an order of which nothing is kept is not carried out.
    yield* sql`
      insert into circuit_resets (circuit, from_state, actor, correlation_id, at)
      values (${name}, ${state}, ${actor}, ${correlationId}, ${yield* now}::timestamptz)`.pipe(Effect.orDie)
    yield* breaker.value.reset
    yield* Effect.annotateLogs(Effect.logInfo(`circuit of ${name} reset by ${actor}`), {
      adapter: name,
      actor,
      from: state,
      correlationId
    })
    const found = (yield* list).find((circuit) => circuit.name === name)
    return found ?? (yield* new CircuitNotFound({ name }))
  })

  return Circuits.of({ list, reset })
})

const circuitOf = (snapshot: Snapshot, integration: string, lastReset: Circuit["lastReset"]): Circuit => ({
  name: snapshot.name,
  integration,
  state: snapshot.state,
  consecutiveFailures: snapshot.consecutiveFailures,
  hold: snapshot.hold,
  retryAt: snapshot.state === "CLOSED" ? null : iso(snapshot.retryAt),
  lastTransitionAt: iso(snapshot.lastTransitionAt),
  lastReset
})

const iso = (millis: number | null): string | null =>
  millis === null || !Number.isFinite(millis) ? null : isoOf(millis)
