/**
 * Takes secrets and personal data out of what is written down about calls.
 *
 * It works on structure: a value goes because of the name it stands under, at any depth, in objects, pairs
 * (`["authorization", …]`, `{ name: "token", value: … }`), JSON and forms inside of texts, and URLs (user, query,
 * fragment). Credentials that show by their own form go wherever they stand (`Bearer …`, JSON web tokens). And every
 * secret that is known, because it was sent with the call, goes wherever it turns up, encoded or not.
 *
 * Sizes are limited on the way: depth, entries, length of a text. Pure; never throws.
 *
 * Not guaranteed: a secret that nobody knows, in the running text of somebody else, under no name. Bodies without any
 * structure are therefore not kept at all, see `RedactedBody`.
 */
import { Option, Predicate, Redacted, Schema } from "effect"
import { type Sensitivity, sensitivityOf } from "./SecretNames.ts"

/** What stands where a value was. */
export const marks: Readonly<Record<Sensitivity, string>> = { secret: "[redacted]", personal: "[personal]" }

export interface Redactor {
  /** Any value as plain JSON data; cycles, functions and symbols become marks. */
  readonly value: (value: unknown) => unknown
  /** A text from anywhere: a message, a value of a header. At most 1000 characters. */
  readonly text: (text: string) => string
  /** An absolute or relative URL. At most 2000 characters. */
  readonly url: (url: string) => string
  /** `name=value&…`, as in a query or a form. */
  readonly form: (text: string) => string
  /** Names in lower case. */
  readonly headers: (headers: Readonly<Record<string, string>>) => Readonly<Record<string, string>>
  /** An error with its causes, as one line. */
  readonly error: (error: unknown) => string
}

const longestText = 1000
const longestUrl = 2000
const mostEntries = 100
const deepest = 16
/** Where texts begin: so deep may structures in them go. */
const shallow = deepest - 4

/** `secrets`: values that must not be seen anywhere; those shorter than four characters only where they stand alone. */
export const make = (secrets: Iterable<string> = []): Redactor => {
  const known = spellings(secrets)
  const { secret } = marks

  /** Without the secrets that are known. */
  const masked = (text: string): string => {
    let result = text
    for (const each of known) {
      if (each.length < 4 ? result === each : result.includes(each)) result = result.replaceAll(each, secret)
    }
    return result
  }

  const under = (name: string, value: unknown, depth: number): unknown => {
    const sensitivity = sensitivityOf(name)
    return sensitivity === null || value === null || value === undefined
      ? redact(value, depth)
      : hidden(sensitivity, value)
  }

  const redact = (value: unknown, depth: number): unknown => {
    if (value === null || typeof value === "boolean") return value
    if (typeof value === "number") return masked(String(value)) === String(value) ? value : secret
    if (typeof value === "string") return textAt(value, depth)
    if (typeof value === "bigint") return masked(String(value))
    if (value === undefined) return null
    if (Redacted.isRedacted(value)) return secret
    if (depth >= deepest) return "[deeper]"
    if (value instanceof Error) return errorAt(value, depth)
    if (Array.isArray(value)) return arrayAt(value, depth)
    if (value instanceof Map) return arrayAt([...value], depth)
    if (value instanceof Set) return arrayAt([...value], depth)
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? "[no date]" : value.toISOString()
    if (value instanceof URL) return clip(urlOf(value.href, depth), longestUrl)
    if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
    return Predicate.isObject(value) ? objectAt(value, depth) : `[${typeof value}]`
  }

  const arrayAt = (values: ReadonlyArray<unknown>, depth: number): unknown => {
    const [name, ...rest] = values
    if (values.length === 2 && typeof name === "string" && sensitivityOf(name) !== null) {
      return [masked(name), ...rest.map((value) => under(name, value, depth + 1))]
    }
    const shown = values.slice(0, mostEntries).map((value) => redact(value, depth + 1))
    return values.length > mostEntries ? [...shown, `[${values.length - mostEntries} more]`] : shown
  }

  const objectAt = (object: object, depth: number): unknown => {
    const entries = entriesOf(object)
    // `{ name: "token", value: "…" }`
    const label = entries.find(([name, value]) => labels.has(name.toLowerCase()) && typeof value === "string")?.[1]
    const labelled = typeof label === "string" ? sensitivityOf(label) : null
    const shown = entries.slice(0, mostEntries).map(([name, value]): [string, unknown] => {
      const isValue = labelled !== null && /^(values?|content|data|text)$/i.test(name)
      return [
        clip(masked(name), 200),
        isValue && labelled !== null ? hidden(labelled, value) : under(name, value, depth + 1)
      ]
    })
    if (entries.length > mostEntries) shown.push(["…", `[${entries.length - mostEntries} more]`])
    return Object.fromEntries(shown)
  }

  /** A text may hold a structure of its own. */
  const textAt = (text: string, depth: number): string => {
    // Most values are a word or a number.
    if (plainWord.test(text)) return masked(text)
    const trimmed = text.trim()
    if (depth < deepest && /^[[{"]/.test(trimmed)) {
      const inner = parseJson(trimmed)
      if (Option.isSome(inner) && typeof inner.value !== "number") {
        const shown = redact(inner.value, depth + 1)
        return clip(JSON.stringify(shown) ?? "", longestText)
      }
    }
    if (depth < deepest && /^[^\s=&?#/]+=[^\s&]*(&[^\s=&]+=[^\s&]*)*$/.test(trimmed)) {
      return clip(formAt(trimmed, depth + 1), longestText)
    }
    return clip(proseOf(masked(text).slice(0, 4 * longestText), depth + 1), longestText)
  }

  /** The last resort, for running text. */
  const proseOf = (prose: string, depth: number): string =>
    prose
      .replaceAll(/\b[a-z][a-z\d+.-]{0,20}:\/\/[^\s"'<>\\^`{|}]+/gi, (found) => urlOf(found, depth))
      .replaceAll(/\beyJ[\w-]{5,}\.[\w-]+\.[\w-]*/g, secret)
      .replaceAll(/\bwhsec_[\w+/=-]+/g, secret)
      .replaceAll(/-----BEGIN [^-]+-----[\s\S]*?(-----END [^-]+-----|$)/g, secret)
      .replaceAll(schemed, (_, scheme: string) => `${scheme} ${secret}`)
      .replaceAll(assigned, (whole: string, name: string, between: string, value: string) => {
        const sensitivity = sensitivityOf(name)
        return sensitivity === null || value === "" ? whole : `${name}${between}${marks[sensitivity]}`
      })

  const formAt = (text: string, depth: number): string =>
    text
      .split("&", mostEntries)
      .map((part) => {
        const at = part.indexOf("=")
        if (at === -1) return masked(part)
        const name = part.slice(0, at)
        const value = part.slice(at + 1)
        const sensitivity = sensitivityOf(decode(name))
        if (sensitivity !== null) return value === "" ? part : `${masked(name)}=${marks[sensitivity]}`
        const plain = decode(value)
        const shown = textAt(plain, depth)
        return `${masked(name)}=${shown === plain ? masked(value) : shown}`
      })
      .join("&")

  const urlOf = (url: string, depth: number): string => {
    const [, before = "", query, fragment] = /^([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s.exec(url) ?? [undefined, url]
    // User and password.
    const place = before.replace(
      /^([a-z][a-z\d+.-]*:)?\/\/[^/]*@/i,
      (_, scheme: string | undefined) => `${scheme ?? ""}//`
    )
    if (depth > deepest) return `${masked(place)}${query === undefined && fragment === undefined ? "" : "?[deeper]"}`
    return [
      masked(place),
      query === undefined ? "" : `?${formAt(query, depth)}`,
      fragment === undefined ? "" : `#${fragment.includes("=") ? formAt(fragment, depth) : masked(fragment)}`
    ].join("")
  }

  const url = (text: string) => clip(urlOf(text, shallow), longestUrl)

  const errorAt = (error: unknown, depth: number): string => {
    const parts: Array<string> = []
    let current = error
    for (let left = 5; left > 0 && current !== undefined && current !== null; left--) {
      parts.push(describe(current, depth))
      if (Predicate.hasProperty(current, "errors") && Array.isArray(current.errors)) {
        parts.push(...current.errors.slice(0, 3).map((each) => describe(each, depth)))
      }
      current = Predicate.hasProperty(current, "cause") ? current.cause : undefined
    }
    return clip(parts.join(" ← "), longestText)
  }

  const describe = (error: unknown, depth: number): string => {
    if (!Predicate.isObject(error)) return typeof error === "string" ? textAt(error, depth) : `[${typeof error}]`
    const message = Predicate.hasProperty(error, "message") ? error.message : undefined
    const tag = Predicate.hasProperty(error, "_tag") ? error._tag : undefined
    const name = typeof tag === "string" ? tag : error instanceof Error ? error.name : "an object"
    return typeof message === "string" && message !== "" ? `${masked(name)}: ${textAt(message, depth)}` : masked(name)
  }

  return {
    value: (value) => redact(value, 0),
    text: (text) => textAt(text, shallow),
    url,
    form: (text) => formAt(text, shallow),
    headers: (headers) =>
      Object.fromEntries(
        Object.entries(headers)
          .slice(0, mostEntries)
          .map(([name, value]): [string, string] => {
            const sensitivity = sensitivityOf(name)
            const shown = sensitivity === null ? (urlHeaders.has(name) ? url(value) : textAt(value, 0)) : null
            return [clip(masked(name.toLowerCase()), 200), shown ?? marks[sensitivity ?? "secret"]]
          })
      ),
    error: (error) => errorAt(error, 0)
  }
}

/**
 * Credentials that a request shows by its structure: values of secret headers (with and without their scheme), of secret
 * parameters of a query, and under secret names in a body that is JSON or a form.
 */
export const secretsIn = (request: {
  readonly headers: Readonly<Record<string, string>>
  readonly parameters: Iterable<readonly [string, string | Redacted.Redacted]>
  readonly body?: string
}): ReadonlyArray<string> => {
  const found: Array<string> = []
  for (const [name, value] of Object.entries(request.headers)) {
    if (sensitivityOf(name) !== "secret") continue
    found.push(value, value.replace(/^[\w-]+\s+/, ""))
    if (/cookie/i.test(name)) found.push(...value.split(/[;=]\s*/).filter((part) => part.length >= 8))
  }
  for (const [name, value] of request.parameters) {
    if (Redacted.isRedacted(value)) found.push(String(Redacted.value(value)))
    else if (sensitivityOf(name) === "secret") found.push(value)
  }
  if (request.body !== undefined) collect(parsed(request.body), false, found, 0)
  return found
}

const parsed = (body: string): unknown =>
  Option.getOrElse(parseJson(body), () =>
    /^[^\s=&<{]+=/.test(body) ? Object.fromEntries(new URLSearchParams(body)) : null
  )

const collect = (value: unknown, secret: boolean, found: Array<string>, depth: number): void => {
  if (depth > deepest || found.length > 200) return
  if (typeof value === "string" || typeof value === "number") {
    if (secret) found.push(String(value))
    return
  }
  if (!Predicate.isObject(value)) return
  for (const [name, part] of entriesOf(value)) {
    collect(part, secret || sensitivityOf(name) === "secret", found, depth + 1)
  }
}

/** As they are, in URLs, in Base64, in JSON; the longest first, so that none leaves a part of another. */
const spellings = (secrets: Iterable<string>): ReadonlyArray<string> => {
  const all = new Set<string>()
  for (const secret of secrets) {
    if (secret.trim() === "") continue
    all.add(secret)
    if (secret.length < 4) continue
    all.add(encoded(secret))
    all.add(new URLSearchParams([["", secret]]).toString().slice(1))
    all.add(JSON.stringify(secret).slice(1, -1))
    all.add(Buffer.from(secret).toString("base64").replace(/=+$/, ""))
  }
  return [...all].toSorted((left, right) => right.length - left.length)
}

const encoded = (text: string): string => encodeURIComponent(text.toWellFormed())

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text.replaceAll("+", " "))
  } catch {
    return text
  }
}

const hidden = (sensitivity: Sensitivity, value: unknown): unknown => (value === "" ? "" : marks[sensitivity])

/** What an object says about itself; a getter that throws says nothing. */
const entriesOf = (object: object): ReadonlyArray<readonly [string, unknown]> => {
  try {
    return Object.entries(object)
  } catch {
    return []
  }
}

/** At most so many characters, no half ones, and storable. */
export const clip = (text: string, most: number): string => {
  const storable = text.replaceAll("\0", "�")
  return (storable.length <= most ? storable : `${storable.slice(0, most - 1)}…`).toWellFormed()
}

const parseJson = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Unknown))

const labels: ReadonlySet<string> = new Set(["name", "key", "field", "header", "param", "parameter"])
const plainWord = /^(?!.*(?:eyJ|whsec_))[\w.+-]{0,64}$/
const urlHeaders: ReadonlySet<string> = new Set(["location", "referer", "link", "content-location", "origin"])

const schemed =
  /\b(bearer|basic|digest|negotiate|hawk|kakaoak|apikey|aws4-hmac-sha256|bot)\s+(?!\[redacted\])[\w+/=.~:-]{6,}/gi
const assigned =
  /(["'\\]{0,4}[\p{L}\p{N}_.[\]%-]{2,60}["'\\]{0,4})(\s*[:=]\s*["'\\]{0,4})((?!\[redacted\]|\[personal\])[^\s"',;&)}\]]*)/gu
