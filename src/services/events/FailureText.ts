/** What an operator reads about a failed attempt: message and chain of causes, safe to store in PostgreSQL. */
import { Cause, Predicate } from "effect"
import type { IntegrationError } from "../../domain/IntegrationError.ts"
import type { Failure } from "./Outcome.ts"

/** A failure with its text; NUL and lone surrogates are escaped. */
export interface DescribedFailure {
  readonly failure: Failure
  readonly message: string
  /** The error and its causes, outermost first. */
  readonly chain: ReadonlyArray<string>
}

const maxText = 4000
const maxChain = 20

/** Sorts the cause of a handler's end. A defect outweighs an error: it is a bug and comes first. */
export const fromCause = (cause: Cause.Cause<IntegrationError>): DescribedFailure => {
  const defect = cause.reasons.find(Cause.isDieReason)
  if (defect !== undefined) return describe({ _tag: "Defect" }, defect.defect)
  const fail = cause.reasons.find(Cause.isFailReason)
  if (fail !== undefined) return describe({ _tag: "Error", error: fail.error }, fail.error)
  return describe({ _tag: "Interrupted" }, new Error("the handler was interrupted"))
}

export const describe = (failure: Failure, error: unknown): DescribedFailure => {
  const chain: Array<string> = []
  for (let cause = error; cause !== undefined && cause !== null && chain.length < maxChain; cause = causeOf(cause)) {
    chain.push(escapeText(textOf(cause)))
  }
  return { failure, message: escapeText(messageOf(error)), chain }
}

/** PostgreSQL stores neither NUL nor lone surrogates: they are written as `\u0000` and the like. */
export const escapeText = (text: string): string =>
  text
    .slice(0, maxText)
    .replaceAll(
      /\0|[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g,
      (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`
    )

const messageOf = (error: unknown): string =>
  Predicate.hasProperty(error, "message") && Predicate.isString(error.message) ? error.message : safeString(error)

const textOf = (error: unknown): string => {
  const name =
    Predicate.hasProperty(error, "_tag") && Predicate.isString(error._tag)
      ? error._tag
      : error instanceof Error
        ? error.name
        : ""
  return name === "" ? messageOf(error) : `${name}: ${messageOf(error)}`
}

const causeOf = (error: unknown): unknown => (Predicate.hasProperty(error, "cause") ? error.cause : undefined)

/** A thrown value may refuse to become text. */
const safeString = (value: unknown): string => {
  try {
    return String(value)
  } catch {
    return "a value without text"
  }
}
