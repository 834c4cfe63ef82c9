/**
 * What the hub uses of the three sources of exchange rates (provider integrations, section 2). Pure wire shapes;
 * `FxMapper` says what they mean to the hub, `FxFailure` which answers under status 200 are failures.
 *
 * Rates are read as anything at all: a source may know currencies that we do not, and say of them what it likes.
 * Keys go into the query (`access_key`, `authkey`); the outbound client adds them.
 */
import { Schema } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"

/** exchangerate-api: numbers, of one unit of the base. */
export const OpenRates = Schema.Struct({
  base: Schema.String,
  /** `YYYY-MM-DD`. */
  date: Schema.String,
  /** Seconds since 1970. */
  time_last_updated: Schema.optionalKey(Schema.Int),
  rates: Schema.Record(Schema.String, Schema.Unknown)
})

export const OpenRatesContract = HttpApi.make("exchangerate-api").add(
  HttpApiGroup.make("rates").add(
    HttpApiEndpoint.get("latest", "/v4/latest/:base", { params: { base: Schema.String }, success: OpenRates })
  )
)

/** Fixer, when it has something to say; otherwise `{ success: false, error }`, also with status 200. */
export const FixerRates = Schema.Struct({
  success: Schema.Literal(true),
  /** Seconds since 1970. */
  timestamp: Schema.optionalKey(Schema.Int),
  base: Schema.String,
  date: Schema.String,
  rates: Schema.Record(Schema.String, Schema.Unknown)
})

export const FixerContract = HttpApi.make("fixer").add(
  HttpApiGroup.make("rates").add(
    HttpApiEndpoint.get("latest", "/latest", { query: { base: Schema.String }, success: FixerRates })
  )
)

/**
 * Korea Eximbank: how many won a unit (`USD`), or a hundred units (`JPY(100)`), cost. Numbers are text with commas.
 * `CNH` is the renminbi. Fields are null in a row that carries only an error.
 */
export const EximbankRow = Schema.Struct({
  cur_unit: Schema.optionalKey(Schema.NullOr(Schema.String)),
  deal_bas_r: Schema.optionalKey(Schema.NullOr(Schema.String))
})

/** Empty on a day without rates: holidays, weekends, and before about eleven in the morning. */
export const EximbankRates = Schema.Array(EximbankRow)

export const EximbankContract = HttpApi.make("eximbank").add(
  HttpApiGroup.make("rates").add(
    HttpApiEndpoint.get("ofDay", "/site/program/financial/exchangeJSON", {
      query: {
        /** `YYYYMMDD`. */
        searchdate: Schema.String,
        /** AP01 = exchange rates. */
        data: Schema.Literal("AP01")
      },
      success: EximbankRates
    })
  )
)
