/**
 * What an error that Edicus puts into an answer means (specification, section 8.3: `{ err: { code, message, info } }`,
 * also under status 200). Pure.
 *
 * Edicus names no list of codes. An error is a refusal, and so permanent, unless its code is one of the words or numbers
 * that the platforms it is built on use for a trouble that passes, a limit, or a credential. Texts are cut short, without
 * `info`, and without the credentials, should Edicus repeat them.
 */
import { Option, Predicate, Schema } from "effect"
import type { Answer, Verdict } from "../../services/integrations/HttpFailure.ts"
import { LogicalError } from "./EdicusContract.ts"

/** The error in an answer; undefined = there is none. `secrets`: what must not be repeated. */
export const verdictOf =
  (secrets: ReadonlyArray<string>) =>
  ({ body }: Pick<Answer, "body">): Verdict | undefined => {
    if (!Predicate.hasProperty(body, "err") || body.err === null || body.err === undefined) return undefined
    const { code, message } = Option.match(decode(body), {
      onNone: () => ({ code: null, message: null }),
      onSome: ({ err }) => ({ code: err.code ?? null, message: err.message ?? null })
    })
    const told = [code === null ? null : String(code), message]
      .filter((part) => part !== null && part !== "")
      .join(": ")
    const text = `Edicus reports an error${told === "" ? "" : ` (${clean(told, secrets)})`}`
    const word = String(code ?? "")
      .toUpperCase()
      .replaceAll(/[^A-Z0-9]+/g, "_")
    if (passing.has(word) || /^5\d\d$/.test(word)) return { _tag: "Transient", message: text }
    if (limits.has(word)) return { _tag: "RateLimited", message: text, retryAfterMillis: null }
    if (credentials.has(word)) return { _tag: "Unauthorized", message: text }
    return code === null
      ? { _tag: "Rejected", message: text }
      : { _tag: "Rejected", message: text, code: clean(String(code), secrets) }
  }

/** Did it say that there is no such thing? An order that was never placed may be answered like that. */
export const saysNotFound = (error: { readonly status?: number; readonly code?: string }): boolean =>
  error.status === 404 || /^404$|not[^a-z]?found/i.test(error.code ?? "")

const decode = Schema.decodeUnknownOption(LogicalError)

/** Words of Google's RPC codes, which Firebase writes in lower case with hyphens, and HTTP statuses as numbers. */
const passing: ReadonlySet<string> = new Set([
  "408",
  "425",
  "UNAVAILABLE",
  "DEADLINE_EXCEEDED",
  "ABORTED",
  "INTERNAL",
  "UNKNOWN",
  "TIMEOUT"
])
const limits: ReadonlySet<string> = new Set(["429", "RESOURCE_EXHAUSTED", "TOO_MANY_REQUESTS"])
const credentials: ReadonlySet<string> = new Set([
  "401",
  "403",
  "UNAUTHENTICATED",
  "UNAUTHORIZED",
  "PERMISSION_DENIED",
  "FORBIDDEN"
])

const longestText = 300

const clean = (text: string, secrets: ReadonlyArray<string>): string => {
  const without = secrets.reduce(
    (rest, secret) => rest.replaceAll(secret, "…"),
    text.toWellFormed().replaceAll("\0", "")
  )
  return [...without].slice(0, longestText).join("")
}
