/**
 * One owner per subscription. An owner shows signs of life; who stands by takes over when it has seen none for the length
 * of a lease, by its own clock: the clocks of two machines are never compared.
 *
 * An owner whose signs do not get through gives up before another can have taken over. When only this process can use
 * the storage there are no signs: owners of earlier processes are dead, its own are alive.
 */
import { Clock, Effect, Exit, Option } from "effect"
import { DeliverySettings } from "./DeliverySettings.ts"
import { DeliveryStore, type Lease } from "./DeliveryStore.ts"
import { persist } from "./Persist.ts"

/** Waits until the subscription is free, or its owner is dead, and takes it. */
export const acquire = Effect.fnUntraced(function* (name: string, owner: string) {
  const store = yield* DeliveryStore
  const settings = yield* DeliverySettings
  let seen: { readonly lease: Lease; readonly at: number } | null = null
  for (;;) {
    const lease = yield* persist(store.lease(name), "looking at the lease")
    const now = yield* Clock.currentTimeMillis
    if (seen === null || seen.lease.epoch !== lease.epoch || seen.lease.beat !== lease.beat) seen = { lease, at: now }
    const isFree = lease.owner === null || lease.owner === owner
    const isDead = store.isShared ? now - seen.at >= settings.leaseMillis : !store.living.has(lease.owner ?? "")
    if (isFree || isDead) {
      const taken = yield* persist(store.acquire(name, owner, lease), "taking the lease")
      if (Option.isSome(taken)) return taken.value
    } else {
      yield* Effect.sleep(settings.standbyMillis)
    }
  }
})

/** Shows signs of life; returns when the subscription is lost. No one else could take it when the store is not shared. */
export const keep = Effect.fnUntraced(function* (name: string, epoch: number) {
  const store = yield* DeliveryStore
  if (!store.isShared) return yield* Effect.never
  const settings = yield* DeliverySettings
  // Measured from before the sign was sent, so this ends before the patience of anyone who saw it.
  const patience = settings.leaseMillis - settings.renewMillis / 2
  let shownAt = yield* Clock.currentTimeMillis
  let wait = settings.renewMillis
  for (;;) {
    yield* Effect.sleep(wait)
    const startedAt = yield* Clock.currentTimeMillis
    const left = Math.max(shownAt + patience - startedAt, settings.renewMillis / 2)
    const exit = yield* Effect.exit(systemClock(Effect.timeoutOption(store.renew(name, epoch), left)))
    if (Exit.isSuccess(exit) && Option.isSome(exit.value)) {
      if (!exit.value.value) return yield* Effect.logWarning("another process has taken the subscription over")
      shownAt = startedAt
      wait = settings.renewMillis
      continue
    }
    if ((yield* Clock.currentTimeMillis) - shownAt >= patience) {
      return yield* Effect.logWarning("no sign of life could be stored in time: giving the subscription up")
    }
    wait = settings.renewMillis / 3
  }
})

/** A connection takes real time, also while a TestClock stands still or jumps. */
const systemClock = Effect.provideService(Clock.Clock, Clock.Clock.defaultValue())
