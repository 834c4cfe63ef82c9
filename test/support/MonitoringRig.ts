/** Monitoring over adapters that are as the test says, and guarded calls of `ProviderRig`. */
import { Context, Effect, Layer, Ref } from "effect"
import type { AdapterStatus } from "../../src/services/integrations/Adapter.ts"
import { AdapterRegistry } from "../../src/services/integrations/AdapterRegistry.ts"
import * as ProviderRig from "./ProviderRig.ts"

/** An adapter, and what its last health check said. */
export interface FakeAdapter extends Pick<AdapterStatus, "name" | "mode" | "circuit"> {
  readonly check: boolean | null
}

export const mes: FakeAdapter = { name: "mes", mode: "live", circuit: "CLOSED", check: true }

export class FakeAdapters extends Context.Service<FakeAdapters, Ref.Ref<ReadonlyArray<FakeAdapter>>>()(
  "test/support/FakeAdapters"
) {}

/** What monitoring stands on, but for the database. `FakeAdapters` starts with one, the healthy `mes`. */
export const below = Layer.unwrap(
  Effect.map(Ref.make<ReadonlyArray<FakeAdapter>>([mes]), (adapters) =>
    Layer.mergeAll(
      Layer.succeed(FakeAdapters, adapters),
      Layer.mock(AdapterRegistry)({
        statuses: Effect.map(Ref.get(adapters), (all) =>
          all.map(({ check, circuit, mode, name }) => ({
            name,
            mode,
            healthy: check === true,
            circuit,
            lastSuccessAt: null,
            lastFailureAt: null,
            consecutiveFailures: 0
          }))
        ),
        checks: Effect.map(Ref.get(adapters), (all) => new Map(all.map(({ check, name }) => [name, check])))
      })
    )
  )
).pipe(Layer.merge(ProviderRig.services))

/** The adapters are these from now on. */
export const become = (...adapters: ReadonlyArray<FakeAdapter>) => FakeAdapters.use((ref) => Ref.set(ref, adapters))
