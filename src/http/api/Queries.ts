/**
 * What lists and paths have in common. Numbers in a URL are plain decimal digits: `1e3`, `0x10`, ` 1` and `+1` are 400.
 */
import { Effect, Option, Schema, SchemaGetter, SchemaTransformation } from "effect"
import type { Page } from "../../domain/Page.ts"
import { text } from "../../domain/Text.ts"

const digits = Schema.String.check(Schema.isPattern(/^\d{1,10}$/, { expected: "decimal digits" }))

/** An integer of the domain, written in digits. */
export const fromDigits = <S extends Schema.Codec<number, number>>(to: S) =>
  digits.pipe(Schema.decodeTo(to, SchemaTransformation.transform({ decode: Number, encode: String })))

/** `true` or `false` */
export const Flag = Schema.Literals(["true", "false"]).transform([true, false])

/** A filter of a list, by its text in the URL; left out, or empty as in `?q=&page=2`, it does not filter. */
export const filter = <S extends Schema.Codec<unknown, string>>(schema: S) =>
  Schema.optionalKey(Schema.String).pipe(
    Schema.decodeTo(Schema.optionalKey(schema), {
      decode: SchemaGetter.transformOptional(Option.filter((value: string) => value !== "")),
      encode: SchemaGetter.passthrough()
    })
  )

/** What a list is searched for: part of a name or a code. */
export const SearchText = text(200)

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** Query of every list: `page` from 1 (default 1), `limit` from 1 to 100 (default 20). */
export const pageQuery = {
  page: fromDigits(between(1, 10_000_000)).pipe(Schema.withDecodingDefaultKey(Effect.succeed("1"))),
  limit: fromDigits(between(1, 100)).pipe(Schema.withDecodingDefaultKey(Effect.succeed("20")))
}

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

/** Body of every list. */
export const list = <S extends Schema.Top>(item: S) =>
  Schema.Struct({
    data: Schema.Array(item),
    meta: Schema.Struct({ page: Count, limit: Count, total: Count, totalPages: Count })
  })

/** The body of a list for a page of results. */
export const listOf =
  ({ limit, page }: { readonly page: number; readonly limit: number }) =>
  <A>(found: Page<A>) => ({
    data: found.data,
    meta: { page, limit, total: found.total, totalPages: Math.ceil(found.total / limit) }
  })

/** The body of a list that is never long. */
export const asData = <A>(data: ReadonlyArray<A>) => ({ data })
