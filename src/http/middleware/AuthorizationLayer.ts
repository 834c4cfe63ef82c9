/** Checks the API key of a request and its scope. `X-API-Key` comes before `Authorization: Bearer`. */
import { Context, Effect, Layer, Option } from "effect"
import { HttpServerRequest } from "effect/http"
import { ApiKeys } from "../../services/security/ApiKeys.ts"
import { Authorization, RequiredScope } from "../api/Access.ts"
import { ForbiddenProblem, UnauthorizedProblem } from "../api/Problems.ts"
import { requestContext } from "./RequestContext.ts"

export const layer: Layer.Layer<Authorization, never, ApiKeys> = Layer.effect(
  Authorization,
  Effect.map(ApiKeys, (keys) => (httpEffect, { endpoint, group }) => {
    const scope = Context.get(Context.merge(group.annotations, endpoint.annotations), RequiredScope)
    const detail = `Needs the scope ${scope}`

    return Effect.withFiber((fiber) => {
      const presented = presentedKey(Context.getUnsafe(fiber.context, HttpServerRequest.HttpServerRequest))
      if (presented === undefined) return Effect.fail(new UnauthorizedProblem())
      return Effect.flatMapEager(keys.authenticate(presented), (found): ReturnType<Authorization["Service"]> => {
        if (Option.isNone(found)) return Effect.fail(new UnauthorizedProblem())
        const { scopes } = found.value
        if (!scopes.includes(scope) && !scopes.includes("admin")) return Effect.fail(new ForbiddenProblem({ detail }))
        const own = requestContext(fiber)
        if (own !== undefined) own.principal = found.value
        return httpEffect
      })
    })
  })
)

/** The key that a request presents. */
export const presentedKey = ({ headers }: HttpServerRequest.HttpServerRequest): string | undefined =>
  headers["x-api-key"] ?? /^bearer +(\S+)$/i.exec(headers["authorization"] ?? "")?.[1]
