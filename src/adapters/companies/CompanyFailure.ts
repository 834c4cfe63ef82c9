/**
 * Answers of Nice D&B that are failures, and what they mean (provider integrations, section 2). Pure.
 *
 * Its statuses lie: a token that has run out is 503 (NOAG1002), a limit 403 (NOAG1201, NOAG1202), an error of the service 200
 * with `resCd` 1 or 2. So the codes decide. Its texts are not repeated: they might repeat what was asked for.
 */
import { Option, Predicate, Schema } from "effect"
import type { Answer, Verdict } from "../../services/integrations/HttpFailure.ts"

/** The company is not known: no failure of the service. */
export const notFoundCode = "no-data"

export const verdictOfNice = ({ body, headers }: Pick<Answer, "body" | "headers">): Verdict | undefined => {
  const code = gatewayCodeIn(body)
  switch (code) {
    case undefined:
      return verdictOfService(body)
    case "NOAG1002":
      return { _tag: "Unauthorized", message: `the token has run out (${code})`, decisive: true }
    case "NOAG1201":
    case "NOAG1202":
      return {
        _tag: "RateLimited",
        message: `too many requests (${code})`,
        retryAfterMillis: pauseOf(headers["retry-after"]),
        decisive: true
      }
    default:
      // Under an error status the status says what it is; under 200 it is trouble.
      return { _tag: "Transient", message: `reports ${code}` }
  }
}

/** `Retry-After` in seconds, for at most an hour; null = none. */
const pauseOf = (retryAfter: string | undefined): number | null =>
  retryAfter !== undefined && /^\d{1,9}$/.test(retryAfter) ? Math.min(Number(retryAfter), 3600) * 1000 : null

const verdictOfService = (body: unknown): Verdict | undefined => {
  const { resCd, resMsg } = Option.getOrElse(decodeHeader(body), () => empty).dataHeader
  if (resCd === undefined || resCd === null || Number(resCd) === 0) return undefined
  const message = `reports result ${/^\d{1,4}$/.test(String(resCd)) ? resCd : "without meaning"}`
  return /없|no data|not found/iu.test(resMsg ?? "")
    ? { _tag: "Rejected", message: `${message}: no such company`, code: notFoundCode }
    : { _tag: "Transient", message }
}

/** `NOAG…` anywhere near the top of an answer: gateways change where they put it. */
const gatewayCodeIn = (body: unknown, depth = 0): string | undefined => {
  if (typeof body === "string") return /\bNOAG\d{4}\b/.exec(body)?.[0]
  if (!Predicate.isObject(body) || depth > 2) return undefined
  for (const [name, value] of Object.entries(body)) {
    // What a company is called is not an error.
    if (name === "dataBody") continue
    const code = gatewayCodeIn(value, depth + 1)
    if (code !== undefined) return code
  }
  return undefined
}

const empty: typeof Header.Type = { dataHeader: {} }

const Header = Schema.Struct({
  dataHeader: Schema.Struct({
    resCd: Schema.optionalKey(Schema.NullOr(Schema.Union([Schema.String, Schema.Finite]))),
    resMsg: Schema.optionalKey(Schema.NullOr(Schema.String))
  })
})
const decodeHeader = Schema.decodeUnknownOption(Header)
