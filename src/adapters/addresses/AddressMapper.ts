/**
 * Pages of addresses ↔ what the two sources write (provider integrations, section 2). Pure.
 *
 * The road address counts, else the one by lot; a result with neither is left out. A postal code that is not five digits
 * is none: six digits are of the old system and mean something else. Neither answer says which page it is, so the caller
 * does. On the way out (for the simulators) an address without a postal code becomes one by lot.
 */
import { Schema, SchemaTransformation } from "effect"
import { type Address, AddressPage, lastPageOf, PostalCode } from "../../domain/Address.ts"
import { JusoPage, KakaoPage } from "./AddressContract.ts"

const Page = Schema.toType(AddressPage)

/** The page of this number ↔ answer of Kakao. */
export const pageFromKakao = (page: number) =>
  KakaoPage.pipe(
    Schema.decodeTo(
      Page,
      SchemaTransformation.transform<AddressPage, typeof KakaoPage.Type>({
        decode: ({ documents, meta }) => ({
          addresses: documents.flatMap(({ address, address_name, road_address }) =>
            addressOf({
              road: road_address?.address_name,
              lot: address?.address_name ?? address_name,
              code: road_address?.zone_no,
              building: road_address?.building_name
            })
          ),
          page,
          lastPage: lastPageOf(meta.pageable_count ?? meta.total_count),
          total: meta.total_count
        }),
        encode: ({ addresses, total }) => ({
          meta: { total_count: total, pageable_count: total, is_end: lastPageOf(total) <= page },
          documents: addresses.map(({ address, detail, postalCode }) => ({
            address_name: address,
            road_address:
              postalCode === null ? null : { address_name: address, zone_no: postalCode, building_name: detail },
            address: postalCode === null ? { address_name: address } : null
          }))
        })
      })
    )
  )

/** The page of this number ↔ answer of Juso. */
export const pageFromJuso = (page: number) =>
  Schema.toType(JusoPage).pipe(
    Schema.decodeTo(
      Page,
      SchemaTransformation.transform<AddressPage, typeof JusoPage.Type>({
        decode: ({ results: { common, juso } }) => ({
          addresses: (juso ?? []).flatMap(({ bdNm, jibunAddr, roadAddr, zipNo }) =>
            addressOf({ road: roadAddr, lot: jibunAddr, code: zipNo, building: bdNm })
          ),
          page,
          lastPage: lastPageOf(common.totalCount),
          total: common.totalCount
        }),
        encode: ({ addresses, total }) => ({
          results: {
            common: { errorCode: "0", errorMessage: "정상", totalCount: total },
            juso: addresses.map(({ address, detail, postalCode }) => ({
              roadAddr: postalCode === null ? "" : address,
              jibunAddr: address,
              zipNo: postalCode ?? "",
              bdNm: detail
            }))
          }
        })
      })
    )
  )

const isPostalCode = Schema.is(PostalCode)

const addressOf = (written: {
  readonly road: string | null | undefined
  readonly lot: string | null | undefined
  readonly code: string | null | undefined
  readonly building: string | null | undefined
}): ReadonlyArray<Address> => {
  const address = clean(written.road) || clean(written.lot)
  const code = clean(written.code)
  return address === ""
    ? []
    : [{ postalCode: isPostalCode(code) ? code : null, address, detail: clean(written.building) }]
}

/** Control characters have no place in an address, and databases refuse some. */
const clean = (text: string | null | undefined): string =>
  (text ?? "")
    .replace(/[\p{Cc}\p{Cs}]+/gu, " ")
    .trim()
    .normalize("NFC")
