import { assert, describe, it, layer as sharedLayer } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import { type ChoiceId, ProductId } from "../../../src/domain/Ids.ts"
import { type ChoiceMapping, MappingAction, type MappingStatus } from "../../../src/domain/MesMapping.ts"
import { CatalogImport } from "../../../src/services/catalog/CatalogImport.ts"
import { MesItems } from "../../../src/services/catalog/MesItems.ts"
import { MesMappings } from "../../../src/services/catalog/MesMappings.ts"
import { Options } from "../../../src/services/catalog/Options.ts"
import { Products } from "../../../src/services/catalog/Products.ts"
import { Database } from "../../../src/services/storage/Database.ts"
import { catalogue, firstPage } from "../../support/catalog/Catalogue.ts"
import { demoFiles, eventsOf } from "../../support/catalog/Demo.ts"
import { describeDatabases, hasServer, server } from "../../support/Databases.ts"

/** A choice of an option of this class, and its option. */
const choiceOf = Effect.fnUntraced(function* (key: string, optionClass: "material" | "process" | "setting") {
  const options = yield* Options
  const option = yield* options.create({ key, name: key, optionClass })
  return yield* options.addChoice(option.id, { code: "one", name: "One" })
})

const productOf = Effect.fnUntraced(function* (huniCode: string) {
  const products = yield* Products
  const {
    data: [product]
  } = yield* products.list({ huniCode }, firstPage)
  return product?.id ?? (yield* Effect.die(`no product ${huniCode}`))
})

describeDatabases("MesMappings", (database) => {
  const layer = catalogue.pipe(Layer.provideMerge(database))

  it.effect("AC-MES-005 pending on creation, mapped by whom and when, verified with its event, mapped again", () =>
    Effect.gen(function* () {
      const mappings = yield* MesMappings
      const items = yield* MesItems
      const item = yield* items.create({ itemCode: "800-0001", name: "Paper", itemType: "standard", unit: "EA" })
      const choice = yield* choiceOf("paper", "material")
      assert.deepStrictEqual(choice.mapping, { status: "pending", type: "material", mesCode: null })
      const find = Effect.map(mappings.listChoices({}, firstPage), ({ data }) => data[0])
      const pending: ChoiceMapping = {
        choiceId: choice.id,
        choiceCode: "one",
        choiceName: "One",
        optionKey: "paper",
        optionName: "paper",
        mappingType: "material",
        mappingStatus: "pending",
        mesCode: null,
        mesItemId: null,
        itemCode: null,
        mappedBy: null,
        mappedAt: null,
        verifiedBy: null,
        verifiedAt: null
      }
      assert.deepStrictEqual(yield* find, pending)

      const events = yield* eventsOf(
        Effect.gen(function* () {
          assert.deepInclude(yield* Effect.flip(mappings.verify(choice.id, "vera")), {
            _tag: "InvalidMappingTransition",
            from: "pending",
            action: "verify"
          })
          yield* mappings.map(choice.id, { mesCode: "M-1", itemCode: "800-0001" }, "max")
          const mapped: ChoiceMapping = {
            ...pending,
            mappingStatus: "mapped",
            mesCode: "M-1",
            mesItemId: item.id,
            itemCode: "800-0001",
            mappedBy: "max",
            mappedAt: "1970-01-01T00:00:00.000Z"
          }
          assert.deepStrictEqual(yield* find, mapped)
          yield* TestClock.adjust("1 minute")
          yield* mappings.map(choice.id, { mesCode: "M-1", itemCode: "800-0001" }, "someone else")
          assert.deepStrictEqual(yield* find, mapped)
          const verified: ChoiceMapping = {
            ...mapped,
            mappingStatus: "verified",
            verifiedBy: "vera",
            verifiedAt: "1970-01-01T00:01:00.000Z"
          }
          assert.deepStrictEqual(yield* mappings.verify(choice.id, "vera"), verified)
          assert.deepStrictEqual(yield* mappings.verify(choice.id, "again"), verified)
          assert.deepStrictEqual(yield* mappings.map(choice.id, { mesCode: "M-1" }, "max"), {
            ...mapped,
            mesItemId: null,
            itemCode: null,
            mappedAt: "1970-01-01T00:01:00.000Z"
          })
          yield* mappings.verify(choice.id, "vera")
        })
      )
      assert.deepStrictEqual(events, [
        { type: "mapping.mes.verified", payload: { choiceId: choice.id, mesItemId: item.id } },
        { type: "mapping.mes.verified", payload: { choiceId: choice.id, mesItemId: null } }
      ])
      const unknownItem = yield* Effect.flip(mappings.map(choice.id, { mesCode: "M-1", itemCode: "999-0000" }, "max"))
      assert.deepInclude(unknownItem, { issues: [{ path: "itemCode", message: "no such item" }] })
    }).pipe(Effect.provide(layer))
  )

  it.effect("AC-MES-006 the type follows the class, and a setting has no mapping", () =>
    Effect.gen(function* () {
      const mappings = yield* MesMappings
      const { sql } = yield* Database
      const process = yield* choiceOf("coating", "process")
      const setting = yield* choiceOf("pages", "setting")
      assert.strictEqual(process.mapping?.type, "process")
      assert.isNull(setting.mapping)
      assert.deepInclude(yield* Effect.flip(mappings.map(setting.id, { mesCode: "X" }, "max")), {
        _tag: "CatalogNotFound",
        resource: "choice-mapping"
      })
      const insert = (mappingType: string) =>
        Effect.exit(sql`
          insert into option_choice_mes_mapping (choice_id, mapping_type) values (${setting.id}, ${mappingType})`)
      for (const mappingType of ["material", "process", "setting"]) {
        assert.isTrue((yield* insert(mappingType))._tag === "Failure", mappingType)
      }
      const unknown = yield* Effect.exit(
        sql`insert into option_definitions (key, name, option_class) values ('x', 'X', 'colour')`
      )
      assert.isTrue(unknown._tag === "Failure")
    }).pipe(Effect.provide(layer))
  )

  it.effect("maps products to items, and releases the orders that may wait for it", () =>
    Effect.gen(function* () {
      const mappings = yield* MesMappings
      const items = yield* MesItems
      const products = yield* Products
      const { id } = yield* products.create({ name: "Poster", productType: "poster" })
      const item = yield* items.create({ itemCode: "800-0001", name: "Poster", itemType: "finished", unit: "EA" })
      yield* items.create({ itemCode: "800-0002", name: "Poster 2", itemType: "finished", unit: "EA" })
      const events = yield* eventsOf(
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* mappings.setProduct(id, { itemCode: "800-0001" }), {
            productId: id,
            productName: "Poster",
            mesItemId: item.id,
            itemCode: "800-0001",
            coverType: null,
            choices: { total: 0, verified: 0, mapped: 0, pending: 0 }
          })
          yield* mappings.setProduct(id, { itemCode: "800-0001", coverType: null })
          yield* mappings.setProduct(id, { itemCode: "800-0002" })
          const { data, total } = yield* mappings.listProducts({ productId: id }, firstPage)
          assert.deepStrictEqual([total, data[0]?.itemCode], [1, "800-0002"])
          assert.deepInclude(yield* Effect.flip(mappings.setProduct(id, { itemCode: "999-0000" })), {
            issues: [{ path: "itemCode", message: "no such item" }]
          })
          assert.deepInclude(yield* Effect.flip(mappings.setProduct(ProductId.make(999), { itemCode: "800-0001" })), {
            _tag: "CatalogNotFound"
          })
        })
      )
      const command = { type: "command.mes.release-orders", payload: { productId: id } }
      assert.deepStrictEqual(events, [command, command])
    }).pipe(Effect.provide(layer))
  )

  it.effect("counts the choices of each part, and filters by the least advanced", () =>
    Effect.gen(function* () {
      const mappings = yield* MesMappings
      const products = yield* Products
      yield* (yield* CatalogImport).importFiles({ files: demoFiles })
      const [poster, notebook, diary] = [
        yield* productOf("50001"),
        yield* productOf("50003"),
        yield* productOf("50004")
      ]
      const choices = new Map(
        (yield* mappings.listChoices({}, firstPage)).data.map((row) => [
          `${row.optionKey}/${row.choiceCode}`,
          row.choiceId
        ])
      )
      const choice = (key: string): ChoiceId[] => [choices.get(key) ?? []].flat()
      yield* products.setOptions(diary, [
        ...choice("paper/matt"),
        ...choice("innerPaper/cream"),
        ...choice("coverCoating/soft")
      ])
      for (const id of [...choice("paper/matt"), ...choice("innerPaper/cream")]) {
        yield* mappings.map(id, { mesCode: "M" }, "max")
      }
      for (const id of choice("innerPaper/cream")) yield* mappings.verify(id, "vera")

      const counts = (productId: ProductId) =>
        Effect.map(mappings.listProducts({ productId }, firstPage), ({ data }) =>
          data.map(({ choices, coverType }) => [
            coverType,
            choices.total,
            choices.verified,
            choices.mapped,
            choices.pending
          ])
        )
      assert.deepStrictEqual(yield* counts(poster), [[null, 2, 0, 1, 1]])
      // Pages are a setting.
      assert.deepStrictEqual(yield* counts(notebook), [
        ["inner", 1, 1, 0, 0],
        ["cover", 1, 0, 0, 1]
      ])
      // The plain item of the diary is made as the inner part.
      assert.deepStrictEqual(yield* counts(diary), [
        [null, 2, 1, 1, 0],
        ["cover", 2, 0, 1, 1]
      ])

      const rows = (status: MappingStatus) =>
        Effect.map(mappings.listProducts({ status }, firstPage), ({ data, total }) => {
          assert.strictEqual(data.length, total)
          return data.map(({ coverType, productName }) => [productName, coverType])
        })
      assert.deepStrictEqual(yield* rows("pending"), [
        ["Poster", null],
        ["Notebook", "cover"],
        ["Diary", "cover"]
      ])
      assert.deepStrictEqual(yield* rows("mapped"), [
        ["Card", null],
        ["Diary", null]
      ])
      assert.deepStrictEqual(yield* rows("verified"), [["Notebook", "inner"]])
      assert.strictEqual((yield* mappings.listChoices({ status: "pending" }, { page: 1, limit: 1 })).total, 2)
    }).pipe(Effect.provide(layer))
  )

  it.effect("gives a dispatch its items and codes, part by part", () =>
    Effect.gen(function* () {
      const mappings = yield* MesMappings
      const items = yield* MesItems
      yield* (yield* CatalogImport).importFiles({ files: demoFiles })
      const ids = yield* Effect.forEach(["50001", "50003", "50004"], productOf)
      const bare = yield* (yield* Products).create({ name: "Bare", productType: "x" })
      const {
        data: [posterItem]
      } = yield* items.list({ q: "700-0001" }, firstPage)
      if (posterItem !== undefined) yield* items.patch(posterItem.id, { isActive: false })
      const choiceIds = (yield* (yield* Options).list(firstPage)).data.flatMap(({ choices }) =>
        choices.map(({ id }) => id)
      )
      const { choices, parts } = yield* mappings.requirements({
        productIds: [...ids, bare.id, ProductId.make(999_999)],
        choiceIds,
        lock: false
      })
      assert.deepStrictEqual(
        [...ids, bare.id].map((id) => parts.get(id)?.map(({ item, part }) => [part, item?.itemCode, item?.isActive])),
        [
          [[null, "700-0001", false]],
          [
            ["inner", "700-5001", true],
            ["cover", "700-5002", true]
          ],
          [
            ["inner", "700-0003", true],
            ["cover", "700-5002", true]
          ],
          [[null, undefined, undefined]]
        ]
      )
      assert.isFalse(parts.has(ProductId.make(999_999)))
      assert.deepStrictEqual(
        [...choices.values()]
          .map(({ code, mapping, optionKey, part }) => [optionKey, code, part, mapping?.status ?? null])
          .sort(),
        [
          ["coverCoating", "soft", "cover", "pending"],
          ["innerPaper", "cream", "inner", "pending"],
          ["pages", "p96", null, null],
          ["paper", "gloss", null, "pending"],
          ["paper", "matt", null, "pending"]
        ]
      )
    }).pipe(Effect.provide(layer))
  )

  sharedLayer(layer)((it) => {
    it.effect.prop(
      "AC-MES-005 no other edges, whatever is asked in whatever order",
      {
        actions: Schema.Array(Schema.Tuple([MappingAction, Schema.Literals(["M-1", "M-2"])])).check(
          Schema.isMinLength(3),
          Schema.isMaxLength(8)
        )
      },
      ({ actions }) =>
        Effect.gen(function* () {
          const mappings = yield* MesMappings
          const { sql } = yield* Database
          yield* sql`truncate option_definitions cascade`
          const { id } = yield* choiceOf("paper", "material")
          let expected: { status: MappingStatus; mesCode: string | null } = { status: "pending", mesCode: null }
          for (const [action, mesCode] of actions) {
            if (action === "map") {
              // The same code again changes nothing only where the status stays: a verified one is to be verified again.
              expected = { status: "mapped", mesCode }
              yield* mappings.map(id, { mesCode }, "max")
            } else if (expected.status === "pending") {
              yield* Effect.flip(mappings.verify(id, "vera"))
            } else {
              expected = { ...expected, status: "verified" }
              yield* mappings.verify(id, "vera")
            }
            const {
              data: [row]
            } = yield* mappings.listChoices({}, firstPage)
            assert.deepInclude(row, { mappingStatus: expected.status, mesCode: expected.mesCode })
            assert.strictEqual(row?.verifiedBy === null, expected.status !== "verified")
          }
        }),
      { arbitrary: { runs: 20 } }
    )
  })
})

describe.skipIf(!hasServer)("MesMappings with two connections (PostgreSQL server)", () => {
  const layer = catalogue.pipe(Layer.provideMerge(server))

  it.live("no verification slips between what a dispatch saw and what it writes", () =>
    Effect.gen(function* () {
      const mappings = yield* MesMappings
      const { sql, transaction } = yield* Database
      const choice = yield* choiceOf("paper", "material")
      yield* mappings.map(choice.id, { mesCode: "M-1" }, "max")
      const held = yield* Deferred.make<void>()
      const order: Array<string> = []
      const verifying = yield* Effect.forkChild(
        Effect.gen(function* () {
          yield* Deferred.await(held)
          yield* mappings.verify(choice.id, "vera")
          order.push("verified")
        })
      )
      yield* transaction(
        Effect.gen(function* () {
          yield* mappings.requirements({ productIds: [], choiceIds: [choice.id], lock: true })
          yield* Deferred.succeed(held, undefined)
          // Until the verification stands in line for the row (or is through, which is the failure).
          while (order.length === 0) {
            const waiting = yield* sql`
            select 1 from pg_locks where not granted and pg_blocking_pids(pid) @> array[pg_backend_pid()]`
            if (waiting.length > 0) break
            yield* Effect.yieldNow
          }
          order.push("marked blocked")
        })
      )
      yield* Fiber.join(verifying)
      assert.deepStrictEqual(order, ["marked blocked", "verified"])
    }).pipe(Effect.provide(layer))
  )
})
