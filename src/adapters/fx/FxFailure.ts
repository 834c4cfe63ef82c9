/**
 * Answers under status 200 that are failures, and what they mean (provider integrations, section 2). Pure.
 *
 * What is asked for never comes from a caller, so no failure is the caller's fault: refused credentials and used-up quotas
 * are told apart, everything else is trouble of the provider's own, and another is asked. Texts of providers are not
 * repeated, only their codes: they might repeat the key.
 */
import { Option, Predicate, Schema } from "effect"
import type { Answer, Verdict } from "../../services/integrations/HttpFailure.ts"

/** After a used-up quota: both count by the day or the month. */
const quotaPauseMillis = 3_600_000

/** Fixer: `{ success: false, error: { code, type, info } }`. */
export const verdictOfFixer = ({ body }: Pick<Answer, "body">): Verdict | undefined => {
  if (!Predicate.hasProperty(body, "success") || body.success !== false) return undefined
  const { code, type } = Option.match(decodeFixer(body), {
    onNone: () => ({ code: null, type: "" }),
    onSome: ({ error }) => ({ code: error.code ?? null, type: error.type ?? "" })
  })
  const message = `Fixer reports error ${code === null ? "without a code" : code}`
  const number = Number(code)
  if (number === 104 || /limit_reached/.test(type)) {
    return { _tag: "RateLimited", message, retryAfterMillis: quotaPauseMillis, quota: true, decisive: true }
  }
  // 101 no or wrong key, 102 inactive account, 105 not in the plan (a base other than the euro, for instance).
  if (number === 101 || number === 102 || number === 105 || /access_key|access_restricted|inactive_user/.test(type)) {
    return { _tag: "Unauthorized", message, decisive: true }
  }
  return { _tag: "Transient", message, decisive: true }
}

/** Eximbank: every row says how the request went in `RESULT` (or `result`): 1 well, 2 wrong request, 3 wrong key, 4 limit. */
export const verdictOfEximbank = ({ body }: Pick<Answer, "body">): Verdict | undefined => {
  const rows = Option.getOrElse(decodeRows(body), () => [])
  const results = rows.map((row) => row.RESULT ?? row.result ?? null).filter((result) => result !== null)
  const bad = results.map(Number).find((result) => result !== 1)
  if (bad === undefined) return undefined
  const message = `Eximbank reports result ${Number.isNaN(bad) ? "without meaning" : bad}`
  switch (bad) {
    case 3:
      return { _tag: "Unauthorized", message, decisive: true }
    case 4:
      return { _tag: "RateLimited", message, retryAfterMillis: quotaPauseMillis, quota: true, decisive: true }
    default:
      return { _tag: "Transient", message, decisive: true }
  }
}

const word = Schema.optionalKey(Schema.NullOr(Schema.Union([Schema.String, Schema.Finite])))

const decodeFixer = Schema.decodeUnknownOption(
  Schema.Struct({
    error: Schema.Struct({ code: word, type: Schema.optionalKey(Schema.NullOr(Schema.String)) })
  })
)

const decodeRows = Schema.decodeUnknownOption(Schema.Array(Schema.Struct({ RESULT: word, result: word })))
