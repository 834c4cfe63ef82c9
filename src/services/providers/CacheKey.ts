/**
 * Canonical cache keys: requests that mean the same have one key, others have different ones. Pure.
 *
 * A key is `integration:operation:vN:name=value&…`, with parameters in the order of their names and values escaped, so that
 * no value can pose as another parameter, and a `*` in a pattern never meets one in a key.
 * Say of each parameter what it is: `code` (case and hyphens do not matter), `digits` (only digits do), `text` (words).
 */

/** A parameter in its canonical form; null and undefined = not given. */
export type Parameters = Readonly<Record<string, string | number | boolean | null | undefined>>

/** For codes: `usd` is `USD`, `ke-123` and `KE 123` are `KE123`. */
export const code = (value: string): string =>
  value
    .normalize("NFC")
    .replace(/[\s\p{Pd}]+/gu, "")
    .toUpperCase()

/** For numbers with a check digit and the like: `123-45-67890` is `1234567890`. */
export const digits = (value: string): string => value.normalize("NFKC").replace(/\D/gu, "")

/** For words that people type: composed (NFC), trimmed, single spaces, lower case. */
export const text = (value: string): string => value.normalize("NFC").trim().replace(/\s+/gu, " ").toLowerCase()

/** The parameters in canonical order, values composed and escaped. Those not given are left out. */
export const parameters = (values: Parameters): string =>
  Object.keys(values)
    .toSorted()
    .flatMap((name) => {
      const value = values[name]
      return value === null || value === undefined ? [] : [`${escape(name)}=${escape(String(value))}`]
    })
    .join("&")

/** What all keys of an operation begin with. `version`: of the contract, so that a new mapping never meets old data. */
export const prefix = (integration: string, operation: string, version: string): string =>
  `${escape(integration)}:${escape(operation)}:${escape(version)}:`

const escape = (value: string): string =>
  value
    .normalize("NFC")
    .replace(
      /[%&=:*\\\p{Cc}\p{Cs}]/gu,
      (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`
    )
