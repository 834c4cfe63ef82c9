/**
 * How a command reaches the hub's data. While a hub has the embedded database open, only that hub can touch it, so the
 * command goes through its HTTP API; otherwise it opens the database itself.
 */
import { Effect, Option, type Redacted, Schema } from "effect"
import { HttpClient, HttpClientRequest, HttpClientResponse } from "effect/http"
import type { HubConfig } from "../services/HubConfig.ts"
import * as EmbeddedLock from "../services/storage/EmbeddedLock.ts"

/** What went wrong, for the terminal. */
export class CommandFailed extends Schema.TaggedError<CommandFailed>()("CommandFailed", { message: Schema.String }) {}

export interface Access {
  readonly hubUrl: string | null
  readonly apiKey: Redacted.Redacted | null
}

/** Base URL of the hub to talk to: HUB_URL, or the one that holds the embedded database. */
export const find = Effect.fnUntraced(function* (config: HubConfig, access: Access) {
  if (access.hubUrl !== null) return Option.some(access.hubUrl.replace(/\/+$/, ""))
  if (config.database.kind === "server" || config.database.directory === "memory") return Option.none<string>()
  const running = yield* EmbeddedLock.runningHub(config.database.directory)
  if (Option.isSome(running) && running.value === "") {
    return yield* new CommandFailed({
      message: "Another command or a starting hub uses the database. Try again in a moment."
    })
  }
  return running
})

const Problem = Schema.Struct({ title: Schema.String, detail: Schema.optionalKey(Schema.String) })

/** One request with the operator's key; anything but a 2xx is a CommandFailed with the problem's words. */
export const request = Effect.fnUntraced(function* <A>(
  url: string,
  access: Access,
  method: "POST" | "DELETE" | "GET",
  path: string,
  answer: Schema.Codec<A, unknown>,
  body?: unknown
) {
  if (access.apiKey === null) {
    return yield* new CommandFailed({
      message: `A hub is running at ${url}. Set HUB_API_KEY (or HUB_ADMIN_KEY) to work through its API.`
    })
  }
  const outgoing = HttpClientRequest.make(method)(`${url}/api/v1${path}`).pipe(
    HttpClientRequest.bearerToken(access.apiKey),
    body === undefined ? (same) => same : HttpClientRequest.bodyJsonUnsafe(body)
  )
  const response = yield* HttpClient.execute(outgoing).pipe(
    Effect.mapError((error) => new CommandFailed({ message: `${url} does not answer: ${error.message}` }))
  )
  if (response.status < 200 || response.status > 299) {
    const problem = yield* HttpClientResponse.schemaBodyJson(Problem)(response).pipe(
      Effect.orElseSucceed(() => ({ title: "no explanation", detail: undefined }))
    )
    return yield* new CommandFailed({
      message: `${method} ${path} was answered ${response.status}: ${problem.detail ?? problem.title}`
    })
  }
  return yield* HttpClientResponse.schemaBodyJson(answer)(response).pipe(
    Effect.mapError((error) => new CommandFailed({ message: `${method} ${path}: ${error.message}` }))
  )
})
