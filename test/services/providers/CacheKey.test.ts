import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as CacheKey from "../../../src/services/providers/CacheKey.ts"
import * as CachePattern from "../../../src/services/providers/CachePattern.ts"

/** Texts in which every special character turns up often. */
const Tricky = Schema.Array(
  Schema.Literals([
    "a",
    "B",
    "*",
    "\\",
    "%",
    "_",
    "?",
    "[",
    "]",
    "^",
    "-",
    "&",
    "=",
    ":",
    "é",
    "e\u0301",
    "김",
    "\0",
    " "
  ])
).check(Schema.isMaxLength(8))

describe("CacheKey", () => {
  it("what means the same has one key: order, case, composition, hyphens, blanks", () => {
    const same = (left: CacheKey.Parameters, right: CacheKey.Parameters) =>
      assert.strictEqual(CacheKey.parameters(left), CacheKey.parameters(right))
    same({ from: "ICN", to: "CJU" }, { to: "CJU", from: "ICN" })
    same({ q: "caf\u00e9" }, { q: "cafe\u0301" })
    same({ q: "a", page: undefined }, { q: "a", page: null })
    assert.strictEqual(CacheKey.code("ke-123"), CacheKey.code("KE 123"))
    assert.strictEqual(CacheKey.code("ke\u2010123"), "KE123")
    assert.strictEqual(CacheKey.digits("123-45-67890"), "1234567890")
    assert.strictEqual(CacheKey.digits("１２３-45"), "12345")
    assert.strictEqual(CacheKey.text("  Seoul   STATION "), "seoul station")
  })

  it("another version of the contract has another key", () => {
    assert.notStrictEqual(CacheKey.prefix("fx", "rates", "1"), CacheKey.prefix("fx", "rates", "2"))
  })

  it.effect.prop(
    "Property 31: the key is derived from all parameters, whatever is in them: different requests have different keys",
    [
      Schema.Record(Schema.Literals(["a", "b", "a=b"]), Tricky),
      Schema.Record(Schema.Literals(["a", "b", "a=b"]), Tricky)
    ],
    ([left, right]) =>
      Effect.sync(() => {
        const joined = (values: typeof left): CacheKey.Parameters =>
          Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value.join("")]))
        const normal = (values: CacheKey.Parameters) =>
          JSON.stringify(
            Object.entries(values)
              .map(([name, value]) => [name, String(value).normalize("NFC")])
              .toSorted()
          )
        assert.strictEqual(
          CacheKey.parameters(joined(left)) === CacheKey.parameters(joined(right)),
          normal(joined(left)) === normal(joined(right))
        )
      })
  )

  it.effect.prop("a key has no star, no backslash and no control character", [Tricky], ([value]) =>
    Effect.sync(() => assert.notMatch(CacheKey.parameters({ q: value.join("") }), /[*\\\p{Cc}]/u))
  )
})

describe("CachePattern", () => {
  it("a star is anything, everything else is itself", () => {
    const matches = CachePattern.matcher("fx:*:base=U_D*")
    assert.isTrue(matches("fx:rates:1:base=U_D"))
    assert.isTrue(matches("fx::base=U_D&x=1"))
    assert.isFalse(matches("fx:rates:1:base=USD"))
    assert.isFalse(CachePattern.matcher("a*a")("a"))
    assert.isTrue(CachePattern.matcher("\\**")("*x"))
    assert.isFalse(CachePattern.matcher("\\**")("x"))
  })

  it.effect.prop("a literal matches its own text and no other", [Tricky, Tricky], ([left, right]) =>
    Effect.sync(() => {
      const matches = CachePattern.matcher(CachePattern.literal(left.join("")))
      assert.isTrue(matches(left.join("")))
      assert.strictEqual(matches(right.join("")), left.join("") === right.join(""))
    })
  )

  it.effect.prop("any text fits a pattern in which parts of it are stars", [Tricky, Tricky, Tricky], ([a, b, c]) =>
    Effect.sync(() => {
      const pattern = `${CachePattern.literal(a.join(""))}*${CachePattern.literal(c.join(""))}`
      assert.isTrue(CachePattern.matcher(pattern)([...a, ...b, ...c].join("")))
    })
  )
})
