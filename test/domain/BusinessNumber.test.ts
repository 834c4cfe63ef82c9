import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { BusinessNumber, BusinessNumberFromText, checkDigit } from "../../src/domain/BusinessNumber.ts"

const accepts = Schema.is(BusinessNumber)
const decode = Schema.decodeUnknownOption(BusinessNumberFromText)

const nine = Schema.String.check(Schema.isPattern(/^[1-9]\d{8}$/))

describe("BusinessNumber", () => {
  it("takes numbers that exist, with and without hyphens", () => {
    for (const number of ["1248100998", "2208162517", "1208147521"]) assert.isTrue(accepts(number), number)
    for (const written of ["124-81-00998", " 124-81-00998 ", "124 81 00998", "1248100998"]) {
      assert.deepStrictEqual(decode(written), decode("1248100998"), written)
    }
  })

  it("refuses what is none", () => {
    for (const written of [
      "",
      "124810099",
      "12481009980",
      "124-81-0099a",
      "0000000000",
      "１２４８１００９９８",
      "124_81_00998"
    ]) {
      assert.isTrue(decode(written)._tag === "None", written)
    }
  })

  it.prop("of the ten last digits exactly one is right", [nine], ([digits]) => {
    const right = Array.from({ length: 10 }, (_, last) => `${digits}${last}`).filter((number) => accepts(number))
    return right.length === 1 && right[0] === `${digits}${checkDigit(digits)}`
  })

  it.prop(
    "a slip in one digit is found",
    [nine, Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 7 }))],
    ([digits, at]) => {
      const number = `${digits}${checkDigit(digits)}`
      const slipped = `${number.slice(0, at)}${(Number(number[at]) + 1) % 10}${number.slice(at + 1)}`
      return !accepts(slipped)
    }
  )
})
