/**
 * What the errors of the two sources of addresses mean (provider integrations, section 2). Pure.
 *
 * Both refuse keywords: that is the caller's to mend, and no other source is asked. Texts of providers are not repeated,
 * only their codes.
 */
import { Effect, Option, Predicate, Schema } from "effect"
import type { Rejected } from "../../domain/IntegrationError.ts"
import type { Answer, Verdict } from "../../services/integrations/HttpFailure.ts"

/** Both count by the day. */
const quotaPauseMillis = 3_600_000

/** Kakao answers errors with their status, but a used-up quota (code -10) with one that says nothing about it. */
export const verdictOfKakao = ({ body, status }: Pick<Answer, "body" | "status">): Verdict | undefined => {
  if (status < 400) return undefined
  const { code, errorType } = Option.getOrElse(decodeKakao(body), () => ({ code: null, errorType: null }))
  if (code === -10) {
    const message = "Kakao reports that the quota is used up"
    return { _tag: "RateLimited", message, retryAfterMillis: quotaPauseMillis, quota: true, decisive: true }
  }
  // -401 and the like: of the key, whatever the status.
  if (code === -401) return { _tag: "Unauthorized", message: "Kakao refuses the key", decisive: true }
  const said = code === null ? (errorType ?? null) : String(code)
  return said === null || status !== 400
    ? undefined
    : { _tag: "Rejected", message: `Kakao answered 400 (${said.slice(0, 50)})`, code: said.slice(0, 50) }
}

/** Juso: `results.common.errorCode`, under status 200; `0` = well. */
export const verdictOfJuso = ({ body }: Pick<Answer, "body">): Verdict | undefined => {
  if (!Predicate.hasProperty(body, "results")) return undefined
  const code = Option.getOrUndefined(decodeJuso(body))?.results.common.errorCode
  if (code === undefined || code === "0") return undefined
  const message = `Juso reports error ${code.slice(0, 20)}`
  if (keyErrors.has(code)) return { _tag: "Unauthorized", message, decisive: true }
  return keywordErrors.has(code)
    ? { _tag: "Rejected", message, code, decisive: true }
    : { _tag: "Transient", message, decisive: true }
}

/** Why a keyword was refused, for the one who typed it; none: the refusal is about something else. */
export const refusalOf = ({ code, status }: Rejected): Option.Option<string> => {
  const reason = code === undefined ? undefined : keywordErrors.get(code)
  if (reason !== undefined) return Option.some(reason)
  return status === 400 ? Option.some("The provider does not take this keyword") : Option.none()
}

const decodeKakao = Schema.decodeUnknownOption(
  Schema.Struct({
    code: Schema.NullOr(Schema.Finite).pipe(Schema.withDecodingDefaultKey(Effect.succeed(null))),
    errorType: Schema.NullOr(Schema.String).pipe(Schema.withDecodingDefaultKey(Effect.succeed(null)))
  })
)

const decodeJuso = Schema.decodeUnknownOption(
  Schema.Struct({ results: Schema.Struct({ common: Schema.Struct({ errorCode: Schema.String }) }) })
)

/** Not approved, expired. */
const keyErrors: ReadonlySet<string> = new Set(["E0001", "E0014"])

const keywordErrors: ReadonlyMap<string, string> = new Map([
  ["E0005", "The keyword is empty"],
  ["E0006", "The keyword must say more, e.g. a road and a number"],
  ["E0008", "The keyword must have at least two characters"],
  ["E0009", "The keyword must not be digits alone"],
  ["E0010", "The keyword is too long"],
  ["E0011", "The keyword has too many digits"],
  ["E0012", "The keyword must not be digits and signs alone"],
  ["E0013", "The keyword has words or signs that the provider does not take"],
  ["E0015", "The keyword finds too many addresses: it must say more"]
])
