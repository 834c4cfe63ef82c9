/**
 * Judges whether an order can go to the plant now, and keeps the verdict: jobs to make, or the mark that it is blocked.
 *
 * Runs in the transaction that is open and holds the order's row and its mapping rows until it ends, so between the
 * verdict and its record no verification, mapping or activation slips in.
 */
import { Effect, Schema } from "effect"
import { type ChoiceId, now, type OrderId, type ProductId } from "../../domain/Ids.ts"
import type { JobMode, ProductionJob } from "../../domain/MesJob.ts"
import { type JobToMake, productionPlan } from "../../domain/ProductionPlan.ts"
import type { MesMappings } from "../catalog/MesMappings.ts"
import type { Database } from "../storage/Database.ts"
import type { Notifications } from "./Notifications.ts"
import type { ItemRow, JobRow, OrderRow, ProductionRows } from "./ProductionRows.ts"

/** A job that the plant has not accepted yet. */
export interface PlannedJob {
  /** The hub's own id of the job. */
  readonly id: number
  readonly job: ProductionJob
}

export type DispatchPlan =
  /** Nothing to do: gone, not (or no longer) CONFIRMED, put aside for an operator, or live jobs while in the sandbox. */
  | {
      readonly _tag: "Skip"
      readonly reason: "unknown-order" | "not-confirmed" | "needs-attention" | "live-jobs"
    }
  /** Marked blocked, with a notification when it is news. No call may be made. */
  | {
      readonly _tag: "Blocked"
      readonly correlationId: string
      readonly choiceIds: ReadonlyArray<ChoiceId>
      /** Products without an active MES item: reason `no-mes-item`. */
      readonly productIds: ReadonlyArray<ProductId>
    }
  /** These jobs are to be handed to the plant; those it has accepted already are not among them. */
  | { readonly _tag: "Ready"; readonly correlationId: string; readonly jobs: ReadonlyArray<PlannedJob> }

const decodeIds = Schema.decodeUnknownEffect(Schema.Array(Schema.Struct({ id: Schema.Int })))

export const makePlanning = (
  { sql }: Database["Service"],
  rows: ProductionRows,
  mappings: MesMappings["Service"],
  notifications: Notifications["Service"]
) => {
  /** What the order needs now, and what is missing. With `lock` its mapping rows are held. */
  const judge = Effect.fnUntraced(function* (
    items: ReadonlyArray<ItemRow>,
    jobs: ReadonlyArray<JobRow>,
    options: { readonly lock: boolean }
  ) {
    const required = yield* mappings.requirements({
      productIds: [...new Set(items.map((item) => item.productId))],
      choiceIds: [...new Set(items.flatMap((item) => item.choiceIds))],
      lock: options.lock
    })
    return productionPlan(
      items.map((item) => {
        const parts = required.parts.get(item.productId) ?? []
        const known = jobs.filter((job) => job.orderItemId === item.orderItemId)
        return {
          ...item,
          choices: item.choiceIds.flatMap((id) => required.choices.get(id) ?? []),
          // Once the plant may know a job, the item keeps its parts: another split would make it twice.
          parts: known.some((job) => job.begun)
            ? known.map((job) => ({
                part: job.part,
                item: parts.find((one) => one.part === job.part)?.item ?? {
                  mesItemId: job.mesItemId,
                  itemCode: job.itemCode,
                  isActive: job.itemIsActive
                }
              }))
            : parts
        }
      })
    )
  })

  /** Makes the job rows what the plan says, keeping those that the plant may know. */
  const storeJobs = Effect.fnUntraced(function* (
    order: OrderRow,
    mode: JobMode,
    known: ReadonlyArray<JobRow>,
    wanted: ReadonlyArray<JobToMake>,
    items: ReadonlyArray<ItemRow>
  ) {
    const at = yield* now
    for (const job of known) {
      const stays = job.begun || wanted.some((one) => isSameJob(one, job))
      if (!stays) yield* sql`delete from mes_jobs where id = ${job.id}`
    }
    const planned: Array<PlannedJob> = []
    for (const job of wanted) {
      if (known.some((one) => isSameJob(one, job) && one.mesJobId !== null)) continue
      const [stored] = yield* Effect.flatMap(
        sql`
          insert into mes_jobs (order_id, order_item_id, part, mode, mes_item_id, created_at, updated_at)
          values (${order.orderId}, ${job.orderItemId}, ${job.part}, ${mode}, ${job.mesItemId}, ${at}, ${at})
          on conflict (order_item_id, part) do update set mes_item_id = excluded.mes_item_id
          returning id`,
        decodeIds
      )
      if (stored === undefined) return yield* Effect.die("a job was not stored")
      const item = items.find(({ orderItemId }) => orderItemId === job.orderItemId)
      planned.push({ id: stored.id, job: productionJob(order, job, memoOf(order, item)) })
    }
    return planned
  }, Effect.orDie)

  /** Marks the order blocked by these; by none = not blocked. */
  const mark = Effect.fnUntraced(function* (
    order: OrderRow,
    choiceIds: ReadonlyArray<ChoiceId>,
    productIds: ReadonlyArray<ProductId>
  ) {
    if (isSame(choiceIds, order.blockedChoiceIds) && isSame(productIds, order.blockedProductIds)) return
    const isNews =
      choiceIds.some((id) => !order.blockedChoiceIds.includes(id)) ||
      productIds.some((id) => !order.blockedProductIds.includes(id))
    yield* sql`
      update orders
      set blocked_choice_ids = ${choiceIds}::integer[], blocked_product_ids = ${productIds}::integer[],
        updated_at = ${yield* now}
      where id = ${order.orderId}`
    if (isNews) {
      yield* notifications.record({
        kind: "order-blocked",
        message: blockedMessage(order.orderId, choiceIds, productIds),
        subject: `order:${order.orderId}`,
        correlationId: order.correlationId
      })
    }
  }, Effect.orDie)

  const warnOfLiveJobs = (order: OrderRow) =>
    notifications.record({
      kind: "order-has-live-jobs",
      message: `Order ${order.orderId} may have jobs at the real MES, and is not dispatched in sandbox mode`,
      subject: `order:${order.orderId}`,
      correlationId: order.correlationId
    })

  const plan = Effect.fnUntraced(function* (order: OrderRow, mode: JobMode): Effect.fn.Return<DispatchPlan> {
    const { correlationId, orderId } = order
    if (order.status !== "CONFIRMED") return { _tag: "Skip", reason: "not-confirmed" }
    if (order.needsAttention) return { _tag: "Skip", reason: "needs-attention" }
    const all = yield* rows.jobs(orderId)
    if (mode === "sandbox" && all.some((job) => job.mode === "live" && job.begun)) {
      yield* warnOfLiveJobs(order)
      return { _tag: "Skip", reason: "live-jobs" }
    }
    // What the sandbox accepted does not exist for the real plant.
    if (all.some((job) => job.mode !== mode)) {
      yield* Effect.orDie(sql`delete from mes_jobs where order_id = ${orderId} and mode <> ${mode}`)
    }
    const jobs = all.filter((job) => job.mode === mode)
    const items = yield* rows.items(orderId)
    const verdict = yield* judge(items, jobs, { lock: true })
    yield* mark(order, verdict.missingChoices, verdict.missingItems)
    if (verdict.missingChoices.length > 0 || verdict.missingItems.length > 0) {
      return { _tag: "Blocked", correlationId, choiceIds: verdict.missingChoices, productIds: verdict.missingItems }
    }
    return { _tag: "Ready", correlationId, jobs: yield* storeJobs(order, mode, jobs, verdict.jobs, items) }
  })

  return { judge, plan }
}

const isSameJob = (a: Pick<JobToMake, "orderItemId" | "part">, b: Pick<JobToMake, "orderItemId" | "part">): boolean =>
  a.orderItemId === b.orderItemId && a.part === b.part

const isSame = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): boolean =>
  a.length === b.length && a.every((id) => b.includes(id))

/** The customer's note, then what a combination of the shop says that no choice carries. */
const memoOf = ({ memo }: OrderRow, item: ItemRow | undefined): string | null => {
  const variant = [item?.size ?? null, item?.optionLabel ?? null].filter((text) => text !== null)
  return [...(memo === null ? [] : [memo]), ...(variant.length === 0 ? [] : [variant.join(" / ")])].join("\n") || null
}

const productionJob = (order: OrderRow, job: JobToMake, memo: string | null): ProductionJob => ({
  orderId: order.orderId,
  itemCode: job.itemCode,
  part: job.part,
  materialCodes: job.materialCodes,
  processCodes: job.processCodes,
  quantity: job.quantity,
  memo
})

const blockedMessage = (
  orderId: OrderId,
  choiceIds: ReadonlyArray<ChoiceId>,
  productIds: ReadonlyArray<ProductId>
): string =>
  [
    `Order ${orderId} cannot be dispatched`,
    ...(choiceIds.length > 0 ? [`choices not verified: ${choiceIds.join(", ")}`] : []),
    ...(productIds.length > 0 ? [`products without an active MES item: ${productIds.join(", ")}`] : [])
  ].join("; ")
