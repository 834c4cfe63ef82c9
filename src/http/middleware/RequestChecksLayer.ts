/**
 * What every endpoint's request goes through before its handler: content type, size, UTF-8, nesting and storable text
 * of the body.
 */
import { Effect, Layer, Schema } from "effect"
import { HttpMethod, HttpServerRequest } from "effect/http"
import type { HttpApiEndpoint } from "effect/http-api"
import { RequestChecks } from "../api/Access.ts"
import { PayloadTooLargeProblem, UnsupportedMediaTypeProblem } from "../api/Problems.ts"
import { maxBodyBytes, readBody } from "./Body.ts"
import { validationProblem } from "./Issues.ts"
import { isTooDeep, maxDepth, mayHoldUnstorableText, unstorableText } from "./JsonText.ts"

// A schema failure is not caught here: it leaves the transaction it happened in, and the edge makes a problem of it.
export const layer: Layer.Layer<RequestChecks> = Layer.succeed(RequestChecks, (httpEffect, { endpoint }) => {
  const checkBody = bodyCheck(endpoint)
  return checkBody === undefined ? httpEffect : Effect.andThen(checkBody, httpEffect)
})

/** The check of an endpoint's body; none for an endpoint that takes none. */
const bodyCheck = (endpoint: HttpApiEndpoint.Top) => {
  if (!HttpMethod.hasBody(endpoint.method) || endpoint.payload.size === 0) return undefined
  const accepted = [...endpoint.payload.keys()]
  return Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    if (Number(request.headers["content-length"] ?? 0) > maxBodyBytes) return yield* new PayloadTooLargeProblem()
    const contentType = request.headers["content-type"]
    if (contentType !== undefined && !isAccepted(contentType, accepted)) {
      return yield* new UnsupportedMediaTypeProblem({ detail: `Send ${accepted.join(" or ")} in UTF-8` })
    }
    const bytes = yield* Effect.mapError(readBody, ({ reason }) =>
      reason._tag === "RequestParseError" && reason.reason === "BodyTooLarge"
        ? new PayloadTooLargeProblem()
        : invalidBody("could not be read")
    )
    const text = yield* Effect.try({
      try: () => utf8.decode(bytes),
      catch: () => invalidBody("must be valid UTF-8")
    })
    if (isTooDeep(text)) return yield* invalidBody(`must not be nested deeper than ${maxDepth} levels`)
    if (mayHoldUnstorableText(text)) {
      // Malformed JSON is found by the schema.
      const value = yield* Effect.orElseSucceed(parse(text), () => null)
      const issues = unstorableText(value)
      if (issues.length > 0) return yield* validationProblem(issues)
    }
  })
}

const utf8 = new TextDecoder("utf-8", { fatal: true })
const parse = Schema.decodeEffect(Schema.fromJsonString(Schema.Unknown))

const invalidBody = (message: string) => validationProblem([{ path: "", message }])

/** The media type is one of these, and its charset, if named, is UTF-8. */
const isAccepted = (contentType: string, accepted: ReadonlyArray<string>): boolean => {
  const [type, ...parameters] = contentType
    .toLowerCase()
    .split(";")
    .map((part) => part.trim())
  if (type === undefined || !accepted.includes(type)) return false
  return parameters.every((parameter) => {
    const [name, value] = parameter.split("=")
    return name !== "charset" || value?.replaceAll('"', "") === "utf-8"
  })
}
