/** What a guarded call to a data service answers, or says when nothing could be had (provider integrations, section 1). */
import { Schema } from "effect"
import { Instant } from "./Instant.ts"
import { ErrorClass } from "./IntegrationError.ts"

/**
 * `HIT`: from the cache, fresh. `MISS`: asked for now. `STALE`: from the cache, past its time, because no provider answered.
 */
export const CacheLabel = Schema.Literals(["HIT", "MISS", "STALE"])
export type CacheLabel = typeof CacheLabel.Type

const fields = {
  cache: CacheLabel,
  /** The provider that gave the data, e.g. `fx_primary`. */
  source: Schema.String,
  /** When the provider gave it, UTC. A stale answer keeps the time it was fetched. */
  fetchedAt: Instant,
  /** Whole seconds since then. */
  ageSeconds: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
  /** For people; only where the answer is stale, or invented by a sandbox. */
  warning: Schema.optionalKey(Schema.String)
}

/** Schema of an answer with this data. */
export const guarded = <S extends Schema.Constraint>(data: S) => Schema.Struct({ data, ...fields })

const Labels = Schema.Struct(fields)

/** An answer, and where it comes from. */
export type Guarded<A> = typeof Labels.Type & { readonly data: A }

/** The data of an answer, changed; its labels stay. */
export const map = <A, B>(answer: Guarded<A>, f: (data: A) => B): Guarded<B> => ({ ...answer, data: f(answer.data) })

/** A provider that was asked, or would have been, and why it gave nothing. */
export const Tried = Schema.Struct({ provider: Schema.String, reason: ErrorClass })
export type Tried = typeof Tried.Type

/** No provider answered and the cache had nothing that may be served. */
export class IntegrationUnavailable extends Schema.TaggedError<IntegrationUnavailable>()("IntegrationUnavailable", {
  /** E.g. `fx`. */
  integration: Schema.String,
  /** E.g. `rates`. */
  operation: Schema.String,
  /** In the order of the providers; empty = all are switched off. */
  tried: Schema.Array(Tried),
  /** Milliseconds until a provider may be asked with some hope; at least a second. */
  retryAfterMillis: Schema.Finite
}) {
  override get message(): string {
    const reasons = this.tried.map(({ provider, reason }) => `${provider}: ${reason}`)
    return `no provider of ${this.integration} answered ${this.operation} (${reasons.join(", ") || "all are switched off"})`
  }
}
