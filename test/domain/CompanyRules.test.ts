import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Company } from "../../src/domain/Company.ts"
import { isSameCompanyName, matchRepresentative, verify } from "../../src/domain/CompanyRules.ts"

const AnyCompany = Schema.Struct({
  ...Company.fields,
  businessNumber: Schema.Literal("1248100998").pipe(Schema.brand("BusinessNumber"))
})

describe("matchRepresentative", () => {
  it("compares people, not spellings", () => {
    for (const [written, person] of [
      ["홍길동", "홍길동"],
      ["홍 길동", "홍길동"],
      ["홍길동".normalize("NFD"), "홍길동"],
      ["홍길동, 김철수", "김철수"],
      ["홍길동/김철수", "홍길동"],
      ["홍길동·김철수", "김철수"],
      ["홍길동(洪吉童)", "홍길동"],
      ["John Smith", "john smith"],
      ["홍길동 외 2명", "홍길동"]
    ] as const) {
      assert.strictEqual(matchRepresentative(written, person), "MATCH", written)
    }
    for (const [written, person] of [
      ["홍길동", "홍길"],
      ["홍길동", "홍길동무"],
      ["홍길동, 김철수", "김길동"],
      ["홍길동, 김철수", "홍길동김철수"]
    ] as const) {
      assert.strictEqual(matchRepresentative(written, person), "MISMATCH", written)
    }
  })

  it("does not know what the record does not say", () => {
    assert.strictEqual(matchRepresentative(null, "홍길동"), "UNKNOWN")
    assert.strictEqual(matchRepresentative("  ", "홍길동"), "UNKNOWN")
    assert.strictEqual(matchRepresentative("홍길동 외 2명", "김철수"), "UNKNOWN")
    assert.strictEqual(matchRepresentative("홍길동", " "), "UNKNOWN")
  })
})

describe("isSameCompanyName", () => {
  it("leaves the legal form aside", () => {
    for (const [one, other] of [
      ["(주)한빛", "주식회사 한빛"],
      ["㈜한빛", "한빛"],
      ["한빛 주식회사", "한빛(주)"],
      ["Hanbit Co., Ltd.", "hanbit"]
    ] as const) {
      assert.isTrue(isSameCompanyName(one, other), `${one} ${other}`)
    }
    assert.isFalse(isSameCompanyName("(주)한빛", "(주)한빛소프트"))
    assert.isFalse(isSameCompanyName("(주)", "한빛"))
  })
})

describe("verify", () => {
  it.prop(
    "only an active company on the vendor's word is verified, and with a name only under that name",
    [AnyCompany],
    ([company]) => {
      const plain = verify(company)
      const isGood = company.state === "ACTIVE" && company.origin.kind === "vendor"
      if (plain.verified !== isGood || plain.verified !== (plain.reason === null)) return false
      const named = verify(company, `${company.name ?? ""}x`)
      return !named.verified
    }
  )

  it.prop(
    "a suspended or closed company is never verified, whatever its name",
    [AnyCompany, Schema.String],
    ([company, name]) =>
      (["SUSPENDED", "CLOSED", "UNKNOWN"] as const).every(
        (state) =>
          !verify({ ...company, state }).verified && !verify({ ...company, state }, company.name ?? name).verified
      )
  )
})
