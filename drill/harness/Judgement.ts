/**
 * Whether orders went their way, each step once and in order:
 *
 * - every order that the hub answered, or has without having answered, has one job at the plant;
 * - the event log has each status of each order once, in the order of section 4, as the order's own history has them;
 * - the shop was told the last status of each of its orders, and never one behind another.
 */
import { Effect } from "effect"
import type { HubProcess } from "../../test/support/HubProcess.ts"
import type { MesPlant, PlantJob } from "../../test/support/MesPlant.ts"
import type { ShopbyMall } from "../../test/support/ShopbyMall.ts"
import * as Audit from "./Audit.ts"
import { merge, settle, type Ledger, type Recorded } from "./Ledger.ts"

const statuses = ["CONFIRMED", "PRODUCTION_WAITING", "PRODUCING", "PRODUCTION_DONE", "SHIPPED"]
const shopStatuses = ["PAY_DONE", "PRODUCT_PREPARE", "DELIVERY_PREPARE", "DELIVERY_ING"]

export interface Said {
  /** Ids of the orders that the hub answered, by name. */
  readonly answered: ReadonlyMap<string, string>
  /** Jobs of which the hub has taken all statuses; of the others it was told none. */
  readonly shipped: ReadonlySet<PlantJob>
}

/** Waits until the hub has nothing left to do, and compares what it said with what the plant and the shop recorded. */
export const judge = Effect.fnUntraced(function* (
  hub: HubProcess,
  { mall, plant }: { readonly mall: ShopbyMall; readonly plant: MesPlant },
  said: Said
) {
  const dead = yield* Audit.settled(hub)
  const orders = yield* Audit.orders(hub)
  const changes = yield* Audit.statusChanges(hub)
  const shipped = new Set([...said.shipped].map(({ orderId }) => orderId))
  return merge(
    { violations: dead },
    stored(orders, said),
    jobs([...said.answered.values(), ...orders.map(({ id }) => id)], yield* plant.jobs),
    steps(orders, changes, shipped),
    histories(orders, changes),
    shop(orders, yield* mall.statusChanges, yield* mall.orders, shipped)
  )
})

/** One job each. */
export const jobs = (orderIds: Iterable<string>, made: ReadonlyArray<PlantJob>): Ledger =>
  settle(
    orderIds,
    made.map(({ orderId }) => ({ id: orderId }))
  )

/** What was answered is there, once; nothing needs an operator. */
const stored = (orders: ReadonlyArray<Audit.Order>, { answered }: Said): Partial<Ledger> => {
  const ids = new Set(orders.map(({ id }) => id))
  const names = new Set<string>()
  const duplicated: Array<string> = []
  for (const order of orders) {
    const name = Audit.nameOf(order)
    if (names.has(name)) duplicated.push(`order ${name}`)
    names.add(name)
  }
  return {
    duplicated,
    lost: [...answered].flatMap(([name, id]) => (ids.has(id) ? [] : [`order ${name}, ${id}`])),
    violations: orders.flatMap(({ id, needsAttention }) => (needsAttention ? [`${id} needs attention`] : []))
  }
}

const steps = (
  orders: ReadonlyArray<Audit.Order>,
  changes: ReadonlyArray<{ readonly orderId: string; readonly to: string }>,
  shipped: ReadonlySet<string>
): Ledger =>
  settle(
    orders.flatMap(({ id }) => statuses.slice(1, shipped.has(id) ? undefined : 2).map((status) => `${id} ${status}`)),
    changes.map(({ orderId, to }) => ({ id: `${orderId} ${to}`, series: orderId, place: statuses.indexOf(to) }))
  )

/** Every change begins where the last one ended, and the log says the same as the order. */
const histories = (
  orders: ReadonlyArray<Audit.Order>,
  changes: ReadonlyArray<{ readonly orderId: string; readonly from: string; readonly to: string }>
): Partial<Ledger> => {
  const logged = new Map<string, Array<string>>()
  for (const { from, orderId, to } of changes) {
    const before = logged.get(orderId) ?? []
    before.push(`${from}→${to}`)
    logged.set(orderId, before)
  }
  const violations = orders.flatMap(({ history, id, status }) => {
    const told = history.filter(({ from }) => from !== null)
    const isChain = history.every(({ from }, index) => index === 0 || from === history[index - 1]?.to)
    if (!isChain || history.at(-1)?.to !== status) return [`${id}: its history is no chain: ${JSON.stringify(history)}`]
    const ofOrder = told.map(({ from, to }) => `${from}→${to}`).join(" ")
    const ofLog = (logged.get(id) ?? []).join(" ")
    return ofOrder === ofLog ? [] : [`${id}: history ${ofOrder}, but events ${ofLog}`]
  })
  return { violations }
}

/** The hub sends the present status, so steps may be left out; the same one told again changes nothing there. */
const shop = (
  orders: ReadonlyArray<Audit.Order>,
  told: ReadonlyArray<{ readonly shippingNo: string; readonly orderStatusType: string }>,
  placed: ReadonlyArray<{ readonly orderNo: string; readonly shippingNo: string }>,
  shipped: ReadonlySet<string>
): Ledger => {
  const orderNos = new Map(placed.map(({ orderNo, shippingNo }) => [shippingNo, orderNo]))
  const ids = new Map(orders.map(({ externalOrderId, id }) => [externalOrderId, id]))
  const last = new Map<string, string>()
  const recorded = told.flatMap(({ orderStatusType, shippingNo }): ReadonlyArray<Recorded> => {
    const orderNo = orderNos.get(shippingNo) ?? shippingNo
    if (last.get(orderNo) === orderStatusType) return []
    last.set(orderNo, orderStatusType)
    return [{ id: `${orderNo} ${orderStatusType}`, series: orderNo, place: shopStatuses.indexOf(orderStatusType) }]
  })
  const due = [...orderNos.values()].flatMap((orderNo) => {
    const id = ids.get(orderNo)
    return id === undefined ? [] : [{ orderNo, status: shipped.has(id) ? "DELIVERY_ING" : "PRODUCT_PREPARE" }]
  })
  const ends = new Set(due.map(({ orderNo, status }) => `${orderNo} ${status}`))
  const ledger = settle(
    ends,
    recorded.filter(({ id }) => ends.has(id))
  )
  // The steps on the way are not due, but count when they come twice or too late.
  const { duplicated, outOfOrder } = settle([], recorded)
  const wrongEnd = due.flatMap(({ orderNo, status }) => {
    const ended = last.get(orderNo)
    return ended === undefined || ended === status ? [] : [`the shop has ${orderNo} as ${ended}, not ${status}`]
  })
  return { ...ledger, duplicated, outOfOrder, violations: wrongEnd }
}
