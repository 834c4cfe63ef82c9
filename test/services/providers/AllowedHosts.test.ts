import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import * as HubConfig from "../../../src/services/HubConfig.ts"
import * as AllowedHosts from "../../../src/services/providers/AllowedHosts.ts"

const allows = (rule: string, url: string): boolean => {
  const parsed = AllowedHosts.parse(rule)
  assert.isDefined(parsed, rule)
  return parsed !== undefined && AllowedHosts.isAllowed(url, [parsed])
}

describe("AllowedHosts", () => {
  it("a rule allows its scheme, its host and its port, and nothing that only looks like it", () => {
    for (const url of ["https://api.example.com", "https://API.example.com:443/v1", "https://api.example.com/a/b"]) {
      assert.isTrue(allows("api.example.com", url), url)
    }
    for (const url of [
      "http://api.example.com",
      "https://api.example.com:8443",
      "https://api.example.com.evil.net",
      "https://evil-api.example.com",
      "https://example.com",
      "https://x.api.example.com",
      "https://api.example.com.",
      "https://api.example.com@evil.net",
      "https://evil.net/api.example.com",
      "https://evil.net\\api.example.com"
    ]) {
      assert.isFalse(allows("api.example.com", url), url)
    }
    assert.isTrue(allows("http://127.0.0.1:8080", "http://127.0.0.1:8080/x"))
    assert.isTrue(allows("[::1]:8443", "https://[::1]:8443"))
    assert.isTrue(allows("한국.example", "https://xn--3e0b707e.example"))
  })

  it("*. stands for every host below, not for the host itself", () => {
    assert.isTrue(allows("*.example.com", "https://a.example.com"))
    assert.isTrue(allows("*.example.com", "https://a.b.example.com"))
    assert.isFalse(allows("*.example.com", "https://example.com"))
    assert.isFalse(allows("*.example.com", "https://badexample.com"))
  })

  it("what is no rule is none", () => {
    for (const text of [
      "",
      "*",
      "*.",
      "ftp://a",
      "a b",
      "a/b",
      "a?b",
      "a#b",
      "user@host",
      "a:99999",
      "https://",
      "*.*.a"
    ]) {
      assert.isUndefined(AllowedHosts.parse(text), text)
    }
  })

  it.effect("Property 34: HUB_PROVIDER_HOSTS and HUB_SECRET_KEYS are checked at the start; a key is never shown", () =>
    Effect.gen(function* () {
      const [one, two] = [Buffer.alloc(32, 1).toString("base64"), Buffer.alloc(32, 2).toString("base64")]
      const { runtime } = yield* HubConfig.load({
        HUB_PROVIDER_HOSTS: "*.example.com, http://10.0.0.5:8080",
        HUB_SECRET_KEYS: `new:${one}, old-1:${two}`
      })
      assert.deepStrictEqual(
        runtime.secretKeys.map(({ id, key }) => [id, Redacted.value(key)[0], Redacted.value(key).length]),
        [
          ["new", 1, 32],
          ["old-1", 2, 32]
        ]
      )
      assert.deepStrictEqual(
        runtime.allowedHosts.map(({ below, hostname, port }) => [below, hostname, port]),
        [
          [true, "example.com", ""],
          [false, "10.0.0.5", "8080"]
        ]
      )
      assert.deepStrictEqual((yield* HubConfig.load({})).runtime, { secretKeys: [], allowedHosts: [] })
      const short = Buffer.alloc(16, 3).toString("base64")
      for (const keys of [`a:${short}`, one, `a:${one},a:${two}`, `a b:${one}`, `a:${one},`, "a:canary"]) {
        const error = yield* Effect.flip(HubConfig.load({ HUB_SECRET_KEYS: keys, HUB_PROVIDER_HOSTS: "https://a/b" }))
        assert.include(error.message, "HUB_SECRET_KEYS: expected keys as id:base64")
        assert.include(error.message, "HUB_PROVIDER_HOSTS: expected hosts")
        for (const part of [one, two, short, "canary"]) assert.notInclude(error.message, part)
      }
    })
  )
})
