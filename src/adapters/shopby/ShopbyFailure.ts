/**
 * What Shopby's answers say beyond their status: the code of a refusal, and failures inside a 200. Pure.
 *
 * A failure inside a 200 is permanent, unless its code says that the shop is in trouble: an HTTP status that is worth
 * another try (408, 425, 429, 5xx), or a word for it (TIMEOUT, TEMPORARY, UNAVAILABLE, BUSY, LOCK, INTERNAL, TRY_AGAIN).
 */
import { Option, Schema } from "effect"
import type { Answer, Verdict } from "../../services/integrations/HttpFailure.ts"
import { StatusChangesAnswer } from "./ShopbyContract.ts"

const Refusal = Schema.Struct({
  code: Schema.optionalKey(Schema.NullOr(Schema.Union([Schema.String, Schema.Int]))),
  message: Schema.optionalKey(Schema.NullOr(Schema.String))
})

const readRefusal = Schema.decodeUnknownOption(Refusal)
const refused = (status: number, code: string | number | null, message: string | null): Verdict => ({
  _tag: "Rejected",
  message: [`answered ${status}`, code, message?.slice(0, 300)]
    .filter((part) => part !== null && part !== undefined)
    .join(" "),
  ...(code === null ? {} : { code: String(code) })
})

const readChanges = Schema.decodeUnknownOption(StatusChangesAnswer)

/** Finds the error in an answer. */
export const verdictOf = ({ body, status }: Answer): Verdict | undefined => {
  if (status >= 400) {
    return Option.match(readRefusal(body), {
      onNone: () => undefined,
      onSome: ({ code, message }) => refused(status, code ?? null, message ?? null)
    })
  }
  const passing = Option.getOrUndefined(readChanges(body))?.failures?.find(({ errorCode }) => isPassing(errorCode))
  return passing === undefined ? undefined : { _tag: "Transient", message: describe([passing]) }
}

/** Failures inside a 200, for an operator to read. */
export const describe = (
  failures: ReadonlyArray<{ readonly errorCode?: string | number | null; readonly errorMessage?: string | null }>
): string =>
  failures
    .slice(0, 5)
    .map(({ errorCode, errorMessage }) => `${errorCode ?? "no code"} ${errorMessage ?? ""}`.trim().slice(0, 200))
    .join("; ")

const isPassing = (code: string | number | null | undefined): boolean =>
  /^(408|425|429|5\d\d)$|TIME_?OUT|TEMPORAR|UNAVAILABLE|BUSY|LOCK|INTERNAL|TRY_?AGAIN/i.test(String(code ?? ""))
