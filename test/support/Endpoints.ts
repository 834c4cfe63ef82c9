/**
 * Requests made from the definition of the API: whatever endpoint is added to `HubApi` is among them by itself. Right
 * requests from the schemas, the same spoilt in one place, and references to what a hub really holds.
 */
import { Arbitrary, Context, Schema } from "effect"
import { HttpMethod } from "effect/http"
import { HttpApi } from "effect/http-api"
import type { HttpApiEndpoint } from "effect/http-api"
import { WebhookOf } from "../../src/http/api/Access.ts"
import { HubApi } from "../../src/http/api/HubApi.ts"

export interface Endpoint {
  /** `group.endpoint` */
  readonly name: string
  readonly definition: HttpApiEndpoint.Top
  /** Called with a signature of this adapter's system; null = with a key. */
  readonly webhookOf: string | null
  /** Of its body; undefined = it takes none. */
  readonly payload: Schema.Top | undefined
}

const reflect = (): ReadonlyArray<Endpoint> => {
  const found: Array<Endpoint> = []
  HttpApi.reflect(HubApi, {
    onGroup: () => {},
    onEndpoint: ({ endpoint, group, mergedAnnotations }) =>
      found.push({
        name: `${group.identifier}.${endpoint.identifier}`,
        definition: endpoint,
        webhookOf: Context.get(mergedAnnotations, WebhookOf),
        payload: HttpMethod.hasBody(endpoint.method)
          ? [...endpoint.payload.values()].flatMap(({ schemas }) => schemas)[0]
          : undefined
      })
  })
  return found
}

/** All of them but the event stream, whose answer does not end. */
export const endpoints: ReadonlyArray<Endpoint> = reflect().filter(({ name }) => name !== "events.stream")

/** Values of a schema, as they are written on the wire. */
export const wire = (schema: Schema.Top) => {
  const encode = Schema.encodeUnknownResult(Schema.make<Schema.Codec<unknown>>(schema.ast))
  return Arbitrary.schema(Schema.make<Schema.Codec<unknown>>(schema.ast)).pipe(
    Arbitrary.filterMap((value) => encode(value))
  )
}

/** How a value is spoilt, and where: `at` chooses the part. */
export type Spoiling = "keep" | "drop" | "replace" | "text"

/** The value with one of its parts dropped or replaced. */
export const spoil = (value: unknown, how: Spoiling, at: number, other: unknown): unknown => {
  if (how === "keep") return value
  if (how === "replace" && at % 7 === 0) return other
  if (Array.isArray(value) && value.length > 0) {
    return value.map((item, index) => (index === at % value.length ? spoil(item, how, at, other) : item))
  }
  if (typeof value === "object" && value !== null) {
    const keys = Object.keys(value)
    const key = keys[at % Math.max(keys.length, 1)]
    const entries = Object.entries(value).flatMap(([name, part]): Array<[string, unknown]> =>
      name !== key ? [[name, part]] : how === "drop" ? [] : [[name, spoil(part, how, at, other)]]
    )
    return Object.fromEntries(entries)
  }
  return how === "text" ? String(value) : other
}

/** The value with each field of these names set to what is given for it. */
export const graft = (value: unknown, known: Readonly<Record<string, unknown>>): unknown => {
  if (Array.isArray(value)) return value.map((item) => graft(item, known))
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [name, Object.hasOwn(known, name) ? known[name] : graft(part, known)])
  )
}

const fields = (value: unknown): Record<string, string> => {
  if (typeof value !== "object" || value === null) return {}
  const text = (part: unknown) => (typeof part === "string" ? part : JSON.stringify(part))
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, part]) => part !== undefined)
      .map(([name, part]) => [name, text(part)])
  )
}

/** Path and query. What Node's client would not send (half a character) is made whole. */
export const target = (path: string, params: unknown, query: unknown): string => {
  const values = fields(params)
  const filled = path.replaceAll(/:(\w+)/g, (_, name: string) =>
    encodeURIComponent((values[name] ?? "").toWellFormed())
  )
  const search = new URLSearchParams(fields(query)).toString()
  return search === "" ? filled : `${filled}?${search}`
}
