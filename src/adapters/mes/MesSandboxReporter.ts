/** The sandbox's side of endpoint 10: tells the hub of a job's new status as the plant does. Gives up with a warning. */
import { Effect, Layer, Schema } from "effect"
import { HttpClient } from "effect/http"
import { now } from "../../domain/Ids.ts"
import { JobCallback } from "../../domain/MesJob.ts"
import * as SandboxReporting from "../../services/integrations/SandboxReporter.ts"
import { type SandboxJob, SandboxReporter } from "./MesSandbox.ts"

type ReporterOptions = SandboxReporting.ReporterOptions

/** Makes a sandbox report to this hub: provide it to `MesSandbox.layer`. */
export const layer = (options: Omit<ReporterOptions, "httpClient">): Layer.Layer<never, never, HttpClient.HttpClient> =>
  Layer.effect(
    SandboxReporter,
    Effect.map(HttpClient.HttpClient, (httpClient) => make({ ...options, httpClient }))
  )

/** A value for SandboxReporter. */
export const make = (options: ReporterOptions): ((job: SandboxJob) => Effect.Effect<void>) =>
  Effect.fn("MesSandboxReporter.report")(
    function* (job: SandboxJob) {
      yield* SandboxReporting.send(options, {
        method: "PUT",
        path: `/api/v1/integration/mes/orders/${job.orderId}/status`,
        id: `${job.mesJobId}.${job.status}`,
        body: yield* encode({ mesJobId: job.mesJobId, status: job.status, occurredAt: yield* now })
      })
    },
    Effect.catch((error) => Effect.logWarning(`The hub did not take the report of a job: ${error.message}`))
  )

const encode = Schema.encodeEffect(Schema.fromJsonString(JobCallback))
