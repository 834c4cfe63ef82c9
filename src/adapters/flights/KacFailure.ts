/** What the error codes of the public data portal mean (its common table, the same for all of its services). Pure. */
import { type IntegrationError, RateLimited, Rejected, Transient, Unauthorized } from "../../domain/IntegrationError.ts"

/** Its quotas are by the day. */
const quotaPauseMillis = 3_600_000

/** Texts are not repeated, only codes: they might repeat the key. */
export const errorOfKac = (
  code: string,
  where: { readonly adapter: string; readonly operation: string }
): IntegrationError => {
  const number = Number(code)
  const message = `reports error ${code === "" || !Number.isInteger(number) ? "without a number" : number}`
  switch (number) {
    // A parameter that is wrong or missing.
    case 10:
    case 11:
      return new Rejected({ ...where, message, code: String(number) })
    case 22:
      return new RateLimited({ ...where, message, retryAfterMillis: quotaPauseMillis, reason: "Quota" })
    // Access refused; key locked, unknown, run out, or not for this address.
    case 20:
    case 21:
    case 30:
    case 31:
    case 32:
    case 33:
      return new Unauthorized({ ...where, message })
    default:
      return new Transient({ ...where, message, status: 200 })
  }
}
