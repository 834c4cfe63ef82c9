/**
 * What the hub uses of the two sources of addresses (provider integrations, section 2). Pure wire shapes;
 * `AddressMapper` says what they mean to the hub, `AddressFailure` what their errors mean.
 *
 * Kakao wants its key in `Authorization: KakaoAK …`, Juso in the query (`confmKey`); the outbound client adds them.
 */
import { Schema, SchemaTransformation } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"

const words = Schema.optionalKey(Schema.NullOr(Schema.String))
const count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
const countFromText = Schema.String.check(Schema.isPattern(/^\d{1,9}$/)).pipe(
  Schema.decodeTo(count, SchemaTransformation.transform({ decode: Number, encode: String }))
)

/** Kakao: `road_address` is null where nothing is built, `address` where there is no lot. */
export const KakaoPage = Schema.Struct({
  meta: Schema.Struct({ total_count: count, pageable_count: Schema.optionalKey(count) }),
  documents: Schema.Array(
    Schema.Struct({
      address_name: words,
      road_address: Schema.optionalKey(
        Schema.NullOr(Schema.Struct({ address_name: words, zone_no: words, building_name: words }))
      ),
      address: Schema.optionalKey(Schema.NullOr(Schema.Struct({ address_name: words })))
    })
  )
})

export const KakaoContract = HttpApi.make("kakao-local").add(
  HttpApiGroup.make("addresses").add(
    HttpApiEndpoint.get("search", "/v2/local/search/address.json", {
      query: {
        query: Schema.String,
        /** From 1 to 45. A page beyond the end is answered with the last page. */
        page: Schema.FiniteFromString,
        /** At most 30. */
        size: Schema.FiniteFromString
      },
      success: KakaoPage
    })
  )
)

/** Juso: numbers are text. `juso` is null beside an error. */
export const JusoPage = Schema.Struct({
  results: Schema.Struct({
    common: Schema.Struct({
      /** `0` = well. */
      errorCode: Schema.String,
      errorMessage: words,
      totalCount: Schema.Union([countFromText, count])
    }),
    juso: Schema.NullOr(Schema.Array(Schema.Struct({ roadAddr: words, jibunAddr: words, zipNo: words, bdNm: words })))
  })
})

export const JusoContract = HttpApi.make("juso").add(
  HttpApiGroup.make("addresses").add(
    HttpApiEndpoint.get("search", "/addrlink/addrLinkApi.do", {
      query: {
        keyword: Schema.String,
        currentPage: Schema.FiniteFromString,
        countPerPage: Schema.FiniteFromString,
        resultType: Schema.Literal("json")
      },
      success: JusoPage
    })
  )
)
