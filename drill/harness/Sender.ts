/** A client that does not give up: it repeats what was not answered until some hub answers. */
import { Effect, Exit } from "effect"
import type { Answer, HubProcess } from "../../test/support/HubProcess.ts"
import * as Webhook from "../../test/support/Webhook.ts"

/** The hub that the next attempt goes to. */
export type Target = Effect.Effect<HubProcess>

/**
 * The first answer that is not 5xx or 429. An attempt that is cut off, refused, or not answered in 15 s is made again
 * after 50 ms: by then another hub may be the target.
 */
export const send = Effect.fnUntraced(function* (
  target: Target,
  attempt: (hub: HubProcess) => Effect.Effect<Answer>
): Effect.fn.Return<Answer> {
  for (;;) {
    const exit = yield* Effect.flatMap(target, attempt).pipe(Effect.timeout("15 seconds"), Effect.exit)
    if (Exit.isSuccess(exit) && exit.value.status < 500 && exit.value.status !== 429) return exit.value
    yield* Effect.sleep(50)
  }
})

/** A signed webhook, with the same `webhook-id` at each attempt, as senders of webhooks do it. */
export const deliver = (
  target: Target,
  webhook: { readonly method: "POST" | "PUT"; readonly path: string; readonly body: string; readonly id: string }
): Effect.Effect<Answer> => {
  const { body, id, method, path } = webhook
  return send(target, (hub) => hub.request(method, path, { body, headers: Webhook.signed(body, { id }) }))
}
