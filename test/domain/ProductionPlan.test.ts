import { assert, describe, it } from "@effect/vitest"
import { ChoiceId, MesItemId, OrderItemId, ProductId } from "../../src/domain/Ids.ts"
import type { Part } from "../../src/domain/MesMapping.ts"
import { type ChosenChoice, type ItemToMake, productionPlan } from "../../src/domain/ProductionPlan.ts"

const item = (itemCode: string, isActive = true) => ({ mesItemId: MesItemId.make(1), itemCode, isActive })
const choice = (
  id: number,
  type: "material" | "process" | null,
  options: {
    readonly part?: Part
    readonly status?: "pending" | "mapped" | "verified"
    readonly mesCode?: string | null
  } = {}
): ChosenChoice => ({
  choiceId: ChoiceId.make(id),
  part: options.part ?? null,
  mapping:
    type === null
      ? null
      : {
          status: options.status ?? "verified",
          type,
          mesCode: options.mesCode === undefined ? `C${id}` : options.mesCode
        }
})
const plain = (choices: ReadonlyArray<ChosenChoice>): ItemToMake => ({
  orderItemId: OrderItemId.make(7),
  productId: ProductId.make(3),
  quantity: 250,
  choices,
  parts: [{ part: null, item: item("001-0001") }]
})
const book = (choices: ReadonlyArray<ChosenChoice>): ItemToMake => ({
  ...plain(choices),
  parts: [
    { part: "inner", item: item("001-5001") },
    { part: "cover", item: item("001-5002") }
  ]
})

describe("productionPlan", () => {
  it("AC-MES-001 gives a plain item one job with item, material and process codes in the order chosen", () => {
    const plan = productionPlan([
      plain([choice(9, "process"), choice(5, "material"), choice(2, "process"), choice(1, "material")])
    ])
    assert.deepStrictEqual(plan, {
      missingChoices: [],
      missingItems: [],
      jobs: [
        {
          orderItemId: OrderItemId.make(7),
          part: null,
          mesItemId: MesItemId.make(1),
          itemCode: "001-0001",
          quantity: 250,
          materialCodes: ["C5", "C1"],
          processCodes: ["C9", "C2"]
        }
      ]
    })
  })

  it("AC-MES-008 gives a book an inner and a cover job, each with the choices of its part", () => {
    const { jobs } = productionPlan([
      book([choice(1, "material", { part: "inner" }), choice(2, "material", { part: "cover" }), choice(3, "process")])
    ])
    assert.deepStrictEqual(
      jobs.map(({ itemCode, materialCodes, part, processCodes }) => ({ part, itemCode, materialCodes, processCodes })),
      [
        { part: "inner", itemCode: "001-5001", materialCodes: ["C1"], processCodes: ["C3"] },
        { part: "cover", itemCode: "001-5002", materialCodes: ["C2"], processCodes: ["C3"] }
      ]
    )
  })

  it("gives a plain item the choices of every part", () => {
    const { jobs } = productionPlan([
      plain([choice(1, "material", { part: "inner" }), choice(2, "material", { part: "cover" })])
    ])
    assert.deepStrictEqual(
      jobs.map((job) => job.materialCodes),
      [["C1", "C2"]]
    )
  })

  it("AC-MES-002 names every choice that is not verified with a code, and plans nothing", () => {
    const plan = productionPlan([
      plain([
        choice(1, "material", { status: "mapped" }),
        choice(2, "process", { status: "pending", mesCode: null }),
        choice(3, "process", { mesCode: null }),
        choice(4, "material")
      ]),
      plain([choice(1, "material", { status: "mapped" })])
    ])
    assert.deepStrictEqual(plan, {
      jobs: [],
      missingChoices: [1, 2, 3].map((id) => ChoiceId.make(id)),
      missingItems: []
    })
  })

  it("AC-MES-006 asks nothing of a setting", () => {
    assert.strictEqual(productionPlan([plain([choice(1, null)])]).jobs.length, 1)
  })

  it("names products without an active item, also of one part", () => {
    const id = ProductId.make(3)
    assert.deepStrictEqual(productionPlan([{ ...plain([]), parts: [{ part: null, item: null }] }]).missingItems, [id])
    assert.deepStrictEqual(
      productionPlan([{ ...plain([]), parts: [{ part: null, item: item("001-0001", false) }] }]).missingItems,
      [id]
    )
    assert.deepStrictEqual(
      productionPlan([
        {
          ...book([]),
          parts: [
            { part: "inner", item: null },
            { part: "cover", item: item("001-5002") }
          ]
        }
      ]).missingItems,
      [id]
    )
    assert.deepStrictEqual(productionPlan([{ ...plain([]), parts: [] }]).missingItems, [id])
  })

  it("loses no choice: one for a cover where no cover is made counts as a missing item", () => {
    const inner = {
      ...book([choice(2, "material", { part: "cover" })]),
      parts: [{ part: "inner", item: item("001-5001") }]
    } as const
    assert.deepStrictEqual(productionPlan([inner]).missingItems, [ProductId.make(3)])
  })
})
