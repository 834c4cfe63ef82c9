/**
 * From a record of Nice D&B to the hub's terms. Pure; what is not said, or cannot be read, is null: no date, no amount and no
 * state is guessed. Thousands of won become won, exactly.
 *
 * Lost on purpose: fields that the hub does not use, and the way back; the hub never writes a record.
 */
import { BigDecimal, Option } from "effect"
import type { BusinessNumber } from "../../domain/BusinessNumber.ts"
import * as CalendarDate from "../../domain/CalendarDate.ts"
import type { Company, CompanyState } from "../../domain/Company.ts"
import type { CompanyBody } from "./CompanyContract.ts"

type Field = string | number | null | undefined

/** Is the record about this company? One that names no number answers what was asked. */
export const isAbout = (body: CompanyBody, businessNumber: BusinessNumber): boolean => {
  const named = textOf(body.bizNo)
  return named === null || named.replace(/[\s-]/g, "") === businessNumber
}

/** Does the record say anything at all? */
export const isEmpty = (body: CompanyBody): boolean => textOf(body.cmpNm) === null && textOf(body.ceoNm) === null

export const companyFromNice = (body: CompanyBody, businessNumber: BusinessNumber): Company => ({
  businessNumber,
  name: textOf(body.cmpNm),
  representative: textOf(body.ceoNm),
  state: stateOf(body.stt),
  establishedOn: Option.getOrNull(CalendarDate.parse(textOf(body.estbDate) ?? "")),
  industry: textOf(body.indNm),
  creditGrade: textOf(body.criGrd),
  finance: {
    sales: wonOf(body.salesAmt),
    operatingProfit: wonOf(body.opprIcAmt),
    equity: wonOf(body.shEqAmt),
    debt: wonOf(body.debtAmt),
    assets: wonOf(body.assetAmt)
  },
  postalCode: postalCodeOf(body.zip),
  address: textOf(body.addr1),
  addressDetail: textOf(body.addr2),
  origin: { kind: "vendor" }
})

/** Active without a word; a word that nobody agreed on is UNKNOWN, so that it verifies nobody. */
const stateOf = (stt: Field): CompanyState => {
  switch (textOf(stt)?.replace(/^0+(?=\d)/, "") ?? null) {
    case null:
      return "ACTIVE"
    case "2":
      return "SUSPENDED"
    case "3":
      return "CLOSED"
    default:
      return "UNKNOWN"
  }
}

/** From thousands, with commas or without: `1,234` is 1 234 000, `-5` a loss of 5 000. */
const wonOf = (written: Field): number | null => {
  const text = textOf(written)?.replaceAll(",", "")
  if (text === undefined || !/^[-+]?\d{1,18}(\.\d{1,6})?$/.test(text)) return null
  const won = Option.map(BigDecimal.fromString(text), (thousands) =>
    Number(BigDecimal.format(BigDecimal.multiply(thousands, thousand)))
  )
  return Option.getOrNull(Option.filter(won, Number.isSafeInteger))
}

const thousand = BigDecimal.fromBigInt(1000n)

/** Five digits; a number that lost its zero has it again. Older codes of six digits are no codes any more. */
const postalCodeOf = (zip: Field): string | null => {
  const text = textOf(zip)
  return text !== null && /^\d{4,5}$/.test(text) ? text.padStart(5, "0") : null
}

/** Null: nothing in it. */
const textOf = (field: Field): string | null => {
  const text = String(field ?? "").trim()
  return text === "" ? null : text
}
