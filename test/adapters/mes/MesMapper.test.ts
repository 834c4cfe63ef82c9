import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import {
  DispatchOutcome,
  DispatchOutcomeFromMes,
  JobProgressFromMes,
  ProductionJobFromMes
} from "../../../src/adapters/mes/MesMapper.ts"
import { OrderId } from "../../../src/domain/Ids.ts"
import { ProductionJob } from "../../../src/domain/MesJob.ts"

const roundTrip =
  <A, I>(schema: Schema.Codec<A, I>) =>
  (value: A) =>
    Effect.gen(function* () {
      const body = yield* Schema.encodeEffect(Schema.fromJsonString(schema))(value)
      assert.deepStrictEqual(yield* Schema.decodeEffect(Schema.fromJsonString(schema))(body), value)
    })

describe("MesMapper", () => {
  it.effect.prop("a production job survives the way to the plant and back", [ProductionJob], ([job]) =>
    roundTrip(ProductionJobFromMes)(job)
  )

  it.effect.prop("the outcome of a dispatch survives", [DispatchOutcome], ([outcome]) =>
    roundTrip(DispatchOutcomeFromMes)(outcome)
  )

  it.effect.prop("a job's progress survives", [Schema.toType(JobProgressFromMes)], ([progress]) =>
    roundTrip(JobProgressFromMes)(progress)
  )

  it.effect("AC-MES-001 writes a job as section 8.1 has it", () =>
    Effect.gen(function* () {
      const body = {
        orderId: "ord_01K9ZZZZZZZZZZZZZZZZZZZZZZ",
        itemCode: "001-5001",
        part: "cover",
        materialCodes: ["M-1", "M-2"],
        processCodes: [],
        quantity: 100
      } as const
      const job = { ...body, orderId: OrderId.make(body.orderId) }
      const encode = Schema.encodeEffect(ProductionJobFromMes)
      assert.deepStrictEqual(yield* encode({ ...job, memo: null }), body)
      assert.deepStrictEqual(yield* encode({ ...job, memo: "rush" }), { ...body, memo: "rush" })
    })
  )

  it.effect("AC-MES-003 reads and writes the plant's word for a status", () =>
    Effect.gen(function* () {
      const wire = { mesJobId: "MJ-1", orderId: "ord_1", status: "제작완료" } as const
      const progress = yield* Schema.decodeEffect(JobProgressFromMes)(wire)
      assert.strictEqual(progress.status, "PRODUCTION_DONE")
      assert.deepStrictEqual(yield* Schema.encodeEffect(JobProgressFromMes)(progress), wire)
    })
  )

  it.effect("AC-MES-010 reads a refusal with or without what no one needs of it", () =>
    Effect.gen(function* () {
      const decode = Schema.decodeUnknownEffect(DispatchOutcomeFromMes)
      const refused = { _tag: "Refused", reason: "out of paper" } as const
      assert.deepStrictEqual(
        yield* decode({ status: "rejected", mesJobId: "", itemCode: "001-0001", errorMessage: "out of paper" }),
        refused
      )
      assert.deepStrictEqual(
        yield* decode({ status: "rejected", mesJobId: null, errorMessage: "out of paper" }),
        refused
      )
      assert.deepStrictEqual(yield* decode({ status: "rejected" }), { _tag: "Refused", reason: null })
    })
  )

  it.effect("an acceptance without a job id is no acceptance", () =>
    Effect.gen(function* () {
      const decode = Schema.decodeUnknownEffect(DispatchOutcomeFromMes)
      for (const mesJobId of [undefined, null, "", "a\u0000b", "x".repeat(101)]) {
        yield* Effect.flip(decode({ status: "accepted", mesJobId, itemCode: "001-0001" }))
      }
    })
  )
})
