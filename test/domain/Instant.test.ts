import { assert, it } from "@effect/vitest"
import { Schema } from "effect"
import { Instant } from "../../src/domain/Instant.ts"

const isInstant = Schema.is(Instant)

it("an instant names a moment between 1900 and 9999, with its zone", () => {
  const good = [
    "2026-11-01T09:00Z",
    "2026-11-01T09:00:00.123456789+09:00",
    "1900-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999Z"
  ]
  for (const text of good) assert.isTrue(isInstant(text), text)
  const bad = [
    "",
    "2026-11-01",
    "2026-11-01T09:00:00",
    "2026-11-01 09:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-11-01T24:01:00Z",
    "2026-11-01T09:00:00+99:99",
    "0000-01-01T00:00:00Z",
    "1900-01-01T00:00:00+09:00",
    "9999-12-31T23:59:59-14:00",
    "+12026-11-01T09:00:00Z",
    "2026-11-01T09:00:00z"
  ]
  for (const text of bad) assert.isFalse(isInstant(text), text)
})
