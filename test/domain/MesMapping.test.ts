import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { MesItemId } from "../../src/domain/Ids.ts"
import {
  MappingAction,
  type MappingStatus,
  mappingTypeOf,
  mappingWorkflow,
  OptionClass,
  type ProductionPart,
  productionParts
} from "../../src/domain/MesMapping.ts"

describe("mappingWorkflow", () => {
  it.prop(
    "AC-MES-005 only map and verify lead on, and verify never from pending",
    [Schema.Array(MappingAction).check(Schema.isMinLength(10), Schema.isMaxLength(30))],
    ([actions]) => {
      let status: MappingStatus = "pending"
      for (const action of actions) {
        const next: MappingStatus | null = mappingWorkflow[status][action]
        const edge = `${status} → ${next ?? "refused"}`
        if (action === "map") assert.strictEqual(next, "mapped")
        else assert.include(["pending → refused", "mapped → verified", "verified → verified"], edge)
        status = next ?? status
      }
    }
  )
})

describe("mappingTypeOf", () => {
  it("AC-MES-006 follows the class; setting has none; an unknown class is an error", () => {
    assert.strictEqual(mappingTypeOf("material"), "material")
    assert.strictEqual(mappingTypeOf("process"), "process")
    assert.isNull(mappingTypeOf("setting"))
    assert.isTrue(Result.isFailure(Schema.decodeUnknownResult(OptionClass)("colour")))
  })
})

describe("productionParts", () => {
  const item = (id: number): NonNullable<ProductionPart["item"]> => ({
    mesItemId: MesItemId.make(id),
    itemCode: `001-000${id}`,
    isActive: true
  })
  const partsOf = (...rows: Parameters<typeof productionParts>[0]) =>
    productionParts(rows).map(({ item, part }): ReadonlyArray<string | number | null> => [
      part,
      item?.mesItemId ?? null
    ])
  const plain = { coverType: null, item: item(1) }
  const inner = { coverType: "inner" as const, item: item(2) }
  const cover = { coverType: "cover" as const, item: item(3) }

  it("a plain item is one job, no item is one job that cannot be made", () => {
    assert.deepStrictEqual(partsOf(plain), [[null, 1]])
    assert.deepStrictEqual(partsOf(), [[null, null]])
  })
  it("part rows replace the plain row", () => {
    assert.deepStrictEqual(partsOf(plain, cover, inner), [
      ["inner", 2],
      ["cover", 3]
    ])
    assert.deepStrictEqual(partsOf(plain, inner), [["inner", 2]])
  })
  it("where only a cover row exists, the plain item is made as the inner part", () => {
    assert.deepStrictEqual(partsOf(cover, plain), [
      ["inner", 1],
      ["cover", 3]
    ])
    assert.deepStrictEqual(partsOf(cover), [
      ["inner", null],
      ["cover", 3]
    ])
  })
})
