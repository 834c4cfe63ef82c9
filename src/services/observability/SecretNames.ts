/**
 * Does a name say that its value is a secret, or personal data? For names of fields, headers, parameters and elements, in
 * any case style (`apiKey`, `API_KEY`, `x-api-key`, `apikey`), quoted, nested (`user[password]`) or percent-encoded.
 *
 * Rather too much than too little: `sortKey` is taken for a secret, a password called `note` cannot be known.
 */

export type Sensitivity = "secret" | "personal"

/** Null: nothing speaks against showing the value. */
export const sensitivityOf = (name: string): Sensitivity | null => {
  const known = cache.get(name)
  if (known !== undefined) return known
  const found = judge(name)
  // Names come from outside too: what is remembered has an end.
  if (cache.size >= 5000) cache.clear()
  cache.set(name, found)
  return found
}

const cache = new Map<string, Sensitivity | null>()

const judge = (name: string): Sensitivity | null => {
  const words = wordsOf(name)
  const joined = words.join("")
  if (harmless.has(joined)) return null
  if (secretStem.test(joined) || words.some((word) => secretWords.has(word)) || joined.endsWith("key")) return "secret"
  if (personalStem.test(joined) || words.some((word) => personalWords.has(word))) return "personal"
  if (words.some((word) => persons.has(word)) && words.some((word) => traits.has(word))) return "personal"
  return null
}

/** `X-APIKey_v2` → x, api, key, v2 */
const wordsOf = (name: string): ReadonlyArray<string> =>
  decoded(name)
    .normalize("NFKC")
    .replaceAll(/\p{Cf}/gu, "")
    .replaceAll(/([\p{Ll}\p{N}])(\p{Lu})/gu, "$1 $2")
    .replaceAll(/(\p{Lu}+)(\p{Lu}\p{Ll})/gu, "$1 $2")
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== "")

/** Percent-encoded up to three times. */
const decoded = (name: string): string => {
  let text = name
  for (let round = 0; round < 3 && text.includes("%"); round++) {
    try {
      text = decodeURIComponent(text)
    } catch {
      return text
    }
  }
  return text
}

/** Keys in name only; they tell a record of the log from another. */
const harmless: ReadonlySet<string> = new Set([
  "idempotencykey",
  "primarykey",
  "foreignkey",
  "sortkey",
  "orderkey",
  "xcorrelationid",
  "traceparent"
])

const secretStem =
  /password|passwd|passphrase|passcode|secret|token|apikey|authoriz|authoris|authentic|^xauth|^auth$|authkey|credential|cookie|session|signature|privatekey|accesskey|servicekey|appkey|bearer|systemkey|edicusuid|비밀번호|인증키/u

const secretWords: ReadonlySet<string> = new Set([
  "auth",
  "keys",
  "pwd",
  "pw",
  "pass",
  "otp",
  "pin",
  "cvc",
  "cvv",
  "jwt",
  "sid",
  "sig",
  "hmac",
  "nonce",
  "salt",
  "cert",
  "csrf",
  "xsrf"
])

const personalStem =
  /email|phone|mobile|cellno|residentn|jumin|passport|birth|cardn|accountn|bankaccount|주민등록|전화번호|휴대폰/u

const personalWords: ReadonlySet<string> = new Set(["ssn", "mail", "tel", "fax", "contact", "contacts", "iban"])

const persons: ReadonlySet<string> = new Set([
  "customer",
  "orderer",
  "receiver",
  "recipient",
  "member",
  "buyer",
  "sender",
  "payer",
  "depositor",
  "invoicee"
])

const traits: ReadonlySet<string> = new Set(["name", "nm", "address", "addr", "zip", "jibun", "nickname"])
