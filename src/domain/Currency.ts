/**
 * Currencies by their ISO 4217 codes: those in use, and the units that banks quote (gold, special drawing rights, …).
 * Codes for tests and for "no currency" (XTS, XXX) are no currencies; inventions of providers (CNH, BTC, GGP) neither.
 */
import { Option, Schema, SchemaTransformation } from "effect"

const list = `
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW
CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG
HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK
MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR
SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW
UZS VED VES VND VUV WST XAD XAF XAG XAU XBA XBB XBC XBD XCD XCG XDR XOF XPD XPF XPT XSU XUA YER ZAR ZMW ZWG`

const codes: ReadonlySet<string> = new Set(list.trim().split(/\s+/))

/** ISO 4217 code of a currency, e.g. `KRW`. */
export const CurrencyCode = Schema.String.check(
  Schema.makeFilter((value: string) => codes.has(value) || "the ISO 4217 code of a currency, e.g. KRW", {
    toJsonSchema: () => ({ pattern: "^[A-Z]{3}$" }),
    arbitraryConstraint: { patterns: [{ source: "^(KRW|USD|EUR|JPY|CNY|GBP|CHF|VND|IDR|KWD)$", flags: "" }] }
  })
).pipe(Schema.brand("CurrencyCode"))
export type CurrencyCode = typeof CurrencyCode.Type

/** As people type it: ` usd ` is `USD`. */
export const CurrencyCodeFromText = Schema.String.pipe(
  Schema.decodeTo(
    CurrencyCode,
    SchemaTransformation.transform({ decode: (value) => value.trim().toUpperCase(), encode: (value) => value })
  )
)

/** None: not a currency of ISO 4217. */
export const currencyOf: (code: string) => Option.Option<CurrencyCode> = Schema.decodeUnknownOption(CurrencyCode)

/** Every currency, in the order of the codes. */
export const currencies: ReadonlyArray<CurrencyCode> = [...codes].flatMap((code) => Option.toArray(currencyOf(code)))
