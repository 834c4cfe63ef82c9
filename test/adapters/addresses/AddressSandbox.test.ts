/** Addresses from the sandbox. */
import { assert, describe, it, layer } from "@effect/vitest"
import { Duration, Effect, Layer, Option, Schema } from "effect"
import * as AddressSearch from "../../../src/adapters/addresses/AddressSearch.ts"
import { Address, AddressKeyword, AddressPage, PostalCode } from "../../../src/domain/Address.ts"
import { Addresses } from "../../../src/services/data/Addresses.ts"
import { ProviderPolicies } from "../../../src/services/providers/ProviderPolicies.ts"
import { ProviderPolicy } from "../../../src/services/providers/ProviderPolicy.ts"
import { built, configOf, services, watched, withoutRetries } from "../../support/DataServices.ts"
import * as HttpSimulator from "../../support/simulator/HttpSimulator.ts"

const sandbox = (env: Readonly<Record<string, string>> = {}) =>
  Effect.gen(function* () {
    yield* withoutRetries(["address_primary", "address_secondary"])
    const { address } = yield* configOf(env)
    return yield* built(Addresses, AddressSearch.layer(address))
  })

type Needs = Effect.Services<ReturnType<typeof sandbox>>
const isolated = <A, E>(effect: Effect.Effect<A, E, Needs>) => effect.pipe(Effect.provide(services), Effect.scoped)

const find = (text: string, env: Readonly<Record<string, string>> = {}, page = 1) =>
  isolated(
    Effect.flatMap(sandbox(env), (addresses) =>
      Effect.map(addresses.search(AddressKeyword.make(text), page), ({ data }) => data)
    )
  )

describe("the sandbox of addresses", () => {
  it.effect("Property 44: what is found has the words of the keyword, repeats with the seed, and is an address", () =>
    Effect.gen(function* () {
      const found = yield* find("강남구 테헤란로")
      assert.deepStrictEqual([found.addresses.length, found.total, found.lastPage], [10, 24, 3])
      for (const address of found.addresses) {
        assert.isTrue(Schema.is(Address)(address))
        assert.match(address.address, /^서울특별시 강남구 테헤란로 \d+$/)
        assert.match(address.postalCode ?? "", /^061\d\d$/)
      }
      assert.deepStrictEqual(yield* find("강남구 테헤란로"), found)
      assert.notDeepEqual(yield* find("강남구 테헤란로", { ADDRESS_SANDBOX_SEED: "another" }), found)
      assert.strictEqual((yield* find("춘천")).total, 24)
      assert.deepStrictEqual(yield* find("화성 크레이터로"), { addresses: [], page: 1, lastPage: 1, total: 0 })
    })
  )

  it.effect("both simulated sources find the same", () =>
    Effect.gen(function* () {
      const expected = yield* find("센텀중앙로", {}, 3)
      yield* Effect.gen(function* () {
        const broken = yield* HttpSimulator.make
        yield* broken.respond(() => Effect.succeed(HttpSimulator.json(503, {})))
        const addresses = yield* sandbox({ ADDRESS_PRIMARY_BASE_URL: broken.url })
        const { data, source } = yield* addresses.search(AddressKeyword.make("센텀중앙로"), 3)
        assert.deepStrictEqual([source, data.addresses.length, data.total], ["address_secondary", 4, 24])
        assert.deepStrictEqual(data, expected)
      }).pipe(isolated)
    })
  )

  it.effect("a postal code leads back to its addresses", () =>
    isolated(
      Effect.gen(function* () {
        const addresses = yield* sandbox()
        const { data } = yield* addresses.search(AddressKeyword.make("판교역로"), 1)
        const known = data.addresses[0]?.postalCode
        assert(known !== null && known !== undefined)
        const detail = yield* addresses.detail(known)
        assert.isTrue(detail.data.addresses.some(({ address }) => address === data.addresses[0]?.address))
        assert.isTrue(detail.data.addresses.every(({ postalCode }) => postalCode === known))
        assert.deepStrictEqual((yield* addresses.detail(PostalCode.make("00000"))).data.addresses, [])
      })
    )
  )

  it.effect("Property 45: an error rate of 0 never fails, of 1 always", () =>
    Effect.gen(function* () {
      for (const [rate, answers] of [
        ["0", true],
        ["1", false]
      ] as const) {
        for (const text of ["종로", "을지로", "상무중앙로", "연북로"]) {
          const found = yield* Effect.option(find(text, { ADDRESS_SANDBOX_ERROR_RATE: rate }))
          assert.strictEqual(Option.isSome(found), answers)
        }
      }
    })
  )

  it.effect("Properties 43 and 46: the simulator answers, and every call says so in the log", () =>
    Effect.gen(function* () {
      const { lines } = yield* watched(
        Effect.flatMap(sandbox(), (addresses) => addresses.search(AddressKeyword.make("종로"), 1))
      )
      assert.lengthOf(
        lines.filter((line) => line.includes("address: the sandbox is asked")),
        1
      )
    }).pipe(Effect.provide(services))
  )
})

/** One sandbox for many searches, without a limit that they would meet. */
const unlimited = Layer.unwrap(
  Effect.gen(function* () {
    const policies = yield* ProviderPolicies
    const limits = { perMinute: 1_000_000, perHour: 10_000_000, maxWait: Duration.seconds(1) }
    yield* policies.setProvider("address_primary", ProviderPolicy.make({ limits }))
    const { address } = yield* configOf({})
    return AddressSearch.layer(address)
  })
).pipe(Layer.provide(services))

layer(unlimited)("whatever the keyword", (it) => {
  it.effect.prop(
    "Property 16: addresses are found that have its words, or none",
    { keyword: Schema.Union([AddressKeyword, Schema.Literals(["중앙로", "서울특별시 종로구", "성남시 판교역로 1"])]) },
    ({ keyword }) =>
      Effect.gen(function* () {
        const addresses = yield* Addresses
        const { data } = yield* addresses.search(AddressKeyword.make(keyword), 1)
        assert.strictEqual(data.addresses.length, Math.min(10, data.total))
        const [word = ""] = keyword.trim().split(/\s+/)
        for (const { address } of data.addresses) if (word.endsWith("로")) assert.include(address, word)
        assert.isTrue(Schema.is(AddressPage)(data))
      })
  )
})
