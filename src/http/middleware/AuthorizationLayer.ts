/** Checks the API key of a request and its scope. `X-API-Key` comes before `Authorization: Bearer`. */
import { Context, Effect, Layer, Option } from "effect"
import { HttpServerRequest } from "effect/http"
import { ApiKeys, type Principal } from "../../services/security/ApiKeys.ts"
import { Authorization, Caller, RequiredScope } from "../api/Access.ts"
import { ForbiddenProblem, UnauthorizedProblem } from "../api/Problems.ts"
import { requestContext } from "./RequestContext.ts"

export const layer: Layer.Layer<Authorization, never, ApiKeys> = Layer.effect(
  Authorization,
  Effect.map(ApiKeys, (keys) => (httpEffect, { endpoint, group }) => {
    const scope = Context.get(Context.merge(group.annotations, endpoint.annotations), RequiredScope)
    const forbidden = `Needs the scope ${scope}`

    const check = (found: Option.Option<Principal>): ReturnType<Authorization["Service"]> => {
      if (Option.isNone(found)) return Effect.fail(new UnauthorizedProblem())
      const principal = found.value
      if (!principal.scopes.includes(scope) && !principal.scopes.includes("admin")) {
        return Effect.fail(new ForbiddenProblem({ detail: forbidden }))
      }
      return Effect.withFiber((fiber) => {
        const request = requestContext(fiber)
        if (request !== undefined) request.principal = principal
        return Effect.provideService(httpEffect, Caller, principal)
      })
    }

    return Effect.withFiber((fiber) => {
      const presented = presentedKey(Context.getUnsafe(fiber.context, HttpServerRequest.HttpServerRequest))
      return presented === undefined
        ? Effect.fail(new UnauthorizedProblem())
        : Effect.flatMapEager(keys.authenticate(presented), check)
    })
  })
)

/** The key that a request presents. */
export const presentedKey = ({ headers }: HttpServerRequest.HttpServerRequest): string | undefined =>
  headers["x-api-key"] ?? /^bearer +(\S+)$/i.exec(headers["authorization"] ?? "")?.[1]
