import { assert, describe, it } from "@effect/vitest"
import { Option, Schema } from "effect"
import { AirportCode, AirportCodeFromText, airportOf, koreanNameOf } from "../../src/domain/Airport.ts"
import { FlightNoFromText, isSameFlight } from "../../src/domain/Flight.ts"

const flightNo = Schema.decodeUnknownOption(FlightNoFromText)
const airport = Schema.decodeUnknownOption(AirportCodeFromText)

describe("FlightNo", () => {
  it("takes numbers as people and airlines write them", () => {
    for (const [written, canonical] of [
      ["KE1201", "KE1201"],
      ["ke 1201", "KE1201"],
      ["KE-1201", "KE1201"],
      ["7C101", "7C101"],
      ["KAL1201", "KAL1201"],
      ["oz8901a", "OZ8901A"]
    ]) {
      assert.strictEqual(Option.getOrNull(flightNo(written)), canonical, written)
    }
    for (const written of ["", "1201", "KE", "K1", "KE12345", "77123", "KEAL12", "KE12 01'", "KE1201%", "대한1201"]) {
      assert.isTrue(Option.isNone(flightNo(written)), written)
    }
  })

  it("zeros in front make no other flight", () => {
    assert.isTrue(isSameFlight("KE081", "KE81"))
    assert.isTrue(isSameFlight("7C0101", "7C101"))
    assert.isFalse(isSameFlight("KE810", "KE81"))
    assert.isFalse(isSameFlight("KE81", "OZ81"))
    assert.isTrue(isSameFlight("KE000", "KE0"))
  })
})

describe("Airport", () => {
  it("takes codes of known airports only", () => {
    assert.strictEqual(Option.getOrNull(airport(" gmp ")), "GMP")
    for (const code of ["XXX", "GMPP", "김포", "", "GM", "__proto__"]) assert.isTrue(Option.isNone(airport(code)), code)
  })

  it("finds the airport that a timetable means", () => {
    for (const [written, code] of [
      ["GMP", "GMP"],
      ["gmp", "GMP"],
      ["김포", "GMP"],
      ["김포국제공항", "GMP"],
      ["서울/김포", "GMP"],
      ["서울(인천)", "ICN"],
      ["부산", "PUS"],
      ["오사카/간사이", "KIX"],
      ["제주 공항", "CJU"],
      ["제주".normalize("NFD"), "CJU"]
    ] as const) {
      assert.deepStrictEqual(Option.map(airportOf(written), String), Option.some<string>(code), written)
    }
    for (const written of ["", "서울", "어딘가", "김포/어딘가"]) {
      assert.isTrue(Option.isNone(airportOf(written)), written)
    }
  })

  it.prop(
    "the Korean name of an airport leads back to it",
    [AirportCode],
    ([code]) => Option.getOrNull(airportOf(koreanNameOf(code))) === code
  )
})
