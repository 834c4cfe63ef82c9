/**
 * Airports that the hub knows: those of Korea, and those abroad that flights from Korea go to. Codes are IATA's; the
 * Korean names are as Korean timetables write them, the usual one first.
 *
 * A code that is not here is refused without asking anyone; adding an airport is adding its line.
 */
import { Option, Schema, SchemaTransformation } from "effect"

/** IATA code of a known airport, e.g. `GMP`. */
export const AirportCode = Schema.String.check(
  Schema.makeFilter((value: string) => names.has(value) || "the IATA code of a known airport, e.g. GMP", {
    toJsonSchema: () => ({ pattern: "^[A-Z]{3}$" }),
    arbitraryConstraint: { patterns: [{ source: "^(GMP|CJU|PUS|ICN|TAE|NRT)$", flags: "" }] }
  })
).pipe(Schema.brand("AirportCode"))
export type AirportCode = typeof AirportCode.Type

/** As people type it: `gmp` is `GMP`. */
export const AirportCodeFromText = Schema.String.pipe(
  Schema.decodeTo(
    AirportCode,
    SchemaTransformation.transform({ decode: (value) => value.trim().toUpperCase(), encode: (value) => value })
  )
)

/** The airport that a timetable means by a code or a Korean name: `GMP`, `김포`, `서울/김포`, `김포국제공항`. */
export const airportOf = (text: string): Option.Option<AirportCode> => {
  const written = text.normalize("NFC").replace(/\s+/gu, "")
  return Option.orElse(byName(written), () => {
    // `서울/김포`, `서울(김포)`, `도쿄/나리타`: the more particular part decides.
    const particular = /^[^/(]+[/(]([^/()]+)\)?$/u.exec(written)?.[1]
    return particular === undefined ? Option.none() : byName(particular)
  })
}

/** The usual Korean name. */
export const koreanNameOf = (airport: AirportCode): string => names.get(airport)?.[0] ?? airport

const table = `
GMP 김포 서울(김포)|ICN 인천 서울(인천)|CJU 제주|PUS 김해 부산 부산(김해)|TAE 대구|CJJ 청주|KWJ 광주|MWX 무안|RSU 여수|USN 울산
KPO 포항경주 포항 포항(경주)|HIN 사천 진주|KUV 군산|WJU 원주|YNY 양양
NRT 나리타|HND 하네다|KIX 간사이 오사카 오사카(간사이)|ITM 이타미|NGO 나고야|FUK 후쿠오카|CTS 삿포로|OKA 오키나와|KMJ 구마모토
OIT 오이타|HIJ 히로시마|SDJ 센다이|TAK 다카마쓰 다카마츠|MYJ 마쓰야마 마츠야마|KMQ 고마쓰 고마츠|AOJ 아오모리|KOJ 가고시마|KMI 미야자키
NGS 나가사키|HSG 사가|FSZ 시즈오카|OKJ 오카야마|YGJ 요나고|UKB 고베|KKJ 기타큐슈|SHI 시모지시마|ISG 이시가키
PEK 베이징|PKX 다싱|PVG 푸둥 푸동|SHA 훙차오 홍차오|CAN 광저우|SZX 선전 심천|TSN 톈진 천진|TAO 칭다오 청도|DLC 다롄 대련|SHE 선양 심양
YNJ 옌지 연길|HRB 하얼빈|CGQ 창춘 장춘|XIY 시안 서안|CKG 충칭 중경|TFU 청두 성도|HGH 항저우|NKG 난징 남경|XMN 샤먼|WUH 우한
CSX 창사 장사|DYG 장자제 장가계|KMG 쿤밍 곤명|WEH 웨이하이 위해|YNT 옌타이 연태|TNA 지난 제남|SYX 싼야|KWL 구이린 계림
HKG 홍콩|MFM 마카오|TPE 타오위안 타이베이|TSA 쑹산 송산|KHH 가오슝 카오슝|RMQ 타이중|UBN 울란바토르
BKK 수완나품 방콕|DMK 돈므앙|CNX 치앙마이|HKT 푸껫 푸켓|SGN 호찌민 호치민|HAN 하노이|DAD 다낭|CXR 나트랑 냐짱|PQC 푸꾸옥|DLI 달랏
HPH 하이퐁|MNL 마닐라|CEB 세부|CRK 클라크|KLO 칼리보|TAG 보홀|SIN 싱가포르|KUL 쿠알라룸푸르|BKI 코타키나발루|PEN 페낭
CGK 자카르타|DPS 발리 덴파사르|PNH 프놈펜|VTE 비엔티안|LPQ 루앙프라방|RGN 양곤|KTM 카트만두|DEL 델리|BOM 뭄바이|CMB 콜롬보|MLE 말레
TAS 타슈켄트|ALA 알마티|NQZ 아스타나|DXB 두바이|AUH 아부다비|DOH 도하|IST 이스탄불|TLV 텔아비브|CAI 카이로|ADD 아디스아바바
VVO 블라디보스토크|SVO 모스크바|LHR 런던|CDG 파리|FRA 프랑크푸르트|MUC 뮌헨|FCO 로마|MXP 밀라노|MAD 마드리드|BCN 바르셀로나
LIS 리스본|AMS 암스테르담|ZRH 취리히|VIE 빈 비엔나|PRG 프라하|BUD 부다페스트|WAW 바르샤바|HEL 헬싱키|CPH 코펜하겐|ATH 아테네
GUM 괌|SPN 사이판|HNL 호놀룰루|LAX 로스앤젤레스|SFO 샌프란시스코|SEA 시애틀|LAS 라스베이거스|JFK 뉴욕|EWR 뉴어크|IAD 워싱턴
ORD 시카고|ATL 애틀랜타|DFW 댈러스|BOS 보스턴|DTW 디트로이트|MSP 미니애폴리스|YVR 밴쿠버|YYZ 토론토|MEX 멕시코시티|GRU 상파울루
SYD 시드니|MEL 멜버른|BNE 브리즈번|AKL 오클랜드`

const names: ReadonlyMap<string, ReadonlyArray<string>> = new Map(
  table
    .trim()
    .split(/[|\n]/)
    .map((line) => {
      const [code = "", ...spelled] = line.split(" ")
      return [code, spelled]
    })
)

const codes: ReadonlyMap<string, string> = new Map(
  Array.from(names).flatMap(([code, spelled]) => [code, ...spelled].map((name) => [name, code] as const))
)

const decode = Schema.decodeUnknownOption(AirportCode)

const byName = (written: string): Option.Option<AirportCode> =>
  decode(codes.get(written.toUpperCase()) ?? codes.get(written.replace(/(국제)?공항$/u, "")))
