/**
 * The database goes away while orders come in: its backends are terminated, it crashes and is restarted, the network to
 * it breaks. The hub is never restarted. Each order that it acknowledged has exactly one job at the plant; while the
 * database is away requests are refused with a problem document and none hangs, `/health/ready` says so, and within
 * 15 s of its return a new job is made and everything that was under way is answered.
 */
import { PgConnection } from "@effect/sql-pg"
import { Effect, Redacted, type Scope } from "effect"
import * as HubProcess from "../../test/support/HubProcess.ts"
import * as MesPlant from "../../test/support/MesPlant.ts"
import { at, setUp } from "../../test/support/Shop.ts"
import type { Drill, NotRun, Options } from "../harness/Drill.ts"
import * as KeyedOrders from "../harness/KeyedOrders.ts"
import * as Ledger from "../harness/Ledger.ts"
import * as PostgresCluster from "../harness/PostgresCluster.ts"
import * as ServerDatabase from "../harness/ServerDatabase.ts"
import * as TcpProxy from "../harness/TcpProxy.ts"

/** What is done to the database; `during` is to be run while it is away. Returns when it is back. */
interface Fault {
  readonly name: string
  readonly inflict: (during: Effect.Effect<void>) => Effect.Effect<void, never, Scope.Scope>
  /** Is it away for long enough to be seen by who asks? */
  readonly isAway: boolean
}

const readyBound = 5_000

const look = async (hub: HubProcess.HubProcess): Promise<string> => {
  const signal = AbortSignal.timeout(readyBound)
  return await fetch(`${hub.url}/health/ready`, { signal }).then(
    ({ status }) => String(status),
    (error: unknown) => String(error)
  )
}

/** One hub on the database, one plant, shoppers, and one fault after the other at random moments. */
const drill = Effect.fnUntraced(function* (
  { known, random, say }: Options,
  databaseUrl: string,
  faults: ReadonlyArray<Fault>
) {
  const plant = yield* MesPlant.make
  const hub = yield* HubProcess.start({
    DATABASE_URL: databaseUrl,
    LOG_FORMAT: "json",
    LOG_LEVEL: "warn",
    MES_MODE: "live",
    MES_BASE_URL: plant.url,
    MES_API_KEY: "plant-key"
  })
  const shop = yield* setUp(hub)
  const load = yield* KeyedOrders.start(hub, { productId: shop.cardId, choiceIds: [shop.paperId] })
  const recoveries: Array<number> = []
  const violations: Array<string> = []
  const ledger = () =>
    Ledger.merge(
      Ledger.settle(
        load.taken(),
        Effect.runSync(plant.jobs).map(({ orderId }) => ({ id: orderId }))
      ),
      { recoveries, violations: [...load.violations(), ...violations, ...Ledger.slowRecoveries(recoveries)] }
    )
  known(ledger)
  yield* plant.awaitJobs(20)

  for (const fault of faults) {
    yield* Effect.sleep(random() * 700)
    const during = Effect.gen(function* () {
      const said = yield* Effect.promise(() => look(hub))
      if (said !== "503") violations.push(`${fault.name}: /health/ready said ${said} without a database`)
    })
    yield* fault.inflict(fault.isAway ? during : Effect.void)
    const back = performance.now()
    const before = (yield* plant.jobs).length
    yield* plant.awaitJobs(before + 1)
    const recovery = performance.now() - back
    recoveries.push(recovery)
    const settled = recovery + (yield* load.settle)
    if (settled > Ledger.recoveryLimit) {
      violations.push(`${fault.name}: what was under way was answered after ${Math.round(settled)} ms only`)
    }
    const ready = yield* Effect.promise(() => look(hub))
    if (ready !== "200") violations.push(`${fault.name}: /health/ready said ${ready} afterwards`)
    say(
      `${fault.name}: new job after ${Math.round(recovery)} ms, all answered after ${Math.round(settled)} ms, ` +
        `${load.taken().length} orders, refused ${JSON.stringify(load.refusals())}`
    )
  }

  yield* load.finish

  // What is not there after this time is lost.
  const deadline = performance.now() + arrival
  const dispatched = Effect.map(hub.request("GET", "/api/v1/orders?status=PRODUCTION_WAITING&limit=1"), ({ body }) =>
    Number(at(body, "meta", "total"))
  )
  while ((yield* dispatched) < load.taken().length && performance.now() < deadline) yield* Effect.sleep(100)
  const orders = yield* hub.request("GET", "/api/v1/orders?limit=1")
  if (at(orders.body, "meta", "total") !== load.keys()) {
    violations.push(`${String(at(orders.body, "meta", "total"))} orders were made for ${load.keys()} keys`)
  }
  const waiting = load.taken().length - (yield* dispatched)
  if (waiting !== 0) violations.push(`${waiting} orders do not know that they were dispatched`)
  const mes = yield* hub.request("GET", "/api/v1/integrations/mes")
  if (at(mes.body, "dead") !== 0) violations.push(`${String(at(mes.body, "dead"))} dead letters`)
  say(`slowest answer ${Math.round(load.longest())} ms`)
  return ledger()
})

/** Milliseconds that what was taken has, after the last fault, to arrive. */
const arrival = 30_000

const terminate = (database: string): Fault => ({
  name: "backends terminated",
  isAway: false,
  inflict: () =>
    Effect.scoped(
      Effect.flatMap(PgConnection.make({ url: Redacted.make(database) }), (connection) =>
        connection.query(
          "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        )
      )
    ).pipe(Effect.orDie, Effect.asVoid)
})

/** `down`: milliseconds. */
const restart = (cluster: PostgresCluster.PostgresCluster, mode: "fast" | "immediate", down: number): Fault => ({
  name: `restart -m ${mode}, down for ${down / 1000} s`,
  isAway: true,
  inflict: (during) =>
    Effect.gen(function* () {
      yield* cluster.stop(mode)
      yield* Effect.all([during, Effect.sleep(down)], { concurrency: 2 })
      yield* cluster.start
    })
})

const broken = (proxy: TcpProxy.TcpProxy, wire: TcpProxy.Wire, millis: number): Fault => ({
  name: `${wire._tag} for ${millis / 1000} s`,
  isAway: true,
  inflict: (during) =>
    Effect.gen(function* () {
      yield* proxy.set(wire)
      yield* Effect.all([during, Effect.sleep(millis)], { concurrency: 2 })
      yield* proxy.set({ _tag: "Pass" })
    })
})

/** Runs on a database of a cluster of its own. */
const onCluster = (
  options: Options,
  use: (
    cluster: PostgresCluster.PostgresCluster
  ) => Effect.Effect<{ readonly url: string; readonly faults: ReadonlyArray<Fault> }, never, Scope.Scope>
) =>
  Effect.gen(function* () {
    const cluster = yield* PostgresCluster.make
    if (cluster === null) {
      const none: NotRun = { _tag: "NotRun", because: PostgresCluster.missing }
      return none
    }
    const { faults, url } = yield* use(cluster)
    return yield* drill(options, url, faults)
  })

const backends: Drill = {
  name: "database-backends",
  what: "all backends of the hub's database are terminated under load",
  within: { short: 60, long: 300 },
  run: (options) =>
    ServerDatabase.onFresh((url) =>
      drill(
        options,
        url,
        Array.from({ length: options.form === "short" ? 1 : 20 }, () => terminate(url))
      )
    )
}

const restarts: Drill = {
  name: "database-restart",
  what: "the database crashes and is restarted under load, and is away for up to 20 s",
  within: { short: 60, long: 300 },
  run: (options) =>
    onCluster(options, (cluster) =>
      Effect.succeed({
        url: cluster.url("postgres"),
        faults:
          options.form === "short"
            ? [restart(cluster, "immediate", 1_000)]
            : [
                restart(cluster, "immediate", 1_000),
                restart(cluster, "fast", 1_000),
                restart(cluster, "immediate", 20_000),
                restart(cluster, "immediate", 0),
                restart(cluster, "fast", 5_000),
                restart(cluster, "immediate", 5_000)
              ]
      })
    )
}

const network: Drill = {
  name: "database-network",
  what: "connections to the database are reset, and left half-open, under load",
  within: { short: 60, long: 300 },
  run: (options) =>
    onCluster(options, (cluster) =>
      Effect.gen(function* () {
        const proxy = yield* TcpProxy.make({ port: cluster.port })
        return {
          url: cluster.url("postgres", proxy.port),
          faults:
            options.form === "short"
              ? [broken(proxy, { _tag: "Reset" }, 1_000)]
              : [
                  broken(proxy, { _tag: "Reset" }, 2_000),
                  broken(proxy, { _tag: "BlackHole" }, 3_000),
                  broken(proxy, { _tag: "Refuse" }, 5_000),
                  broken(proxy, { _tag: "BlackHole" }, 15_000)
                ]
        }
      })
    )
}

export const drills: ReadonlyArray<Drill> = [backends, restarts, network]
