/** Korean addresses as a search finds them (provider integrations, section 2), and what may be searched for. */
import { Schema, SchemaTransformation } from "effect"

/** Five digits, as Korea has them since 2015. */
export const PostalCode = Schema.String.check(
  Schema.isPattern(/^\d{5}$/, { expected: "a postal code of five digits" })
).pipe(Schema.brand("PostalCode"))
export type PostalCode = typeof PostalCode.Type

export const Address = Schema.Struct({
  /** Null: what was found is a district or a lot that its source gives no code for. */
  postalCode: Schema.NullOr(PostalCode),
  /** The road address, else the address by lot. */
  address: Schema.String.check(Schema.isMinLength(1)),
  /** The building's name; empty where it has none. */
  detail: Schema.String
})
export type Address = typeof Address.Type

/** Addresses on a page. */
export const pageSize = 10

/** No search can be read further than this, whatever it finds. */
export const maxPage = 45

/** From 1. */
export const AddressPageNumber = Schema.Int.check(
  Schema.isBetween({ minimum: 1, maximum: maxPage }, { expected: `a page from 1 to ${maxPage}` })
)

/** One page of what a search found; none is an answer. */
export const AddressPage = Schema.Struct({
  addresses: Schema.Array(Address),
  page: AddressPageNumber,
  /** The last page that can be asked for; 1 when nothing was found. */
  lastPage: AddressPageNumber,
  /** Found in all; more than the pages show when there are very many. */
  total: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
})
export type AddressPage = typeof AddressPage.Type

/** The last page of a search that found so many. */
export const lastPageOf = (total: number): number => Math.min(maxPage, Math.max(1, Math.ceil(total / pageSize)))

/** What lies under a postal code; empty = nobody knows the code. */
export const PostalCodeDetail = Schema.Struct({ postalCode: PostalCode, addresses: Schema.Array(Address) })
export type PostalCodeDetail = typeof PostalCodeDetail.Type

const maxLength = 100

const problemOf = (value: string): string | undefined => {
  if (/[\p{Cc}\p{Cs}\p{Co}\p{Cn}\u2028\u2029]/u.test(value)) return "a keyword without control characters"
  const length = [...value].length
  return length >= 2 && length <= maxLength ? undefined : `a keyword of 2 to ${maxLength} characters`
}

/** What addresses are searched by: 2 to 100 characters, none of them a control character. */
export const AddressKeyword = Schema.String.check(
  Schema.makeFilter((value: string) => problemOf(value), {
    expected: `a keyword of 2 to ${maxLength} characters`,
    toJsonSchema: () => ({ minLength: 2, maxLength }),
    arbitraryConstraint: { minLength: 2, maxLength }
  })
).pipe(Schema.brand("AddressKeyword"))
export type AddressKeyword = typeof AddressKeyword.Type

/** As people type it: composed, without what cannot be seen, blanks around it, or more than one between words. */
export const AddressKeywordFromText = Schema.String.pipe(
  Schema.decodeTo(
    AddressKeyword,
    SchemaTransformation.transform({
      decode: (value) =>
        value
          .normalize("NFC")
          .replace(/\p{Cf}+/gu, "")
          .replace(/[ \u00a0\u3000]+/gu, " ")
          .trim(),
      encode: (value) => value
    })
  )
)
