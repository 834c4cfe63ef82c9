/**
 * Identifiers and codes (specification, section 1). Numbers are positive 31-bit integers (PostgreSQL `integer`),
 * text ids carry their prefix.
 */
import { Clock, Context, DateTime, Effect, Schema } from "effect"
import { SecureRandom } from "effect/crypto"

/** Largest value of PostgreSQL's `integer`. */
export const maxInt = 2_147_483_647

const PositiveId = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: maxInt }))

export const ProductId = PositiveId.pipe(Schema.brand("ProductId"))
export type ProductId = typeof ProductId.Type

export const CategoryId = PositiveId.pipe(Schema.brand("CategoryId"))
export type CategoryId = typeof CategoryId.Type

export const OptionId = PositiveId.pipe(Schema.brand("OptionId"))
export type OptionId = typeof OptionId.Type

export const ChoiceId = PositiveId.pipe(Schema.brand("ChoiceId"))
export type ChoiceId = typeof ChoiceId.Type

export const MesItemId = PositiveId.pipe(Schema.brand("MesItemId"))
export type MesItemId = typeof MesItemId.Type

export const OrderItemId = PositiveId.pipe(Schema.brand("OrderItemId"))
export type OrderItemId = typeof OrderItemId.Type

/** `ord_` and a ULID. */
export const OrderId = Schema.String.check(Schema.isPattern(/^ord_[0-9A-HJKMNP-TV-Z]{26}$/)).pipe(
  Schema.brand("OrderId")
)
export type OrderId = typeof OrderId.Type

/** `des_` and a ULID. */
export const DesignId = Schema.String.check(Schema.isPattern(/^des_[0-9A-HJKMNP-TV-Z]{26}$/)).pipe(
  Schema.brand("DesignId")
)
export type DesignId = typeof DesignId.Type

/** `rnd_` and a ULID. */
export const RenderJobId = Schema.String.check(Schema.isPattern(/^rnd_[0-9A-HJKMNP-TV-Z]{26}$/)).pipe(
  Schema.brand("RenderJobId")
)
export type RenderJobId = typeof RenderJobId.Type

/** Five digits, the product's business key. */
export const HuniCode = Schema.String.check(Schema.isPattern(/^\d{5}$/))

/** MES item code `NNN-NNNN`; `NNN-5NNN` is a semi-finished part. */
export const MesItemCode = Schema.String.check(Schema.isPattern(/^\d{3}-\d{4}$/))

/** UUIDv7, lower case. */
export const EventId = Schema.String.check(
  Schema.isPattern(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/)
).pipe(Schema.brand("EventId"))
export type EventId = typeof EventId.Type

/** Always derived, never stored: `HU_` and the huniCode. */
export const edicusCode = (huniCode: string | null): string | null => (huniCode === null ? null : `HU_${huniCode}`)

/** Where ids come from: the platform's secure random source and the Clock. Replace it to make ids repeatable. */
export const IdSource = Context.Reference<SecureRandom.SecureRandom["Service"]>("hub/domain/Ids/IdSource", {
  defaultValue: () => SecureRandom.make(pooledRandomBytes())
})

/** A new order id. Ids of one process sort by time. */
export const makeOrderId = IdSource.use((source) => Effect.map(source.ulid, (ulid) => OrderId.make(`ord_${ulid}`)))

/** A new design id. Ids of one process sort by time. */
export const makeDesignId = IdSource.use((source) => Effect.map(source.ulid, (ulid) => DesignId.make(`des_${ulid}`)))

/** A new id of a render job. Ids of one process sort by time. */
export const makeRenderJobId = IdSource.use((source) =>
  Effect.map(source.ulid, (ulid) => RenderJobId.make(`rnd_${ulid}`))
)

/** A new event id. Ids of one process sort by time. Unchecked: every publish makes one. */
export const makeEventId = IdSource.use((source) =>
  Effect.map(source.uuidV7(), (uuid) => EventId.make(uuid, { disableChecks: true }))
)

/** Now, from the Clock, as ISO-8601 UTC with milliseconds. Under load many ask within one millisecond. */
export const now = Effect.map(Clock.currentTimeMillis, (millis) => {
  if (millis !== latest.millis) latest = { millis, iso: DateTime.formatIso(DateTime.makeUnsafe(millis)) }
  return latest.iso
})
let latest = { millis: Number.NaN, iso: "" }

/** Random bytes, taken from the system 8 KiB at a time: asking it for a few at each id costs a system call. */
const pooledRandomBytes = () => {
  const pool = new Uint8Array(8192)
  let used = pool.length
  return (size: number): Uint8Array => {
    if (size > 256) return globalThis.crypto.getRandomValues(new Uint8Array(size))
    if (used + size > pool.length) {
      globalThis.crypto.getRandomValues(pool)
      used = 0
    }
    const bytes = pool.slice(used, used + size)
    // What was given out may be a key: it does not stay here.
    pool.fill(0, used, used + size)
    used += size
    return bytes
  }
}
