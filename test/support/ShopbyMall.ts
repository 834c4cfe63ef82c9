/**
 * An independent Shopby on a port of its own, written from section 8.2 of the specification alone: it shares nothing
 * with the hub's sandbox, so the two can disagree. Strict about headers, bodies and queries: what the contract does not
 * allow is a 400 with the reason, and a token that is not valid a 401. Where 8.2 is silent (who ordered, in an order;
 * the body of a failed webhook) the fields are those of Shopby's public documents.
 *
 * The ledgers decide: products by their creation, every patch, every change of a sale or an order status.
 */
import { Effect, Ref, type Scope } from "effect"
import * as Faults from "./simulator/Faults.ts"
import * as HttpSimulator from "./simulator/HttpSimulator.ts"
import type { RecordedRequest, SimulatedAnswer } from "./simulator/HttpSimulator.ts"

export type Operation =
  | "token"
  | "findProducts"
  | "createProduct"
  | "patchProduct"
  | "productStatus"
  | "categories"
  | "changeStatus"
  | "order"
  | "orders"
  | "failedWebhooks"

export interface MallOption {
  readonly optionName: string
  readonly optionValue: string
  readonly addPrice: number
  readonly stockQuantity: number
  readonly managementCode: string
  readonly usable: boolean
}

export interface MallProduct {
  readonly mallProductNo: number
  readonly managementCode: string
  readonly productName: string
  readonly salePrice: number
  readonly displayCategoryNos: ReadonlyArray<number>
  readonly saleStatusType: string
  readonly optionType: string
  readonly options: ReadonlyArray<MallOption>
  readonly display: boolean
  readonly soldout: boolean
}

export interface MallPatch {
  readonly mallProductNo: number
  readonly body: Readonly<Record<string, unknown>>
}

export interface MallSaleChange {
  readonly mallProductNo: number
  readonly saleStatusType: string
  readonly display: boolean
  readonly soldout: boolean
}

export interface MallStatusChange {
  readonly shippingNo: string
  readonly orderStatusType: string
  readonly deliveryCompanyType: string | undefined
  readonly invoiceNo: string | undefined
  /** `X-Correlation-Id` of the request. */
  readonly correlationId: string | undefined
}

/** What a customer puts into the basket. */
export interface Basket {
  readonly mallProductNo: number
  /** Management code of the chosen option row; left out for a product without options. */
  readonly optionManagementCd?: string
  readonly count?: number
}

export interface MallOrder {
  readonly orderNo: string
  readonly shippingNo: string
  readonly orderer: { readonly name: string; readonly email: string; readonly phone: string }
  readonly lines: ReadonlyArray<{
    readonly mallProductNo: number
    readonly option: MallOption | null
    readonly salePrice: number
    readonly count: number
  }>
  /** What the shop shows. */
  readonly status: string
  /** Milliseconds. */
  readonly orderedAt: number
  readonly changedAt: number
}

export interface ShopbyMall {
  readonly url: string
  readonly systemKey: string
  /** The token of the hub's settings. */
  readonly accessToken: string
  readonly simulator: HttpSimulator.HttpSimulator
  readonly faults: Faults.Faults<Operation>
  readonly products: Effect.Effect<ReadonlyArray<MallProduct>>
  readonly creations: Effect.Effect<number>
  readonly patches: Effect.Effect<ReadonlyArray<MallPatch>>
  readonly saleChanges: Effect.Effect<ReadonlyArray<MallSaleChange>>
  readonly statusChanges: Effect.Effect<ReadonlyArray<MallStatusChange>>
  readonly orders: Effect.Effect<ReadonlyArray<MallOrder>>
  /** Tokens that were given out. */
  readonly tokens: Effect.Effect<ReadonlyArray<string>>
  /** What was answered 400 or 401, with the reason: a correct client has none but expired tokens. */
  readonly refusals: Effect.Effect<ReadonlyArray<string>>
  /** Every token given out so far, and that of the settings, is not valid any more. */
  readonly expireTokens: Effect.Effect<void>
  /** A paid order, as a customer makes it. Nobody is told: see `webhookOf`. */
  readonly place: (lines: ReadonlyArray<Basket>, orderNo?: string) => Effect.Effect<MallOrder>
  /** The customer cancels: only the order list tells. */
  readonly cancel: (orderNo: string) => Effect.Effect<void>
  /** The shop gave up delivering this order's webhook: `GET /webhooks/failed` shows it. */
  readonly missed: (order: MallOrder) => Effect.Effect<void>
}

interface State {
  readonly products: ReadonlyArray<MallProduct>
  readonly creations: number
  readonly patches: ReadonlyArray<MallPatch>
  readonly saleChanges: ReadonlyArray<MallSaleChange>
  readonly statusChanges: ReadonlyArray<MallStatusChange>
  readonly orders: ReadonlyArray<MallOrder>
  readonly missed: ReadonlyArray<{ readonly body: string; readonly at: number }>
  readonly tokens: ReadonlyArray<string>
  readonly validTokens: ReadonlySet<string>
  readonly refusals: ReadonlyArray<string>
}

const systemKey = "mall-system-key"
const accessToken = "mall-access-token"

/** A change of an order refused inside a 200. */
export const refusedChange = (errorCode: string, errorMessage: string): Faults.Fault => ({
  _tag: "Answer",
  status: 200,
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ successCount: 0, failCount: 1, failures: [{ errorCode, errorMessage }] })
})

/** The webhook of an order: the body of endpoint 3. */
export const webhookOf = (order: MallOrder): string =>
  JSON.stringify({
    orderNo: order.orderNo,
    orderAmount: amountOf(order),
    orderer: order.orderer,
    shippingNo: order.shippingNo,
    items: order.lines.map(({ count, mallProductNo, option, salePrice }) => ({
      productNo: mallProductNo,
      quantity: count,
      price: salePrice + (option?.addPrice ?? 0),
      ...(option === null
        ? {}
        : {
            optionManagementCd: option.managementCode,
            optionValues: namesAndValues(option)
          })
    }))
  })

const namesAndValues = (option: MallOption) => {
  const values = option.optionValue.split("|")
  return option.optionName.split("|").map((name, index) => ({ name, value: values[index] ?? "" }))
}

const amountOf = (order: MallOrder): number =>
  order.lines.reduce((sum, { count, option, salePrice }) => sum + count * (salePrice + (option?.addPrice ?? 0)), 0)

export const make: Effect.Effect<ShopbyMall, never, Scope.Scope> = Effect.gen(function* () {
  const simulator = yield* HttpSimulator.make
  const faults = yield* Faults.make<Operation>()
  const state = yield* Ref.make<State>({
    products: [],
    creations: 0,
    patches: [],
    saleChanges: [],
    statusChanges: [],
    orders: [],
    missed: [],
    tokens: [],
    validTokens: new Set([accessToken]),
    refusals: []
  })
  const update = (change: (current: State) => Partial<State>) =>
    Ref.updateAndGet(state, (current) => ({ ...current, ...change(current) }))

  const refuse = (request: RecordedRequest, status: 400 | 401 | 404, reason: string) =>
    Effect.as(
      status === 404
        ? Effect.void
        : update(({ refusals }) => ({
            refusals: [...refusals, `${request.method} ${request.path} → ${status} ${reason}`]
          })),
      HttpSimulator.json(status, { code: status === 401 ? "CO0001" : "CO0002", message: reason, path: request.path })
    )

  const giveToken = Effect.fnUntraced(function* (request: RecordedRequest) {
    const said = `${header(request, "systemkey") ?? ""} ${header(request, "authorization") ?? ""} ${request.body}`
    if (!said.includes(systemKey)) return yield* refuse(request, 401, "no system key")
    if (!said.includes(accessToken)) return yield* refuse(request, 401, "no authorization code")
    const after = yield* update(({ tokens, validTokens }) => {
      const token = `mall-token-${tokens.length + 1}`
      return { tokens: [...tokens, token], validTokens: new Set([...validTokens, token]) }
    })
    return HttpSimulator.json(200, {
      access_token: after.tokens.at(-1),
      token_type: "Bearer",
      // A year from now, as Shopby writes it: Korean time without a zone.
      expire_in: inKorea(nowMillis() + 365 * 24 * 3_600_000).replace(" ", "T")
    })
  })

  const createProduct = Effect.fnUntraced(function* (request: RecordedRequest) {
    const body = parse(request.body)
    const wrong = problemOf(body)
    if (wrong !== undefined) return yield* refuse(request, 400, wrong)
    const after = yield* update(({ creations, products }) => {
      const made: MallProduct = {
        mallProductNo: 120_000_001 + creations,
        managementCode: body.managementCode,
        productName: body.productName,
        salePrice: body.price.salePrice,
        displayCategoryNos: body.displayCategoryNos,
        saleStatusType: body.saleStatusType,
        optionType: body.optionType,
        options: body.option?.options ?? [],
        display: true,
        soldout: false
      }
      return { creations: creations + 1, products: [...products, made] }
    })
    const made = after.products.at(-1)
    return HttpSimulator.json(200, {
      mallProductNo: made?.mallProductNo,
      mallProductOptionNos: (made?.options ?? []).map((_, index) => (made?.mallProductNo ?? 0) * 1000 + index)
    })
  })

  const changeProduct = (mallProductNo: number, change: (product: MallProduct) => MallProduct) =>
    update(({ products }) => ({
      products: products.map((product) => (product.mallProductNo === mallProductNo ? change(product) : product))
    }))

  const patchProduct = Effect.fnUntraced(function* (request: RecordedRequest, mallProductNo: number) {
    const body = parse(request.body)
    const unknown = Object.keys(body).filter((name) => !patchable.has(name))
    if (unknown.length > 0) return yield* refuse(request, 400, `unknown fields ${unknown.join(", ")}`)
    if (Object.keys(body).length === 0) return yield* refuse(request, 400, "nothing to change")
    // An empty list takes all options away.
    if (body.options !== undefined && body.options.length !== 0) {
      const wrong = optionProblem(body.options)
      if (wrong !== undefined) return yield* refuse(request, 400, wrong)
    }
    yield* update(({ patches }) => ({ patches: [...patches, { mallProductNo, body }] }))
    yield* changeProduct(mallProductNo, (product) => ({
      ...product,
      productName: body.productName ?? product.productName,
      salePrice: body.salePrice ?? product.salePrice,
      displayCategoryNos: body.displayCategoryNos ?? product.displayCategoryNos,
      options: body.options ?? product.options
    }))
    return { _tag: "Answer", status: 204 } satisfies SimulatedAnswer
  })

  const changeSale = Effect.fnUntraced(function* (request: RecordedRequest, mallProductNo: number) {
    const { display, saleStatusType, soldout } = parse(request.body)
    if (typeof saleStatusType !== "string" || typeof display !== "boolean" || typeof soldout !== "boolean") {
      return yield* refuse(request, 400, "saleStatusType, display and soldout are needed")
    }
    yield* update(({ saleChanges }) => ({
      saleChanges: [...saleChanges, { mallProductNo, saleStatusType, display, soldout }]
    }))
    yield* changeProduct(mallProductNo, (product) => ({ ...product, saleStatusType, display, soldout }))
    return { _tag: "Answer", status: 204 } satisfies SimulatedAnswer
  })

  const changeStatus = Effect.fnUntraced(function* (request: RecordedRequest) {
    const body = parse(request.body)
    const list = body.changeStatusList
    if (!orderStatuses.has(body.orderStatusType)) return yield* refuse(request, 400, "unknown orderStatusType")
    if (!Array.isArray(list) || list.length === 0 || list.length > 100) {
      return yield* refuse(request, 400, "changeStatusList: 1 to 100 entries")
    }
    const known = new Set((yield* Ref.get(state)).orders.map(({ shippingNo }) => shippingNo))
    const failures = list
      .filter(({ shippingNo }) => !known.has(String(shippingNo)))
      .map(({ shippingNo }) => ({ errorCode: "O0001", errorMessage: `no delivery ${shippingNo}` }))
    const done = list.filter(({ shippingNo }) => known.has(String(shippingNo)))
    yield* update(({ orders, statusChanges }) => ({
      statusChanges: [
        ...statusChanges,
        ...done.map(({ deliveryCompanyType, invoiceNo, shippingNo }) => ({
          shippingNo: String(shippingNo),
          orderStatusType: String(body.orderStatusType),
          deliveryCompanyType,
          invoiceNo,
          correlationId: header(request, "x-correlation-id")
        }))
      ],
      orders: orders.map((order) =>
        done.some(({ shippingNo }) => String(shippingNo) === order.shippingNo)
          ? { ...order, status: String(body.orderStatusType), changedAt: nowMillis() }
          : order
      )
    }))
    return HttpSimulator.json(200, { successCount: done.length, failCount: failures.length, failures })
  })

  const listOrders = Effect.fnUntraced(function* (request: RecordedRequest, query: URLSearchParams) {
    const start = millisInKorea(query.get("startYmdt"))
    const end = millisInKorea(query.get("endYmdt"))
    const size = Number(query.get("pageSize") ?? "20")
    const page = Number(query.get("pageNumber") ?? "1")
    const by = query.get("searchDateType") ?? "ORDER_START"
    if (start === undefined || end === undefined) return yield* refuse(request, 400, "startYmdt, endYmdt: KST")
    if (!(size >= 1 && size <= 200) || !(page >= 1)) return yield* refuse(request, 400, "pageSize 1 to 200")
    if (!dateTypes.has(by)) return yield* refuse(request, 400, "unknown searchDateType")
    const { orders } = yield* Ref.get(state)
    const found = orders.filter((order) => {
      // To the second, as the query is written.
      const at = Math.floor((by === "STATUS_CHANGE" ? order.changedAt : order.orderedAt) / 1000) * 1000
      return at >= start && at <= end
    })
    return HttpSimulator.json(200, {
      contents: found.slice((page - 1) * size, page * size).map(orderBody),
      totalCount: found.length
    })
  })

  const answer = Effect.fnUntraced(function* (request: RecordedRequest, operation: Operation, url: URL) {
    const { missed, orders, products } = yield* Ref.get(state)
    const no = Number(/^\/products\/(\d+)/.exec(url.pathname)?.[1])
    if (Number.isInteger(no) && !products.some(({ mallProductNo }) => mallProductNo === no)) {
      return yield* refuse(request, 404, "no such product")
    }
    switch (operation) {
      case "token":
        return yield* giveToken(request)
      case "categories":
        return HttpSimulator.json(200, [{ displayCategoryNo: 1, categoryName: "All" }])
      case "findProducts": {
        const code = url.searchParams.get("productManagementCd")
        if (code === null || code === "") return yield* refuse(request, 400, "productManagementCd is needed")
        const found = products.filter(({ managementCode }) => managementCode === code)
        return HttpSimulator.json(200, {
          productDetailResponses: found.map((product) => ({
            mallProduct: {
              mallProductNo: product.mallProductNo,
              productName: product.productName,
              productManagementCd: product.managementCode,
              saleStatusType: product.saleStatusType
            }
          }))
        })
      }
      case "createProduct":
        return yield* createProduct(request)
      case "patchProduct":
        return yield* patchProduct(request, no)
      case "productStatus":
        return yield* changeSale(request, no)
      case "changeStatus":
        return yield* changeStatus(request)
      case "orders":
        return yield* listOrders(request, url.searchParams)
      case "order": {
        const orderNo = decodeURIComponent(url.pathname.slice("/orders/".length))
        const found = orders.find((order) => order.orderNo === orderNo)
        return found === undefined
          ? yield* refuse(request, 404, "no such order")
          : HttpSimulator.json(200, orderBody(found))
      }
      case "failedWebhooks":
        return HttpSimulator.json(200, {
          contents: missed.map(({ at, body }, index) => ({
            webhookNo: index + 1,
            eventType: "ORDER_CREATE",
            requestBody: body,
            responseStatus: 503,
            registerYmdt: inKorea(at)
          })),
          totalCount: missed.length
        })
    }
  })

  yield* simulator.respond(
    Effect.fnUntraced(function* (request) {
      const url = new URL(request.path, simulator.url)
      const operation = operationOf(request.method, url.pathname)
      if (operation === undefined) return yield* refuse(request, 400, "the contract does not know this")
      const version = operation === "orders" ? "1.1" : "1.0"
      if (header(request, "version") !== version) return yield* refuse(request, 400, `Version: ${version}`)
      if (operation !== "token") {
        if (header(request, "systemkey") !== systemKey) return yield* refuse(request, 401, "systemKey")
        const token = /^Bearer (\S+)$/.exec(header(request, "authorization") ?? "")?.[1] ?? ""
        if (!(yield* Ref.get(state)).validTokens.has(token)) return yield* refuse(request, 401, "token")
      }
      if (request.body !== "" && !/^application\/json\b/.test(header(request, "content-type") ?? "")) {
        return yield* refuse(request, 400, "Content-Type: application/json")
      }
      return yield* faults.around(operation, answer(request, operation, url))
    })
  )

  const place: ShopbyMall["place"] = Effect.fnUntraced(function* (lines, orderNo) {
    const at = nowMillis()
    const after = yield* update(({ orders, products }) => {
      const number = orders.length + 1
      return {
        orders: [
          ...orders,
          {
            orderNo: orderNo ?? `20261121${String(number).padStart(8, "0")}`,
            shippingNo: String(7_000_000 + number),
            orderer: { name: "이수민", email: "sumin@example.com", phone: "010-0000-0000" },
            lines: lines.map(({ count = 1, mallProductNo, optionManagementCd }) => {
              const product = products.find((one) => one.mallProductNo === mallProductNo)
              const option = product?.options.find((row) => row.managementCode === optionManagementCd) ?? null
              return { mallProductNo, option, salePrice: product?.salePrice ?? 0, count }
            }),
            status: "PAY_DONE",
            orderedAt: at,
            changedAt: at
          }
        ]
      }
    })
    const placed = after.orders.at(-1)
    return placed ?? (yield* Effect.die("no order"))
  })

  const pick = <Name extends keyof State>(name: Name) => Effect.map(Ref.get(state), (current) => current[name])
  return {
    url: simulator.url,
    systemKey,
    accessToken,
    simulator,
    faults,
    products: pick("products"),
    creations: pick("creations"),
    patches: pick("patches"),
    saleChanges: pick("saleChanges"),
    statusChanges: pick("statusChanges"),
    orders: pick("orders"),
    tokens: pick("tokens"),
    refusals: pick("refusals"),
    expireTokens: update(() => ({ validTokens: new Set() })),
    place,
    cancel: (orderNo) =>
      update(({ orders }) => ({
        orders: orders.map((order) =>
          order.orderNo === orderNo ? { ...order, status: "CANCEL_DONE", changedAt: nowMillis() } : order
        )
      })),
    missed: (order) =>
      update(({ missed }) => ({ missed: [...missed, { body: webhookOf(order), at: order.orderedAt }] }))
  }
})

const operationOf = (method: string, path: string): Operation | undefined => {
  switch (`${method} ${path.replace(/^\/products\/\d+/, "/products/N").replace(/^\/orders\/[^/]+$/, "/orders/NO")}`) {
    case "POST /auth/token/long-lived":
      return "token"
    case "GET /products":
      return "findProducts"
    case "POST /products/":
      return "createProduct"
    case "PATCH /products/N":
      return "patchProduct"
    case "PUT /products/N/status":
      return "productStatus"
    case "GET /categories/display-categories":
      return "categories"
    case "PUT /orders/change-status/by-shipping-no":
      return "changeStatus"
    case "GET /orders/NO":
      return "order"
    case "GET /orders":
      return "orders"
    case "GET /webhooks/failed":
      return "failedWebhooks"
    default:
      return undefined
  }
}

const header = (request: RecordedRequest, name: string): string | undefined => {
  const value = request.headers[name]
  return typeof value === "string" ? value : value?.[0]
}

const parse = (body: string) => JSON.parse(body)

const patchable = new Set(["productName", "salePrice", "displayCategoryNos", "options"])

const orderStatuses = new Set<unknown>([
  "DEPOSIT_WAIT",
  "PAY_DONE",
  "PRODUCT_PREPARE",
  "DELIVERY_PREPARE",
  "DELIVERY_ING",
  "DELIVERY_DONE",
  "CANCEL_DONE"
])

const dateTypes = new Set([
  "ORDER_START",
  "PAY_DONE",
  "PRODUCT_PREPARE",
  "DELIVERY_PREPARE",
  "DELIVERY_ING",
  "DELIVERY_DONE",
  "BUY_CONFIRM",
  "STATUS_CHANGE"
])

/** What is wrong with a new product; undefined = nothing. */
const problemOf = (body: ReturnType<typeof parse>): string | undefined => {
  if (typeof body.productName !== "string" || body.productName === "") return "productName"
  if (typeof body.managementCode !== "string" || body.managementCode === "") return "managementCode"
  if (!Number.isInteger(body.price?.salePrice) || body.price.salePrice < 0) return "price.salePrice"
  if (!Array.isArray(body.displayCategoryNos) || body.displayCategoryNos.length === 0) return "displayCategoryNos"
  if (typeof body.saleStatusType !== "string") return "saleStatusType"
  switch (body.optionType) {
    case "NONE":
      return body.option?.options?.length > 0 ? "options of a product without options" : undefined
    case "COMBINATION":
      return optionProblem(body.option?.options)
    default:
      return "optionType"
  }
}

/** One row is free of charge, none is cheaper, each row and each code appears once, and 500 is the limit. */
const optionProblem = (options: ReadonlyArray<MallOption> | undefined): string | undefined => {
  if (!Array.isArray(options) || options.length === 0) return "options are needed"
  if (options.length > 500) return "more than 500 options"
  if (options.some(({ addPrice }) => !Number.isInteger(addPrice) || addPrice < 0)) return "addPrice"
  if (!options.some(({ addPrice }) => addPrice === 0)) return "no option without an additional price"
  const axes = (text: string) => text.split("|").length
  if (options.some(({ optionName, optionValue }) => axes(optionName) !== axes(optionValue))) {
    return "optionName and optionValue have different numbers of parts"
  }
  if (new Set(options.map(({ optionName }) => optionName)).size > 1) return "different optionNames"
  if (new Set(options.map(({ optionValue }) => optionValue)).size < options.length) return "optionValue twice"
  if (new Set(options.map(({ managementCode }) => managementCode)).size < options.length) return "managementCode twice"
  return undefined
}

const orderBody = (order: MallOrder) => ({
  orderNo: order.orderNo,
  orderYmdt: inKorea(order.orderedAt),
  ordererName: order.orderer.name,
  ordererEmail: order.orderer.email,
  ordererContact1: order.orderer.phone,
  firstPayAmt: amountOf(order),
  lastPayAmt: amountOf(order),
  deliveryGroups: [
    {
      shippingNo: order.shippingNo,
      orderProducts: order.lines.map(({ count, mallProductNo, option, salePrice }, line) => ({
        mallProductNo,
        orderProductOptions: [
          {
            orderProductOptionNo: Number(order.shippingNo) * 10 + line,
            orderStatusType: order.status,
            mallOptionNo: mallProductNo * 1000 + line,
            optionManagementCd: option?.managementCode ?? null,
            optionName: option?.optionName ?? null,
            optionValue: option?.optionValue ?? null,
            orderCnt: count,
            salePrice,
            addPrice: option?.addPrice ?? 0
          }
        ]
      }))
    }
  ]
})

const nowMillis = () => new Date().getTime()

const kst = 9 * 3_600_000

/** `2026-11-21 09:00:00` */
const inKorea = (millis: number): string => new Date(millis + kst).toISOString().slice(0, 19).replace("T", " ")

const millisInKorea = (text: string | null): number | undefined => {
  if (text === null || !/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(text)) return undefined
  const millis = Date.parse(`${text.replace(" ", "T")}Z`)
  return Number.isNaN(millis) ? undefined : millis - kst
}
