import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Schema } from "effect"
import { Headers } from "effect/http"
import { KstIso, KstYmdt, Seconds } from "../../../src/adapters/shopby/KoreanTime.ts"
import {
  beginningOf,
  isPartlyCancelled,
  shopOrderOf,
  shows,
  statusOf
} from "../../../src/adapters/shopby/SeenOrders.ts"
import {
  changesOf,
  ListingChanges,
  ListingChangesFromShopby,
  ListingFromShopby,
  OnSaleFromShopby,
  ParcelNotice,
  ParcelNoticeFromShopby,
  type SeenOrder,
  SeenOrderFromShopby
} from "../../../src/adapters/shopby/ShopbyMapper.ts"
import { ShopListing } from "../../../src/domain/ShopListing.ts"
import { card } from "./ShopbySamples.ts"
import { verdictOf } from "../../../src/adapters/shopby/ShopbyFailure.ts"

const roundTrip =
  <A, I>(schema: Schema.Codec<A, I>) =>
  (value: A) =>
    Effect.gen(function* () {
      const body = yield* Schema.encodeEffect(Schema.fromJsonString(schema))(value)
      assert.deepStrictEqual(yield* Schema.decodeEffect(Schema.fromJsonString(schema))(body), value)
    })

/** A written payload reads and is written again as it was. */
const same = <A, I>(schema: Schema.Codec<A, I>, wire: I) =>
  Effect.gen(function* () {
    const read = yield* Schema.decodeEffect(schema)(wire)
    assert.deepStrictEqual(yield* Schema.encodeEffect(schema)(read), wire)
    return read
  })

/** An empty matrix is none: its names go with its rows. */
const listing = (one: ShopListing): ShopListing => (one.options?.rows.length === 0 ? { ...one, options: null } : one)

const newCard = {
  productName: "명함",
  managementCode: "10001",
  price: { salePrice: 9000 },
  displayCategoryNos: [77],
  saleStatusType: "ONSALE",
  optionType: "COMBINATION",
  option: {
    options: [
      {
        optionName: "사이즈|용지",
        optionValue: "90x50|아트지",
        addPrice: 0,
        stockQuantity: 999_999,
        managementCode: "10001-100-a",
        usable: true
      },
      {
        optionName: "사이즈|용지",
        optionValue: "90x50|스노우지",
        addPrice: 1500,
        stockQuantity: 999_999,
        managementCode: "10001-100-b",
        usable: true
      }
    ]
  }
} as const

const paidOrder = {
  orderNo: "202611210900000001",
  ordererName: "이수민",
  ordererEmail: "sumin@example.com",
  ordererContact1: "010-0000-0000",
  lastPayAmt: 21_000,
  deliveryGroups: [
    {
      shippingNo: "7000001",
      invoiceNo: null,
      orderProducts: [
        {
          mallProductNo: 120_000_001,
          orderProductOptions: [
            {
              orderStatusType: "PAY_DONE",
              optionManagementCd: "10001-100-b",
              optionName: "사이즈|용지",
              optionValue: "90x50|스노우지",
              orderCnt: 2,
              salePrice: 9000,
              addPrice: 1500
            }
          ]
        }
      ]
    }
  ]
}

const seenOf = (...statuses: ReadonlyArray<string>) =>
  Effect.map(Schema.decodeEffect(SeenOrderFromShopby)(paidOrder), (seen): SeenOrder => {
    const line = seen.parcels[0]?.lines[0]
    assert(line !== undefined)
    return {
      ...seen,
      parcels: [{ shippingNo: "1", trackingNumber: "T-1", lines: statuses.map((status) => ({ ...line, status })) }]
    }
  })

describe("ShopbyMapper", () => {
  it.effect.prop("a listing survives the way to the shop and back", [ShopListing], ([one]) =>
    roundTrip(ListingFromShopby)(listing(one))
  )

  it.effect.prop("so do its changes", [ListingChanges], ([changes]) =>
    roundTrip(ListingChangesFromShopby)(changes.options?.rows.length === 0 ? { ...changes, options: null } : changes)
  )

  it.effect.prop("the changes from what is confirmed lead to what is wanted", [ShopListing, ShopListing], ([a, b]) =>
    Effect.sync(() => {
      const { managementCode, onSale } = b
      assert.deepStrictEqual({ ...a, ...changesOf(b, a), managementCode, onSale }, b)
      assert.deepStrictEqual(changesOf(b, b), {})
      assert.deepStrictEqual(Object.keys(changesOf(b, null)).length, 4)
    })
  )

  it.effect.prop("news of parcels survive", [ParcelNotice], ([notice]) => roundTrip(ParcelNoticeFromShopby)(notice))

  it.effect.prop("the state of a sale survives", [Schema.Boolean], ([onSale]) =>
    roundTrip(OnSaleFromShopby)({ onSale })
  )

  it.effect.prop("times survive", [Seconds], ([seconds]) =>
    Effect.all([roundTrip(KstIso)(seconds), roundTrip(KstYmdt)(seconds)])
  )

  it.effect("reads Korean time as it comes", () =>
    Effect.gen(function* () {
      for (const text of ["1970-01-01T09:00:01", "1970-01-01 09:00:01", "1970-01-01T09:00:01.999"]) {
        assert.strictEqual(yield* Schema.decodeEffect(KstIso)(text), 1)
      }
      assert.strictEqual(yield* Schema.encodeEffect(KstIso)(1), "1970-01-01T09:00:01")
      assert.strictEqual(yield* Schema.encodeEffect(KstYmdt)(1), "1970-01-01 09:00:01")
      for (const text of ["1799", "2026-13-01T00:00:00", "2026-01-01T00:00:00Z"]) {
        yield* Effect.flip(Schema.decodeEffect(KstIso)(text))
      }
    })
  )

  it.effect("AC-SHOPBY-005 writes a product as section 8.2 has it: code, name, category, price, options", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* same(ListingFromShopby, newCard), card)
      const { option: _options, ...plain } = newCard
      const none = { ...plain, optionType: "NONE" } as const
      assert.deepStrictEqual(yield* same(ListingFromShopby, none), { ...card, options: null })
    })
  )

  it.effect("AC-SHOPBY-002 writes only what changed", () =>
    Effect.gen(function* () {
      const encode = Schema.encodeEffect(ListingChangesFromShopby)
      assert.deepStrictEqual(yield* encode(changesOf({ ...card, salePrice: 8000 }, card)), { salePrice: 8000 })
      assert.deepStrictEqual(yield* encode(changesOf({ ...card, options: null }, card)), { options: [] })
      assert.deepStrictEqual(yield* encode(changesOf(card, { ...card, options: null })), {
        options: newCard.option.options
      })
    })
  )

  it.effect("AC-SHOPBY-004 writes news of parcels as section 8.2 has it", () =>
    Effect.gen(function* () {
      yield* same(ParcelNoticeFromShopby, {
        orderStatusType: "DELIVERY_ING",
        changeStatusList: [
          { shippingNo: "1", deliveryCompanyType: "CJ", invoiceNo: "T-1" },
          { shippingNo: "2", deliveryCompanyType: "CJ", invoiceNo: "T-1" }
        ]
      })
      yield* same(ParcelNoticeFromShopby, {
        orderStatusType: "PRODUCT_PREPARE",
        changeStatusList: [{ shippingNo: "1" }]
      })
    })
  )

  it.effect("AC-SHOPBY-006 reads an order: number, product number, options by code and name, amount", () =>
    Effect.gen(function* () {
      const seen = yield* same(SeenOrderFromShopby, paidOrder)
      assert.strictEqual(statusOf(seen), "PAY_DONE")
      assert.deepStrictEqual(
        shopOrderOf(seen),
        Option.some({
          orderNo: "202611210900000001",
          orderAmount: 21_000,
          orderer: { name: "이수민", email: "sumin@example.com", phone: "010-0000-0000" },
          shippingNo: "7000001",
          items: [
            {
              productNo: 120_000_001,
              quantity: 2,
              price: 10_500,
              optionManagementCd: "10001-100-b",
              optionValues: [
                { name: "사이즈", value: "90x50" },
                { name: "용지", value: "스노우지" }
              ]
            }
          ]
        })
      )
    })
  )

  it.effect(
    "AC-SHOPBY-006 reads an order that tells less: numbers as numbers, no names, the amount from the lines",
    () =>
      Effect.gen(function* () {
        const seen = yield* Schema.decodeEffect(SeenOrderFromShopby)({
          orderNo: 77,
          ordererEmail: " ",
          deliveryGroups: [
            {
              shippingNo: 1,
              orderProducts: [
                {
                  mallProductNo: 5,
                  orderProductOptions: [{ orderStatusType: "PAY_DONE", orderCnt: 3, salePrice: 100 }]
                },
                {
                  mallProductNo: 6,
                  orderProductOptions: [{ orderStatusType: "CANCEL_DONE", orderCnt: 1, salePrice: 9 }]
                }
              ]
            }
          ]
        })
        assert.isTrue(isPartlyCancelled(seen))
        assert.deepStrictEqual(Option.getOrNull(shopOrderOf(seen)), {
          orderNo: "77",
          orderAmount: 300,
          orderer: { name: "-" },
          shippingNo: "1",
          items: [{ productNo: 5, quantity: 3, price: 100 }]
        })
      })
  )

  it.effect("the status of an order is that of its least advanced line that is not cancelled", () =>
    Effect.gen(function* () {
      const status = (...statuses: ReadonlyArray<string>) => Effect.map(seenOf(...statuses), statusOf)
      assert.strictEqual(yield* status("DELIVERY_ING", "PAY_DONE", "CANCEL_DONE"), "PAY_DONE")
      assert.strictEqual(yield* status("CANCEL_DONE", "PAY_CANCEL"), "CANCEL_DONE")
      assert.strictEqual(yield* status("EXCHANGE_WAIT"), "EXCHANGE_WAIT")
      assert.strictEqual(yield* status(), null)
      assert.deepStrictEqual(["DEPOSIT_WAIT", "PAY_DONE", "PRODUCT_PREPARE", "CANCEL_DONE", null].map(beginningOf), [
        "PENDING",
        "CONFIRMED",
        null,
        null,
        null
      ])
      const seen = yield* seenOf("DELIVERY_ING", "DELIVERY_ING")
      assert.isTrue(shows(seen, { status: "DELIVERY_ING", trackingNumber: "T-1" }))
      assert.isTrue(shows(seen, { status: "DELIVERY_ING", trackingNumber: null }))
      assert.isFalse(shows(seen, { status: "DELIVERY_ING", trackingNumber: "T-2" }))
      assert.isFalse(shows(yield* seenOf("DELIVERY_ING", "PAY_DONE"), { status: "PAY_DONE", trackingNumber: null }))
    })
  )

  it("AC-SHOPBY-008 tells a failure inside a 200 that may pass from one that stays", () => {
    const answer = (errorCode: string) => ({
      status: 200,
      headers: Headers.empty,
      body: { successCount: 0, failCount: 1, failures: [{ errorCode, errorMessage: "…" }] }
    })
    const tags = (...codes: ReadonlyArray<string>) => codes.map((code) => verdictOf(answer(code))?._tag)
    assert.deepStrictEqual(tags("OD0010", "PD0500", "404"), [undefined, undefined, undefined])
    assert.deepStrictEqual(tags("503", "TIMEOUT", "OD_TEMPORARY"), ["Transient", "Transient", "Transient"])
    assert.deepInclude(verdictOf({ status: 400, headers: Headers.empty, body: { code: "PD0400", message: "no" } }), {
      _tag: "Rejected",
      code: "PD0400"
    })
    assert.isUndefined(verdictOf({ status: 200, headers: Headers.empty, body: { mallProductNo: 1 } }))
  })
})
