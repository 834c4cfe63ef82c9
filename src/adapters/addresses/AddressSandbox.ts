/**
 * The two sources of addresses in the process: their contracts, implemented over a small country of its own. Mounted as the
 * transport in sandbox mode.
 *
 * Roads and districts are real, the buildings and their postal codes follow from the seed. A keyword finds the addresses
 * that have all its words, in the road address, the lot, the building's name or the postal code; so most find nothing, as
 * in life. Makes no faults of its own (see `ProviderSandbox`) and checks no key.
 */
import { Effect, Layer, Schema } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { type Address, type AddressPage, lastPageOf, PostalCode } from "../../domain/Address.ts"
import * as InProcessClient from "../../services/integrations/InProcessClient.ts"
import { numberOf } from "../../services/providers/ProviderSandbox.ts"
import { JusoContract, KakaoContract } from "./AddressContract.ts"
import { pageFromJuso, pageFromKakao } from "./AddressMapper.ts"

/** Makes the simulator's transport. */
export const make = Effect.fnUntraced(function* (seed: string) {
  // Built when it is asked for the first time: in live mode never.
  const country = yield* Effect.cached(Effect.forEach(roads, (road) => streetOf(seed, road)))

  /** A page of what a keyword finds. */
  const search = Effect.fnUntraced(function* (keyword: string, page: number, size: number) {
    const words = keyword.normalize("NFC").toLowerCase().split(/\s+/)
    const found = (yield* country).flat().filter(({ text }) => words.every((word) => text.includes(word)))
    const result: AddressPage = {
      addresses: found.slice((page - 1) * size, page * size).map(({ address }) => address),
      page,
      lastPage: lastPageOf(found.length),
      total: found.length
    }
    return result
  })

  const kakao = HttpApiBuilder.group(KakaoContract, "addresses", (handlers) =>
    handlers.handle(
      "search",
      Effect.fnUntraced(function* ({ query: { page, query, size } }) {
        // As Kakao does it: beyond the end comes the last page again.
        const { total } = yield* search(query, 1, size)
        const last = Math.max(1, Math.ceil(total / size))
        const found = yield* search(query, Math.min(page, last), size)
        return yield* Effect.orDie(Schema.encodeEffect(pageFromKakao(page))(found))
      })
    )
  )
  const juso = HttpApiBuilder.group(JusoContract, "addresses", (handlers) =>
    handlers.handle("search", ({ query: { countPerPage, currentPage, keyword } }) =>
      search(keyword, currentPage, countPerPage).pipe(
        Effect.flatMap(Schema.encodeEffect(pageFromJuso(currentPage))),
        Effect.orDie
      )
    )
  )

  const routes = Layer.mergeAll(
    HttpApiBuilder.layer(KakaoContract).pipe(Layer.provide(kakao)),
    HttpApiBuilder.layer(JusoContract).pipe(Layer.provide(juso))
  ).pipe(Layer.provide(HttpServer.layerServices))
  return InProcessClient.fromHttpEffect(yield* HttpRouter.toHttpEffect(routes))
})

/** City and district; road; neighbourhood; first and last postal code. */
const roads = [
  ["서울특별시 강남구", "테헤란로", "역삼동", 6123, 6193],
  ["서울특별시 강남구", "강남대로", "논현동", 6110, 6129],
  ["서울특별시 서초구", "서초대로", "서초동", 6590, 6657],
  ["서울특별시 종로구", "세종대로", "세종로", 3154, 3187],
  ["서울특별시 종로구", "종로", "관철동", 3188, 3199],
  ["서울특별시 중구", "을지로", "을지로2가", 4521, 4564],
  ["서울특별시 마포구", "월드컵북로", "상암동", 3922, 3929],
  ["서울특별시 영등포구", "여의대로", "여의도동", 7320, 7345],
  ["서울특별시 송파구", "올림픽로", "잠실동", 5500, 5554],
  ["경기도 성남시 분당구", "판교역로", "백현동", 13486, 13531],
  ["경기도 수원시 영통구", "광교중앙로", "이의동", 16509, 16514],
  ["경기도 고양시 일산동구", "중앙로", "장항동", 10401, 10413],
  ["인천광역시 연수구", "컨벤시아대로", "송도동", 21984, 22014],
  ["강원특별자치도 춘천시", "중앙로", "중앙로1가", 24266, 24271],
  ["강원특별자치도 강릉시", "경강로", "교동", 25510, 25546],
  ["강원특별자치도 원주시", "원일로", "일산동", 26420, 26439],
  ["대전광역시 유성구", "대학로", "어은동", 34133, 34141],
  ["대구광역시 중구", "동성로", "동성로2가", 41938, 41945],
  ["부산광역시 해운대구", "센텀중앙로", "우동", 48058, 48060],
  ["부산광역시 부산진구", "중앙대로", "부전동", 47243, 47296],
  ["광주광역시 서구", "상무중앙로", "치평동", 61949, 61963],
  ["제주특별자치도 제주시", "연북로", "노형동", 63082, 63127]
] as const

const buildings = ["빌딩", "타워", "센터", "아파트", "프라자", "", "", ""] as const

const streetOf = (seed: string, [district, road, neighbourhood, first, last]: (typeof roads)[number]) =>
  Effect.forEach(
    Array.from({ length: 24 }, (_, index) => String(index)),
    (index) =>
      Effect.gen(function* () {
        const draw = (what: string) => numberOf(seed, district, road, index, what)
        const number = Number(index) * 7 + 1 + Math.floor((yield* draw("number")) * 7)
        const kind = buildings[Math.floor((yield* draw("kind")) * buildings.length)] ?? ""
        const code = first + Math.floor((yield* draw("code")) * (last - first + 1))
        const lot = `${district} ${neighbourhood} ${100 + number}`
        const address: Address = {
          postalCode: PostalCode.make(String(code).padStart(5, "0")),
          address: `${district} ${road} ${number}`,
          detail: kind === "" ? "" : `${neighbourhood}${number}${kind}`
        }
        return { address, text: [address.address, lot, address.detail, address.postalCode].join(" ").toLowerCase() }
      })
  )
