/**
 * Answers of the public data portal that are failures: `{ code, msg }`, under an error status or under 200. Pure.
 *
 * What is asked for never comes from a caller, so no failure is the caller's fault. Its texts are not repeated, only its
 * codes: they might repeat the key.
 */
import { Option, Schema } from "effect"
import type { Answer, Verdict } from "../../services/integrations/HttpFailure.ts"

/** Quotas of the portal are by the day. */
const quotaPauseMillis = 3_600_000

export const verdictOfOdcloud = ({ body }: Pick<Answer, "body">): Verdict | undefined => {
  const failure = decode(body)
  if (Option.isNone(failure) || "data" in failure.value) return undefined
  const code = Number(failure.value.code)
  const message = `the portal reports error ${Number.isInteger(code) ? code : "without a number"}`
  switch (code) {
    case -4:
    case -401:
      return { _tag: "Unauthorized", message, decisive: true }
    case -9:
      return { _tag: "RateLimited", message, retryAfterMillis: quotaPauseMillis, quota: true, decisive: true }
    default:
      return { _tag: "Transient", message }
  }
}

const decode = Schema.decodeUnknownOption(
  Schema.Struct({
    code: Schema.Union([Schema.String, Schema.Finite]),
    msg: Schema.optionalKey(Schema.Unknown),
    data: Schema.optionalKey(Schema.Unknown)
  })
)
