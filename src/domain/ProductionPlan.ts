/**
 * Which jobs an order needs, and what is missing before the plant can be asked (specification, sections 2 and 7).
 *
 * Pure. A plain item gives one job with all its choices; a book gives one per part, each with the choices of that part
 * and those that belong to every part. An order can be dispatched only when nothing is missing.
 */
import type { ChoiceId, MesItemId, OrderItemId, ProductId } from "./Ids.ts"
import type { JobPart } from "./MesJob.ts"
import type { MappingStatus, MappingType, Part, ProductionPart } from "./MesMapping.ts"

/** A chosen choice with what translates it. */
export interface ChosenChoice {
  readonly choiceId: ChoiceId
  /** The part of a book it belongs to; null = every part. */
  readonly part: Part | null
  /** Null = a setting, which the plant does not know. */
  readonly mapping: {
    readonly status: MappingStatus
    readonly type: MappingType
    readonly mesCode: string | null
  } | null
}

export interface ItemToMake {
  readonly orderItemId: OrderItemId
  readonly productId: ProductId
  readonly quantity: number
  /** In the order chosen. */
  readonly choices: ReadonlyArray<ChosenChoice>
  readonly parts: ReadonlyArray<ProductionPart>
}

export interface JobToMake {
  readonly orderItemId: OrderItemId
  readonly part: JobPart
  readonly mesItemId: MesItemId
  readonly itemCode: string
  readonly quantity: number
  readonly materialCodes: ReadonlyArray<string>
  readonly processCodes: ReadonlyArray<string>
}

export interface ProductionPlan {
  /** Empty when something is missing. */
  readonly jobs: ReadonlyArray<JobToMake>
  /** Choices of class material or process that are not verified with a code; each once. */
  readonly missingChoices: ReadonlyArray<ChoiceId>
  /** Products without an active item for a part they need; each once. */
  readonly missingItems: ReadonlyArray<ProductId>
}

export const productionPlan = (items: ReadonlyArray<ItemToMake>): ProductionPlan => {
  const missingChoices = new Set<ChoiceId>()
  const missingItems = new Set<ProductId>()
  const jobs: Array<JobToMake> = []
  for (const item of items) {
    for (const choice of item.choices) {
      if (!isTranslatable(choice)) missingChoices.add(choice.choiceId)
      // A choice for the cover of a product that has no cover to make would be lost.
      if (!item.parts.some((part) => belongsTo(choice, part.part))) missingItems.add(item.productId)
    }
    if (item.parts.length === 0) missingItems.add(item.productId)
    for (const { item: mesItem, part } of item.parts) {
      if (mesItem === null || !mesItem.isActive) {
        missingItems.add(item.productId)
        continue
      }
      const choices = item.choices.filter((choice) => belongsTo(choice, part))
      jobs.push({
        orderItemId: item.orderItemId,
        part,
        mesItemId: mesItem.mesItemId,
        itemCode: mesItem.itemCode,
        quantity: item.quantity,
        materialCodes: codes(choices, "material"),
        processCodes: codes(choices, "process")
      })
    }
  }
  const complete = missingChoices.size === 0 && missingItems.size === 0
  return { jobs: complete ? jobs : [], missingChoices: [...missingChoices], missingItems: [...missingItems] }
}

const belongsTo = (choice: ChosenChoice, part: JobPart): boolean =>
  part === null || choice.part === null || choice.part === part

const isTranslatable = ({ mapping }: ChosenChoice): boolean =>
  mapping === null || (mapping.status === "verified" && mapping.mesCode !== null)

const codes = (choices: ReadonlyArray<ChosenChoice>, type: MappingType): ReadonlyArray<string> =>
  choices.flatMap(({ mapping }) => (mapping?.type === type && mapping.mesCode !== null ? [mapping.mesCode] : []))
