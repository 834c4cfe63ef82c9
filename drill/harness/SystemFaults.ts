/**
 * The eight ways in which an outside system fails, for each of the three. Faults of the network are made on the wire,
 * answers that no system should give by an impostor at its address, and errors inside a 200 by the system itself, where
 * its contract knows them.
 */
import { Effect, type Scope } from "effect"
import { logicalError } from "../../test/support/EdicusPlatform.ts"
import type { Scene } from "../../test/support/Scene.ts"
import { refusedChange } from "../../test/support/ShopbyMall.ts"
import { garbage } from "../../test/support/simulator/Faults.ts"
import * as HttpSimulator from "../../test/support/simulator/HttpSimulator.ts"
import * as TcpProxy from "./TcpProxy.ts"

export const systems = ["shopby", "mes", "edicus"] as const
export type System = (typeof systems)[number]

export const faults = ["refuses", "resets", "hangs", "slow", "5xx", "429", "garbage", "error in 200"] as const
export type FaultName = (typeof faults)[number]

export interface SystemFaults {
  /** Settings that lead the hub through the wires. */
  readonly env: Readonly<Record<string, string>>
  /** Until then the systems refuse connections. */
  readonly connect: (scene: Scene) => Effect.Effect<void>
  readonly inflict: (system: System, fault: FaultName) => Effect.Effect<void>
  /** All is well again. */
  readonly clear: (system: System) => Effect.Effect<void>
}

/** Milliseconds by which a slow system delays each answer: within the hub's time limit, far above the core's. */
const slowness = 700

/** Seconds. */
const retryAfter = 2

export const make: Effect.Effect<SystemFaults, never, Scope.Scope> = Effect.gen(function* () {
  let scene: Scene | undefined
  const known = () => scene ?? absent()
  const urls = {
    shopby: () => known().mall.url,
    mes: () => known().plant.url,
    edicus: () => known().edicus.url
  }
  const wires = {
    shopby: yield* TcpProxy.make({ port: () => portOf(urls.shopby()) }),
    mes: yield* TcpProxy.make({ port: () => portOf(urls.mes()) }),
    edicus: yield* TcpProxy.make({ port: () => portOf(urls.edicus()) })
  }
  const all = (wire: TcpProxy.Wire) => Effect.forEach(systems, (system) => wires[system].set(wire), { discard: true })
  yield* all({ _tag: "Refuse" })
  const impostor = yield* HttpSimulator.make
  const divert = (system: System, answer: HttpSimulator.SimulatedAnswer) =>
    Effect.andThen(
      impostor.respond(() => Effect.succeed(answer)),
      wires[system].set({ _tag: "Divert", port: portOf(impostor.url) })
    )

  const inflict = (system: System, fault: FaultName): Effect.Effect<void> => {
    const wire = wires[system]
    switch (fault) {
      case "refuses":
        return wire.set({ _tag: "Refuse" })
      case "resets":
        return wire.set({ _tag: "Reset" })
      case "hangs":
        return wire.set({ _tag: "BlackHole" })
      case "slow":
        return wire.set({ _tag: "Slow", millis: slowness })
      case "5xx":
        return divert(system, HttpSimulator.json(503, { message: "down for maintenance" }))
      case "429":
        return divert(system, HttpSimulator.json(429, { message: "slow down" }, { "retry-after": String(retryAfter) }))
      case "garbage":
        return divert(system, garbage)
      case "error in 200":
        return Effect.suspend(() => refuse(known(), system))
    }
  }

  const wireUrl = (system: System) => `http://127.0.0.1:${wires[system].port}`
  return {
    env: {
      SHOPBY_BASE_URL: wireUrl("shopby"),
      MES_BASE_URL: wireUrl("mes"),
      EDICUS_BASE_URL: wireUrl("edicus")
    },
    connect: (made) => {
      scene = made
      return all({ _tag: "Pass" })
    },
    inflict,
    clear: (system) =>
      Effect.gen(function* () {
        const { edicus, mall, plant } = known()
        yield* plant.setMood({ _tag: "Accept" })
        yield* mall.faults.clear
        yield* edicus.faults.clear
        yield* wires[system].set({ _tag: "Pass" })
      })
  }
})

const absent = (): never => {
  throw new Error("the systems are not there yet")
}

const portOf = (url: string): number => Number(new URL(url).port)

/** Refused in the way of the contract: a rejected job, a failure in the list of changes, an `err`. */
const refuse = ({ edicus, mall, plant }: Scene, system: System): Effect.Effect<void> => {
  switch (system) {
    case "mes":
      return plant.setMood({ _tag: "Reject", errorMessage: "no such paper" })
    case "edicus":
      return edicus.faults.plan("*", logicalError("invalid-status", "no"), many)
    case "shopby":
      return mall.faults.plan("changeStatus", refusedChange("O9999", "the order cannot be changed"), many)
  }
}

const many = 100_000
