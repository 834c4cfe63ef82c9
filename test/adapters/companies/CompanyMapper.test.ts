/** Written answers of Nice D&B: its fields, its amounts, its failures under statuses that lie. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Headers } from "effect/http"
import { CompanyAnswer, CompanyBody, TokenAnswer } from "../../../src/adapters/companies/CompanyContract.ts"
import { verdictOfNice as verdictOf } from "../../../src/adapters/companies/CompanyFailure.ts"
import { companyFromNice, isAbout, isEmpty } from "../../../src/adapters/companies/CompanyMapper.ts"
import { BusinessNumber } from "../../../src/domain/BusinessNumber.ts"
import { Company } from "../../../src/domain/Company.ts"

const verdictOfNice = ({ body }: { readonly body: unknown }) => verdictOf({ body, headers: Headers.empty })

const number = BusinessNumber.make("1248100998")

describe("CompanyMapper", () => {
  it("writes a record, amounts in won", () => {
    const record = companyFromNice(
      {
        bizNo: "124-81-00998",
        cmpNm: " 한빛산업(주) ",
        ceoNm: "홍길동",
        stt: null,
        estbDate: "19690113",
        indNm: "전자부품 제조업",
        criGrd: "AAA",
        salesAmt: "302,231,360",
        opprIcAmt: -5,
        shEqAmt: "1.5",
        debtAmt: "N/A",
        assetAmt: "",
        zip: "6236",
        addr1: "서울특별시 강남구 테헤란로 1",
        addr2: ""
      },
      number
    )
    assert.deepStrictEqual(record, {
      businessNumber: number,
      name: "한빛산업(주)",
      representative: "홍길동",
      state: "ACTIVE",
      establishedOn: Schema.decodeSync(Company.fields.establishedOn)("1969-01-13"),
      industry: "전자부품 제조업",
      creditGrade: "AAA",
      finance: { sales: 302_231_360_000, operatingProfit: -5000, equity: 1500, debt: null, assets: null },
      postalCode: "06236",
      address: "서울특별시 강남구 테헤란로 1",
      addressDetail: null,
      origin: { kind: "vendor" }
    })
  })

  it("knows the states; one that nobody agreed on is UNKNOWN", () => {
    for (const [stt, state] of [
      [null, "ACTIVE"],
      [undefined, "ACTIVE"],
      ["", "ACTIVE"],
      ["2", "SUSPENDED"],
      [2, "SUSPENDED"],
      ["02", "SUSPENDED"],
      ["3", "CLOSED"],
      [3, "CLOSED"],
      ["1", "UNKNOWN"],
      ["9", "UNKNOWN"],
      ["폐업", "UNKNOWN"]
    ] as const) {
      assert.strictEqual(companyFromNice(stt === undefined ? {} : { stt }, number).state, state, String(stt))
    }
  })

  it("guesses nothing", () => {
    const record = companyFromNice({ estbDate: "199813", zip: "135-080", salesAmt: "9".repeat(18) }, number)
    assert.deepInclude(record, { establishedOn: null, postalCode: null, name: null, representative: null })
    assert.isNull(record.finance.sales)
    assert.isTrue(isEmpty({ bizNo: "1248100998", cmpNm: " " }))
  })

  it("a record about another number is about another company", () => {
    assert.isTrue(isAbout({ bizNo: "124-81-00998" }, number))
    assert.isTrue(isAbout({ bizNo: 1_248_100_998 }, number))
    assert.isTrue(isAbout({}, number))
    assert.isFalse(isAbout({ bizNo: "2208162517" }, number))
  })

  it.effect.prop("whatever a record says, the company fits the API", [CompanyBody], ([body]) =>
    Schema.encodeEffect(Company)(companyFromNice(body, number))
  )

  it.effect("reads tokens that say their time as text or as a number", () =>
    Effect.gen(function* () {
      const decode = Schema.decodeUnknownEffect(TokenAnswer)
      assert.strictEqual((yield* decode({ accessToken: "t", expiresIn: "3600" })).expiresIn, "3600")
      assert.strictEqual((yield* decode({ accessToken: "t", expiresIn: 3600, tokenType: "bearer" })).expiresIn, 3600)
      yield* Effect.flip(decode({ accessToken: "", expiresIn: 3600 }))
      yield* Effect.flip(Schema.decodeUnknownEffect(CompanyAnswer)({ dataBody: {} }))
    })
  )
})

describe("CompanyFailure", () => {
  it("the code decides, wherever it stands", () => {
    for (const body of [
      { code: "NOAG1002" },
      { error: { code: "NOAG1002", message: "x" } },
      { dataHeader: { resCd: "NOAG1002" } },
      { message: "[NOAG1002] token expired" }
    ]) {
      assert.deepInclude(verdictOfNice({ body }), { _tag: "Unauthorized", decisive: true })
    }
    for (const code of ["NOAG1201", "NOAG1202"]) {
      assert.deepInclude(verdictOfNice({ body: { code } }), { _tag: "RateLimited", decisive: true })
    }
    for (const [after, millis] of [
      ["30", 30_000],
      ["99999", 3_600_000],
      ["soon", null]
    ] as const) {
      const headers = Headers.fromInput({ "retry-after": after })
      assert.deepInclude(verdictOf({ body: { code: "NOAG1201" }, headers }), { retryAfterMillis: millis })
    }
    assert.deepStrictEqual(verdictOfNice({ body: { code: "NOAG9999" } }), {
      _tag: "Transient",
      message: "reports NOAG9999"
    })
  })

  it("resCd 0 is well, 1 and 2 are failures; a company that is not known is no failure", () => {
    const header = (resCd: unknown, resMsg = "") =>
      verdictOfNice({ body: { dataHeader: { resCd, resMsg }, dataBody: {} } })
    for (const well of ["0", 0, "00", null, undefined]) assert.isUndefined(header(well))
    for (const wrong of ["1", 2, "E"]) assert.strictEqual(header(wrong, "시스템 오류")?._tag, "Transient")
    assert.deepInclude(header("1", "조회 결과가 없습니다"), { _tag: "Rejected", code: "no-data" })
    assert.isUndefined(verdictOfNice({ body: undefined }))
    assert.isUndefined(verdictOfNice({ body: { dataHeader: { resCd: "0" }, dataBody: { cmpNm: "NOAG1002 (주)" } } }))
  })
})
