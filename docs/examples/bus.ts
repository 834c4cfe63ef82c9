// The event bus with its dead letters alone: an event type of your own, a handler that fails, the dead letter, a replay.
import { Effect, Ref, Schema } from "effect"
import { defineEvent } from "integration-hub/domain/events/Event"
import { Rejected } from "integration-hub/domain/IntegrationError"
import { DeadLetters } from "integration-hub/services/events/DeadLetters"
import { Delivery } from "integration-hub/services/events/Delivery"
import { EventBus } from "integration-hub/services/events/EventBus"
import * as Events from "integration-hub/services/events/Events"
import * as RetryPolicy from "integration-hub/services/resilience/RetryPolicy"

const InvoicePaid = defineEvent("invoice.paid", {
  payload: Schema.Struct({ invoice: Schema.String, amount: Schema.Int }),
  key: ({ invoice }) => `invoice:${invoice}`
})

export const program = Effect.gen(function* () {
  const delivery = yield* Delivery
  const deadLetters = yield* DeadLetters
  const open = yield* Ref.make(false)
  yield* delivery.subscribe({
    name: "ledger",
    events: [{ definition: InvoicePaid, retry: RetryPolicy.statusCallback }],
    handle: Effect.fnUntraced(function* ({ payload }) {
      if (yield* Ref.get(open)) return yield* Effect.log(`booked ${payload.invoice}: ${payload.amount}`)
      return yield* new Rejected({ adapter: "ledger", operation: "book", message: "the books are closed" })
    })
  })
  yield* (yield* EventBus).publish(InvoicePaid, { invoice: "2026-0001", amount: 12_000 })
  yield* delivery.drained("ledger")
  const {
    data: [letter]
  } = yield* deadLetters.list({}, { page: 1, limit: 10 })
  if (letter === undefined) return
  yield* Effect.log(`dead letter: ${letter.errorMessage}`)
  yield* Ref.set(open, true)
  yield* deadLetters.replay(letter.id)
}).pipe(
  Effect.scoped,
  // In memory. `Events.layerSql` on a Database layer keeps everything in PostgreSQL instead.
  Effect.provide(Events.layerMemory)
)

// Logs: dead letter: the books are closed; booked 2026-0001: 12000.
if (import.meta.main) Effect.runFork(program)
