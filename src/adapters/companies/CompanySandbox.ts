/**
 * Nice D&B in the process: its two endpoints, implemented. Mounted as the transport in sandbox mode.
 *
 * A company follows from the seed and its number alone: one in ten is not known, one in ten suspended, one in ten closed.
 * Tokens are checked and run out after an hour; credentials are not checked. Makes no faults of its own (see
 * `ProviderSandbox`).
 */
import { Clock, Effect, Layer } from "effect"
import { HttpRouter, HttpServer, HttpServerRequest, HttpServerResponse } from "effect/http"
import * as InProcessClient from "../../services/integrations/InProcessClient.ts"
import { numberOf } from "../../services/providers/ProviderSandbox.ts"
import { type CompanyBody, companyPath, CompanyRequest, tokenPath, TokenRequest } from "./CompanyContract.ts"

const lifetime = 3600

/** Makes the simulator's transport. */
export const make = Effect.fnUntraced(function* (seed: string) {
  const token = HttpRouter.add(
    "POST",
    tokenPath,
    Effect.gen(function* () {
      yield* HttpServerRequest.schemaBodyJson(TokenRequest)
      const ends = Math.floor((yield* Clock.currentTimeMillis) / 1000) + lifetime
      // As text, as the vendor sometimes does.
      return HttpServerResponse.jsonUnsafe({ accessToken: `sandbox-${ends}`, expiresIn: String(lifetime) })
    }).pipe(Effect.orElseSucceed(() => refused))
  )
  const company = HttpRouter.add(
    "POST",
    companyPath,
    Effect.gen(function* () {
      const { authorization = "" } = (yield* HttpServerRequest.HttpServerRequest).headers
      const ends = Number(/^Bearer sandbox-(\d+)$/.exec(authorization)?.[1] ?? 0)
      if ((yield* Clock.currentTimeMillis) >= ends * 1000) return runOut
      const { bizNo } = yield* HttpServerRequest.schemaBodyJson(CompanyRequest)
      const dataBody = yield* companyOf(seed, bizNo)
      return HttpServerResponse.jsonUnsafe(
        dataBody === null
          ? { dataHeader: { resCd: "1", resMsg: "조회 결과가 없습니다" }, dataBody }
          : { dataHeader: { resCd: "0", resMsg: "" }, dataBody }
      )
    }).pipe(Effect.orElseSucceed(() => refused))
  )
  const app = Layer.mergeAll(token, company).pipe(Layer.provide(HttpServer.layerServices))
  return InProcessClient.fromHttpEffect(yield* HttpRouter.toHttpEffect(app))
})

const refused = HttpServerResponse.jsonUnsafe({ dataHeader: { resCd: "2", resMsg: "parameter" } }, { status: 400 })

const runOut = HttpServerResponse.jsonUnsafe({ code: "NOAG1002", message: "token" }, { status: 503 })

const families = ["김", "이", "박", "최", "정", "강", "조", "윤"]
const givens = ["민준", "서연", "도윤", "지우", "하은", "준서", "수아", "현우"]
const words = ["한빛", "강원", "설악", "동해", "소양", "백두", "누리", "다온"]
const industries = ["인쇄업", "소프트웨어 개발 및 공급업", "식료품 제조업", "숙박업", "건설업", "도매업"]
const grades = ["AA", "A", "BBB", "BB", "B"]
const districts = [
  ["24266", "강원특별자치도 춘천시 중앙로"],
  ["25510", "강원특별자치도 강릉시 경강로"],
  ["26420", "강원특별자치도 원주시 원일로"]
] as const

const companyOf = Effect.fnUntraced(function* (seed: string, bizNo: string) {
  const draw = (what: string) => numberOf(seed, bizNo, what)
  const pick = <A>(what: string, from: ReadonlyArray<A>) =>
    Effect.map(draw(what), (share) => from[Math.floor(share * from.length)] ?? null)
  const fate = yield* draw("fate")
  if (fate < 0.1) return null
  const [zip, street] = (yield* pick("district", districts)) ?? districts[0]
  const sales = 100_000 + Math.floor((yield* draw("sales")) * 50_000_000)
  const margin = (yield* draw("margin")) - 0.3
  const assets = Math.floor(sales * (0.5 + (yield* draw("assets"))))
  const debt = Math.floor(assets * (yield* draw("debt")))
  const body: CompanyBody = {
    bizNo,
    cmpNm: `(주)${yield* pick("name", words)}${yield* pick("trade", ["산업", "소프트", "유통", "프린팅"])}`,
    ceoNm: `${yield* pick("family", families)}${yield* pick("given", givens)}`,
    stt: fate < 0.2 ? "2" : fate < 0.3 ? "3" : null,
    estbDate: `${1990 + Math.floor((yield* draw("year")) * 33)}0${1 + Math.floor((yield* draw("month")) * 9)}15`,
    indNm: yield* pick("industry", industries),
    criGrd: yield* pick("grade", grades),
    salesAmt: String(sales),
    opprIcAmt: String(Math.floor(sales * margin * 0.2)),
    shEqAmt: String(assets - debt),
    debtAmt: String(debt),
    assetAmt: String(assets),
    zip,
    addr1: `${street} ${1 + Math.floor((yield* draw("house")) * 200)}`,
    addr2: `${1 + Math.floor((yield* draw("floor")) * 9)}층`
  }
  return body
})
