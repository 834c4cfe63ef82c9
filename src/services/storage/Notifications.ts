/**
 * NOTIFY and LISTEN between the processes on one server.
 *
 * A hint, not a message: notifications are coalesced, and those of the time without a connection are lost. The listener
 * calls back after each reconnection for that reason, and who depends on the news looks for itself now and then.
 */
import { type PgClient, PgConnection } from "@effect/sql-pg"
import { Clock, Deferred, Effect, Option, Queue, Schedule } from "effect"

/** At most one notification per channel in this time. */
const notifyGap = "5 millis"

/** 0.2 s, doubling, at most 5 s, for ever; from the start again after each success. */
const reconnect = Schedule.min([Schedule.exponential("200 millis"), Schedule.spaced("5 seconds")])

/** After so long without news the listener asks whether its connection still lives. */
const silence = "10 seconds"

/** Connections and their pauses are real also under a TestClock. */
const systemClock = Effect.provideService(Clock.Clock, Clock.Clock.defaultValue())

export const make = Effect.fnUntraced(function* (client: PgClient.PgClient, connection: PgConnection.Config) {
  const scope = yield* Effect.scope
  const news = new Set<string>()
  const sending = new Set<string>()

  const send = Effect.fnUntraced(function* (channel: string) {
    while (news.delete(channel)) {
      // Goes to the pool, never to the caller's transaction.
      yield* Effect.ignore(client.notify(channel, ""))
      yield* Effect.sleep(notifyGap)
    }
    sending.delete(channel)
  })

  const notify = (channel: string): Effect.Effect<void> =>
    Effect.suspend(() => {
      news.add(channel)
      if (sending.has(channel)) return Effect.void
      sending.add(channel)
      return Effect.asVoid(Effect.forkIn(systemClock(send(channel)), scope))
    })

  const listen = Effect.fnUntraced(function* (channel: string, onNotify: Effect.Effect<void>) {
    const listening = yield* Deferred.make<void>()
    const callBack = onNotify.pipe(
      Effect.catchDefect((defect) => Effect.logWarning(`The listener of ${channel} failed`, defect)),
      Effect.provideService(Clock.Clock, yield* Clock.Clock)
    )
    // Fails when there is no connection to be had, succeeds when one was lost.
    const session = Effect.gen(function* () {
      const own = yield* Effect.flatMap(PgConnection.make(connection), ({ pin }) => pin)
      const notifications = yield* own.listen(channel)
      yield* callBack
      yield* Deferred.succeed(listening, undefined)
      const next = Effect.timeoutOption(Queue.takeAll(notifications), silence)
      yield* Effect.ignore(
        Effect.forever(
          Effect.flatMap(next, Option.match({ onNone: () => own.query("select 1"), onSome: () => callBack }))
        )
      )
    }).pipe(Effect.scoped, Effect.retry(reconnect), Effect.andThen(Effect.sleep("200 millis")))
    yield* Effect.forkScoped(systemClock(Effect.forever(session)))
    yield* Deferred.await(listening)
  })

  return { notify, listen }
})
