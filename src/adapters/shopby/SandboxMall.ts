/**
 * What the Shopby sandbox keeps and how it changes: products, orders, tokens, webhooks that nobody took. In memory.
 *
 * Deterministic where it matters: a product's number follows from its management code, so even a sandbox that forgot
 * everything gives a product the number it had. Orders get new numbers. Changing the status of a parcel that it has
 * forgotten succeeds without effect.
 */
import { Clock, Effect, Option, Ref, Schema } from "effect"
import { createHash } from "node:crypto"
import { IdSource, maxInt } from "../../domain/Ids.ts"
import { optionSeparator } from "../../domain/OptionMatrix.ts"
import { ShopListing } from "../../domain/ShopListing.ts"
import { ShopOrder } from "../../domain/ShopOrder.ts"
import { KstIso } from "./KoreanTime.ts"
import { shopOrderOf } from "./SeenOrders.ts"
import { type ListingChanges, SeenOrder } from "./ShopbyMapper.ts"

/** A product of the shop. */
export const SandboxProduct = Schema.Struct({
  mallProductNo: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: maxInt })),
  listing: ShopListing
})
export type SandboxProduct = typeof SandboxProduct.Type

/** An order of the shop. Times in seconds since 1970. */
export const SandboxOrder = Schema.Struct({
  order: SeenOrder,
  placedAt: Schema.Int,
  changedAt: Schema.Int,
  /** What it was told, the oldest first. */
  history: Schema.Array(
    Schema.Struct({
      status: Schema.String,
      shippingNo: Schema.NullOr(Schema.String),
      trackingNumber: Schema.NullOr(Schema.String),
      carrier: Schema.NullOr(Schema.String),
      /** `X-Correlation-Id` of the request; null = none came. */
      correlationId: Schema.NullOr(Schema.String)
    })
  )
})
export type SandboxOrder = typeof SandboxOrder.Type

/** What a customer puts into the basket. */
export const Basket = Schema.Struct({
  lines: Schema.Array(
    Schema.Struct({
      /** Management code of the product (its huniCode). */
      managementCode: Schema.String,
      /** The row of the options, by its values (`A4|아트지|100`) or its management code. Left out: the first. */
      option: Schema.optionalKey(Schema.String),
      /** Ordered count. Default 1. */
      count: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10_000 })))
    })
  ).check(Schema.isMinLength(1), Schema.isMaxLength(100)),
  /** Default 홍길동. */
  customer: Schema.optionalKey(Schema.String),
  /** Default true. */
  paid: Schema.optionalKey(Schema.Boolean),
  /** Each line in a parcel of its own. Default false. */
  split: Schema.optionalKey(Schema.Boolean),
  /** Is the hub told? Default true. */
  webhook: Schema.optionalKey(Schema.Boolean)
})
export type Basket = typeof Basket.Type

/** There is no such product, option or order in the shop. */
export class NotInSandbox extends Schema.TaggedError<NotInSandbox>()(
  "NotInSandbox",
  { what: Schema.String },
  { httpApiStatus: 404 }
) {}

/** The error inside a 200. */
export const SandboxFailure = Schema.Struct({ errorCode: Schema.String, errorMessage: Schema.String })
export type SandboxFailure = typeof SandboxFailure.Type

interface MissedWebhook {
  readonly data: string
  /** Seconds. */
  readonly at: number
}

interface State {
  readonly products: ReadonlyMap<number, SandboxProduct>
  readonly orders: ReadonlyMap<string, SandboxOrder>
  /** Until when each is valid, in seconds. */
  readonly tokens: ReadonlyMap<string, number>
  readonly missed: ReadonlyArray<MissedWebhook>
  readonly failure: SandboxFailure | null
  /** Of parcels; null = of all. */
  readonly failing: ReadonlySet<string> | null
}

/** How long a token is valid. */
const tokenSeconds = 365 * 24 * 3600

export const make = Effect.gen(function* () {
  const state = yield* Ref.make<State>({
    products: new Map(),
    orders: new Map(),
    tokens: new Map(),
    missed: [],
    failure: null,
    failing: null
  })
  const seconds = Effect.map(Clock.currentTimeMillis, (millis) => Math.floor(millis / 1000))
  const pick = <Name extends keyof State>(name: Name) => Effect.map(Ref.get(state), (current) => current[name])

  const putProduct = (product: SandboxProduct) =>
    Ref.update(state, (current) => ({
      ...current,
      products: new Map(current.products).set(product.mallProductNo, product)
    }))
  const putOrder = (order: SandboxOrder) =>
    Ref.update(state, (current) => ({
      ...current,
      orders: new Map(current.orders).set(order.order.orderNo, order)
    }))

  /** What is there under this number, changed; null = nothing. */
  const changeProduct = Effect.fnUntraced(function* (
    mallProductNo: number,
    change: ListingChanges & { readonly onSale?: boolean }
  ) {
    const product = (yield* pick("products")).get(mallProductNo)
    if (product === undefined) return null
    const changed = { ...product, listing: { ...product.listing, ...change } }
    yield* putProduct(changed)
    return changed
  })

  const issueToken = Effect.fnUntraced(function* () {
    const value = `sandbox-${(yield* IdSource.use((source) => source.ulid)).toLowerCase()}`
    const endsAt = (yield* seconds) + tokenSeconds
    yield* Ref.update(state, (current) => ({ ...current, tokens: new Map(current.tokens).set(value, endsAt) }))
    return { access_token: value, expire_in: endsAt }
  })

  const isValid = (authorization: string | undefined) =>
    Effect.map(Effect.all([pick("tokens"), seconds]), ([tokens, at]) => {
      const endsAt = tokens.get(authorization?.replace(/^Bearer /, "") ?? "")
      return endsAt !== undefined && endsAt > at
    })

  const place = Effect.fnUntraced(function* (basket: Basket) {
    const products = [...(yield* pick("products")).values()]
    const at = yield* seconds
    const orders = yield* pick("orders")
    const orderNo = `${digitsOf(at)}${String(orders.size + 1).padStart(4, "0")}`
    const lines = yield* Effect.forEach(basket.lines, ({ count = 1, managementCode, option }) => {
      const product = products.find(({ listing }) => listing.managementCode === managementCode)
      if (product === undefined) return Effect.fail(new NotInSandbox({ what: `product ${managementCode}` }))
      const { mallProductNo, listing } = product
      const rows = listing.options?.rows ?? []
      const row =
        option === undefined
          ? rows[0]
          : rows.find(({ managementCode: code, value }) => code === option || value === option)
      if (row === undefined && option !== undefined) return Effect.fail(new NotInSandbox({ what: `option ${option}` }))
      return Effect.succeed({
        productNo: mallProductNo,
        status: basket.paid === false ? "DEPOSIT_WAIT" : "PAY_DONE",
        count,
        salePrice: listing.salePrice,
        addPrice: row?.addPrice ?? 0,
        managementCode: row?.managementCode ?? null,
        options: row === undefined ? [] : pairs(listing.options?.name ?? "", row.value)
      })
    })
    const parcels = basket.split === true ? lines.map((line) => [line]) : [lines]
    const order: SandboxOrder = {
      order: {
        orderNo,
        amount: lines.reduce((sum, line) => sum + line.count * (line.salePrice + line.addPrice), 0),
        orderer: { name: basket.customer ?? "홍길동", email: null, phone: null },
        parcels: parcels.map((own, index) => ({
          shippingNo: `${shippingPrefix}${orderNo}${index + 1}`,
          trackingNumber: null,
          lines: own
        }))
      },
      placedAt: at,
      changedAt: at,
      history: []
    }
    yield* putOrder(order)
    return order
  })

  /** The customer or the shop's people change an order: nobody is told. */
  const setStatus = Effect.fnUntraced(function* (orderNo: string, status: string) {
    const found = (yield* pick("orders")).get(orderNo)
    if (found === undefined) return yield* new NotInSandbox({ what: `order ${orderNo}` })
    const changed = withStatus(found, yield* seconds, { status, correlationId: null })
    yield* putOrder(changed)
    return changed
  })

  /** What the hub tells of a parcel: null = done, else why not. */
  const changeParcel = Effect.fnUntraced(function* (
    notice: Required<ParcelChange>
  ): Effect.fn.Return<SandboxFailure | null> {
    const { failing, failure, orders } = yield* Ref.get(state)
    if (failure !== null && (failing === null || failing.has(notice.shippingNo))) return failure
    const found = [...orders.values()].find(({ order }) =>
      order.parcels.some(({ shippingNo }) => shippingNo === notice.shippingNo)
    )
    if (found === undefined) {
      return notice.shippingNo.startsWith(shippingPrefix)
        ? null
        : { errorCode: "OD0010", errorMessage: "no such parcel" }
    }
    yield* putOrder(withStatus(found, yield* seconds, notice))
    return null
  })

  return {
    products: Effect.map(pick("products"), (products) => [...products.values()]),
    orders: Effect.map(pick("orders"), (orders) => [...orders.values()]),
    missed: pick("missed"),
    register: Effect.fnUntraced(function* (listing: ShopListing) {
      const product = { mallProductNo: productNoOf(listing.managementCode), listing }
      yield* putProduct(product)
      return product
    }),
    changeProduct,
    issueToken,
    isValid,
    place,
    setStatus,
    changeParcel,
    miss: (order: SandboxOrder) =>
      Effect.gen(function* () {
        const data = yield* webhookBody(order)
        const at = yield* seconds
        yield* Ref.update(state, (current) => ({ ...current, missed: [...current.missed, { data, at }] }))
      }),
    expireTokens: Ref.update(state, (current): State => ({ ...current, tokens: new Map() })),
    failStatusChanges: (failure: SandboxFailure | null, shippingNos?: ReadonlyArray<string>) =>
      Ref.update(state, (current): State => ({
        ...current,
        failure,
        failing: shippingNos === undefined ? null : new Set(shippingNos)
      })),
    forget: Ref.update(state, (current): State => ({ ...current, products: new Map(), orders: new Map() }))
  }
})

/** The webhook of an order. */
export const webhookBody = ({ order }: SandboxOrder): Effect.Effect<string> =>
  Option.match(shopOrderOf(order), {
    onNone: () => Effect.die(new Error(`order ${order.orderNo} cannot be told`)),
    onSome: (body) => Effect.orDie(encodeOrder(body))
  })

const encodeOrder = Schema.encodeEffect(Schema.fromJsonString(ShopOrder))

/** Begins the parcels' numbers of every sandbox. */
const shippingPrefix = "9000"

/** A huniCode keeps its digits, so that no two of them meet. */
const productNoOf = (managementCode: string): number =>
  /^\d{1,8}$/.test(managementCode)
    ? 100_000_000 + Number(managementCode)
    : 200_000_000 + (createHash("sha256").update(managementCode).digest().readUInt32BE() % 1_000_000_000)

const digitsOf = (seconds: number): string => Schema.encodeSync(KstIso)(seconds).replaceAll(/\D/g, "")

const pairs = (name: string, value: string) => {
  const values = value.split(optionSeparator)
  return name.split(optionSeparator).map((axis, index) => ({ name: axis, value: values[index] ?? "" }))
}

interface ParcelChange {
  readonly status: string
  readonly correlationId: string | null
  /** Left out: all of them. */
  readonly shippingNo?: string
  readonly trackingNumber?: string | null
  readonly carrier?: string | null
}

const withStatus = (
  found: SandboxOrder,
  at: number,
  { carrier = null, correlationId, shippingNo, status, trackingNumber = null }: ParcelChange
): SandboxOrder => ({
  ...found,
  changedAt: at,
  order: {
    ...found.order,
    parcels: found.order.parcels.map((parcel) =>
      shippingNo === undefined || parcel.shippingNo === shippingNo
        ? {
            ...parcel,
            trackingNumber: trackingNumber ?? parcel.trackingNumber,
            lines: parcel.lines.map((line) => ({ ...line, status }))
          }
        : parcel
    )
  },
  history: [...found.history, { status, shippingNo: shippingNo ?? null, trackingNumber, carrier, correlationId }]
})
