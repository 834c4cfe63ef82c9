/**
 * Takes in a catalogue export (specification, section 10): again and again without duplicates, whatever is in it.
 *
 * Guarantees: a record that cannot be taken is reported and stops nothing; the same files again change nothing and
 * publish nothing; verified mappings stay verified unless their code changes. Records that are missing from a file are
 * not deleted. Products announce themselves by product.created, changes by product.updated, product.deactivated and
 * one price.changed per product; what an import adds to a product it made itself is not announced again, but prices
 * are, as they decide whether the product is ready for the shop.
 * The texts come from memory; `CatalogDirectory` reads them from files, `CatalogUpload` fits them into HTTP requests.
 */
import { Context, Effect, Layer } from "effect"
import { now } from "../../domain/Ids.ts"
import { EventBus } from "../events/EventBus.ts"
import { Database } from "../storage/Database.ts"
import { type CatalogImportRequest, type CatalogProgress, type CatalogReport, problemReport } from "./CatalogReport.ts"
import { catalogFiles } from "./import/CatalogFiles.ts"

export interface CatalogImportOptions {
  /** Who maps choices (choice-mappings.json). Default `import`. */
  readonly actor?: string
  /** Called after each transaction, and not inside it. */
  readonly onProgress?: (progress: CatalogProgress) => Effect.Effect<void>
}

export class CatalogImport extends Context.Service<
  CatalogImport,
  {
    /** Files in any order; they are taken in the order of their references. Reports on these files only. */
    readonly importFiles: (
      request: CatalogImportRequest,
      options?: CatalogImportOptions
    ) => Effect.Effect<CatalogReport>
  }
>()("hub/services/catalog/CatalogImport") {
  static readonly layer = Layer.effect(
    CatalogImport,
    Effect.suspend(() => make)
  )
}

const make = Effect.gen(function* () {
  const database = yield* Database
  const bus = yield* EventBus

  const importFiles: CatalogImport["Service"]["importFiles"] = Effect.fn("CatalogImport.importFiles")(
    function* (request, options) {
      const startedAt = request.startedAt ?? (yield* now)
      const files = new Map(Object.entries(request.files))
      const known = catalogFiles.filter(({ file }) => files.has(file))
      const reports = yield* Effect.forEach(known, ({ file, take }) =>
        take({
          text: files.get(file) ?? "",
          positions: new Map(Object.entries(request.positions ?? {})).get(file),
          database,
          bus,
          startedAt,
          actor: options?.actor ?? "import",
          onProgress: options?.onProgress ?? (() => Effect.void)
        })
      )
      const unknown = [...files.keys()].filter((name) => !catalogFiles.some(({ file }) => file === name))
      return {
        startedAt,
        files: [...reports, ...unknown.map((name) => problemReport(name, "not a file of a catalogue"))]
      }
    }
  )

  return CatalogImport.of({ importFiles })
})
