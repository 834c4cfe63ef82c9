/** What the two sources of addresses write, read: each trap of their contracts on a written answer. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Schema } from "effect"
import { JusoPage } from "../../../src/adapters/addresses/AddressContract.ts"
import { refusalOf, verdictOfJuso, verdictOfKakao } from "../../../src/adapters/addresses/AddressFailure.ts"
import { pageFromJuso, pageFromKakao } from "../../../src/adapters/addresses/AddressMapper.ts"
import { Address, type AddressPage, lastPageOf, PostalCode } from "../../../src/domain/Address.ts"
import { Rejected } from "../../../src/domain/IntegrationError.ts"

const road = "서울 강남구 테헤란로 152"
const lot = "서울 강남구 역삼동 737"

describe("Kakao", () => {
  const page = (document: object, meta: object = { total_count: 1, pageable_count: 1, is_end: true }) => ({
    meta,
    documents: [document]
  })
  const read = (body: unknown) => Schema.decodeUnknownEffect(pageFromKakao(1))(body)
  const first = (document: object) => Effect.map(read(page(document)), ({ addresses }) => addresses[0])

  it.effect("the road address counts, with its postal code and building", () =>
    Effect.gen(function* () {
      const found = yield* first({
        address_name: lot,
        road_address: { address_name: road, zone_no: "06236", building_name: "강남파이낸스센터" },
        address: { address_name: lot }
      })
      assert.deepStrictEqual(found, { postalCode: PostalCode.make("06236"), address: road, detail: "강남파이낸스센터" })
    })
  )

  it.effect("without a road address the lot counts; no postal code is made up", () =>
    Effect.gen(function* () {
      const none = { postalCode: null, address: lot, detail: "" }
      assert.deepStrictEqual(
        yield* first({ address_name: "x", road_address: null, address: { address_name: lot } }),
        none
      )
      assert.deepStrictEqual(yield* first({ address_name: lot, road_address: null, address: null }), none)
      assert.deepStrictEqual(yield* first({ address_name: lot }), none)
      for (const zone_no of ["", "135-080", "135080", "6236", null]) {
        const found = yield* first({ road_address: { address_name: road, zone_no, building_name: null } })
        assert.deepStrictEqual(found, { postalCode: null, address: road, detail: "" })
      }
    })
  )

  it.effect("what has no address at all is left out, and control characters are blanks", () =>
    Effect.gen(function* () {
      assert.isUndefined(yield* first({ address_name: " ", road_address: { address_name: "", zone_no: "06236" } }))
      const found = yield* first({ address_name: `${lot}\u0000\n ` })
      assert.strictEqual(found?.address, lot)
    })
  )

  it.effect("the end is where Kakao lets us read to", () =>
    Effect.gen(function* () {
      const many = yield* read(page({ address_name: lot }, { total_count: 1234, pageable_count: 44, is_end: false }))
      assert.deepStrictEqual([many.total, many.lastPage], [1234, 5])
      const none = yield* read({ meta: { total_count: 0, pageable_count: 0, is_end: true }, documents: [] })
      assert.deepStrictEqual(none, { addresses: [], page: 1, lastPage: 1, total: 0 })
      for (const body of [{}, { meta: {} }, { meta: { total_count: -1 }, documents: [] }, null, { documents: [] }]) {
        yield* Effect.flip(read(body))
      }
    })
  )

  it("its errors are of the key, the quota or the keyword", () => {
    const of = (status: number, body: unknown) => verdictOfKakao({ status, body })
    assert.strictEqual(of(400, { code: -10, msg: "API limit has been exceeded" })?._tag, "RateLimited")
    assert.strictEqual(of(429, { code: -10, msg: "API limit has been exceeded" })?._tag, "RateLimited")
    assert.strictEqual(of(400, { code: -401, msg: "wrong appKey" })?._tag, "Unauthorized")
    assert.strictEqual(of(400, { errorType: "InvalidArgument", message: "page is more than max" })?._tag, "Rejected")
    for (const body of [{}, null, "<html>", undefined]) assert.isUndefined(of(500, body))
    assert.isUndefined(of(200, { code: -10 }))
  })
})

describe("Juso", () => {
  const answer = (juso: unknown, common: object = {}) => ({
    results: { common: { errorCode: "0", errorMessage: "정상", totalCount: "1", ...common }, juso }
  })
  const read = (body: unknown) =>
    Effect.flatMap(Schema.decodeUnknownEffect(JusoPage)(body), Schema.decodeEffect(pageFromJuso(1)))
  const first = (row: object) => Effect.map(read(answer([row])), ({ addresses }) => addresses[0])

  it.effect("road, else lot; postal code; building", () =>
    Effect.gen(function* () {
      const row = { roadAddr: road, jibunAddr: lot, zipNo: "06236", bdNm: "강남파이낸스센터", admCd: "1168010100" }
      assert.deepStrictEqual(yield* first(row), {
        postalCode: PostalCode.make("06236"),
        address: road,
        detail: "강남파이낸스센터"
      })
      assert.deepStrictEqual(yield* first({ ...row, roadAddr: "", bdNm: "" }), {
        postalCode: PostalCode.make("06236"),
        address: lot,
        detail: ""
      })
    })
  )

  it.effect("counts are text; nothing found is an empty page", () =>
    Effect.gen(function* () {
      const many = yield* read(answer([], { totalCount: "25" }))
      assert.deepStrictEqual([many.total, many.lastPage], [25, 3])
      const none = { addresses: [], page: 1, lastPage: 1, total: 0 }
      assert.deepStrictEqual(yield* read(answer([], { totalCount: "0" })), none)
      assert.deepStrictEqual(yield* read(answer(null, { totalCount: 0 })), none)
      for (const totalCount of ["", "many", "-1", "1.5"]) yield* Effect.flip(read(answer([], { totalCount })))
      for (const body of [null, {}, { results: null }, "<html>"]) yield* Effect.flip(read(body))
    })
  )

  it("an error in a 200: of the key, of the keyword, or trouble; well is well", () => {
    const of = (errorCode: unknown) => verdictOfJuso({ body: answer(null, { errorCode }) })
    assert.isUndefined(of("0"))
    for (const code of ["E0001", "E0014"]) assert.strictEqual(of(code)?._tag, "Unauthorized", code)
    for (const code of ["E0005", "E0006", "E0008", "E0009", "E0010", "E0013", "E0015"]) {
      const verdict = of(code)
      assert(verdict?._tag === "Rejected", code)
      const refusal = new Rejected({
        adapter: "address_secondary",
        operation: "GET /",
        message: verdict.message,
        ...(verdict.code === undefined ? {} : { code: verdict.code })
      })
      assert.isTrue(Option.isSome(refusalOf(refusal)), code)
    }
    for (const code of ["-999", "E9999", "1"]) assert.strictEqual(of(code)?._tag, "Transient", code)
    for (const body of [null, {}, { results: {} }, []]) assert.isUndefined(verdictOfJuso({ body }))
  })
})

const Addresses = Schema.Array(
  Schema.Struct({ ...Address.fields, address: Schema.Literals([road, lot]), detail: Schema.Literals(["", "강남타워"]) })
)

it.effect.prop(
  "Property 17: every address has a postal code (or none is known), an address and a detail, whichever source wrote it",
  { addresses: Addresses },
  ({ addresses }) =>
    Effect.gen(function* () {
      const total = addresses.length
      const page: AddressPage = { addresses, page: 1, lastPage: lastPageOf(total), total }
      const kakao = pageFromKakao(1)
      const known = addresses.map((address) => (address.postalCode === null ? { ...address, detail: "" } : address))
      assert.deepStrictEqual(yield* Effect.flatMap(Schema.encodeEffect(kakao)(page), Schema.decodeEffect(kakao)), {
        ...page,
        addresses: known
      })
      const juso = pageFromJuso(1)
      const read = yield* Effect.flatMap(Schema.encodeEffect(juso)(page), Schema.decodeEffect(juso))
      assert.deepStrictEqual(read, page)
      for (const address of read.addresses) assert.isTrue(Schema.is(Address)(address))
    })
)
