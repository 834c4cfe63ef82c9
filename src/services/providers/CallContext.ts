/** What the fiber of a guarded call carries along: the count of its attempts, and the ids that records are found by. */
import { Context, Tracer } from "effect"
import { EventContext } from "../events/EventContext.ts"
import type { ConnectionState } from "./ProviderConnections.ts"
import type { AttemptRecord, CallRecord, CallRecorder, HttpExchange } from "./CallRecorder.ts"

/** Counts the attempts made for one guarded call; null = outside of one. */
export const Tally = Context.Reference<{ attempts: number } | null>("hub/services/providers/CallContext/Tally", {
  defaultValue: () => null
})

/** Where the connection leaves what it sent and got, for the attempt around it to tell; null = nobody asks. */
export const Wire = Context.Reference<{ http?: HttpExchange; traceId?: string } | null>(
  "hub/services/providers/CallContext/Wire",
  { defaultValue: () => null }
)

/** How providers are reached, as it was when the call began; null = outside of one. */
export const Connection = Context.Reference<ConnectionState | null>("hub/services/providers/CallContext/Connection", {
  defaultValue: () => null
})

/** Trace and correlation id of a fiber. */
export const idsOf = (context: Context.Context<never>): Pick<CallRecord, "traceId" | "correlationId"> => ({
  traceId: Context.getOrUndefined(context, Tracer.ParentSpan)?.traceId ?? null,
  correlationId: Context.get(context, EventContext)?.correlationId ?? null
})

/** Tells the recorder; what it throws is its own affair. */
export const tell = (recorder: CallRecorder, record: CallRecord | AttemptRecord): void => {
  try {
    recorder.record(record)
  } catch {
    // A record never changes an answer.
  }
}
