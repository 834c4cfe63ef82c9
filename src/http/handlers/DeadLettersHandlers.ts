import { Effect, Option } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import type {
  DeadLetterNotFound as NotFound,
  DeadLetterNotPending as NotPending
} from "../../services/events/DeadLetter.ts"
import { DeadLetters } from "../../services/events/DeadLetters.ts"
import { AdapterRegistry } from "../../services/integrations/AdapterRegistry.ts"
import { HubApi } from "../api/HubApi.ts"
import { ReplayInProgressProblem } from "../api/Problems.ts"
import { asData, listOf } from "../api/Queries.ts"
import { conflict, notFound } from "./Problems.ts"
import { withOnly } from "./SmallContext.ts"

const DeadLetterNotFound = ({ id }: NotFound) => notFound(`dead letter ${id}`)
const DeadLetterNotPending = ({ status }: NotPending) => conflict(`The dead letter is ${status} already`)
const ReplayInProgress = () => Effect.fail(new ReplayInProgressProblem())

export const layer = HttpApiBuilder.group(
  HubApi,
  "deadLetters",
  Effect.fnUntraced(function* (handlers) {
    const deadLetters = yield* DeadLetters
    const registry = yield* AdapterRegistry

    const preview = Effect.fnUntraced(function* (id: string) {
      const { adapterName, eventId, eventType, status } = yield* deadLetters
        .get(id)
        .pipe(Effect.catchTags({ DeadLetterNotFound }))
      if (status !== "pending") return yield* conflict(`The dead letter is ${status} already`)
      const adapter = Option.getOrNull(yield* Effect.option(registry.status(adapterName)))
      const runs =
        adapter === null || adapter.mode === "off" ? "never" : adapter.circuit === "OPEN" ? "deferred" : "now"
      return { dryRun: true as const, id, eventId, eventType, adapter, runs } as const
    })

    return handlers.handleAll({
      list: ({ query }) => deadLetters.list(query, query).pipe(Effect.map(listOf(query))),
      groups: ({ query }) => deadLetters.groups(query).pipe(Effect.map(asData)),
      replayAll: ({ payload }) => Effect.map(deadLetters.replayAll(payload.filter), (matched) => ({ matched })),
      discardAll: ({ payload }) => Effect.map(deadLetters.discardAll(payload.filter), (matched) => ({ matched })),
      get: ({ params }) => deadLetters.get(params.id).pipe(Effect.catchTags({ DeadLetterNotFound })),
      replay: Effect.fnUntraced(function* ({ params, query }) {
        if (query.dryRun === true) return yield* preview(params.id)
        const outcome = yield* deadLetters
          .replay(params.id)
          .pipe(Effect.catchTags({ DeadLetterNotFound, DeadLetterNotPending, ReplayInProgress }))
        return Option.getOrElse(outcome, () => ({ id: params.id, status: "pending" as const }))
      }),
      discard: ({ params }) =>
        deadLetters
          .discard(params.id)
          .pipe(Effect.catchTags({ DeadLetterNotFound, DeadLetterNotPending, ReplayInProgress }))
    })
  })
).pipe(withOnly(AdapterRegistry, DeadLetters))
