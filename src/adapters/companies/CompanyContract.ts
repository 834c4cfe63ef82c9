/**
 * What the hub uses of Nice D&B (provider integrations, section 2). Pure wire shapes; `CompanyMapper` says what they mean to
 * the hub, `CompanyFailure` which answers are failures whatever their status.
 *
 * `POST {base}/nice/oauth/v1.0/accesstoken` and, with its token as bearer,
 * `POST {base}/nice/bizinfo/v1.0/custom/bzmaininfo01/certification`. Both only ask, so both may be repeated.
 */
import { Schema } from "effect"

export const tokenPath = "/nice/oauth/v1.0/accesstoken"
export const companyPath = "/nice/bizinfo/v1.0/custom/bzmaininfo01/certification"

export const TokenRequest = Schema.Struct({
  appKey: Schema.String,
  appSecret: Schema.String,
  grantType: Schema.Literal("client_credentials")
})

const textOrNumber = Schema.Union([Schema.String, Schema.Finite])

export const TokenAnswer = Schema.Struct({
  accessToken: Schema.String.check(Schema.isMinLength(1)),
  /** Seconds, as a number or as text. */
  expiresIn: textOrNumber
})

export const CompanyRequest = Schema.Struct({ bizNo: Schema.String })

const field = Schema.optionalKey(Schema.NullOr(textOrNumber))

/** Money is in thousands of won. */
export const CompanyBody = Schema.Struct({
  bizNo: field,
  cmpNm: field,
  /** Representatives. */
  ceoNm: field,
  /** Null active, 2 suspended, 3 closed. */
  stt: field,
  /** `YYYYMMDD`. */
  estbDate: field,
  /** Industry. */
  indNm: field,
  /** Credit grade. */
  criGrd: field,
  salesAmt: field,
  /** Operating profit. */
  opprIcAmt: field,
  /** Equity. */
  shEqAmt: field,
  debtAmt: field,
  assetAmt: field,
  zip: field,
  addr1: field,
  addr2: field
})
export type CompanyBody = typeof CompanyBody.Type

export const CompanyAnswer = Schema.Struct({
  /** `resCd` 0; every other is a failure and does not get here. */
  dataHeader: Schema.Struct({ resCd: textOrNumber }),
  /** Empty or null: no such company. */
  dataBody: Schema.optionalKey(Schema.NullOr(CompanyBody))
})
