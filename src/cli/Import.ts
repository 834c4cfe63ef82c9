/** `import <directory>`: takes in a catalogue export, shows progress on stderr and the report on stdout. */
import { Console, Effect, Formatter, Layer, Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import * as Hub from "../Hub.ts"
import { readCatalogDirectory, withProblems } from "../services/catalog/CatalogDirectory.ts"
import { CatalogImport } from "../services/catalog/CatalogImport.ts"
import { CatalogReport, mergeReports } from "../services/catalog/CatalogReport.ts"
import { splitUpload } from "../services/catalog/CatalogUpload.ts"
import * as Events from "../services/events/Events.ts"
import { type Access, CommandFailed, find, request } from "./RunningHub.ts"
import { settings } from "./Settings.ts"

/** Under the hub's limit of 1 MiB, with room for what surrounds the body. */
const maxBytes = 1_000_000

/** Rejected records shown per file; `--json` has all. */
const shownRejections = 20

const source = Argument.Directory("directory").pipe(
  Argument.withDescription("A directory with products.json and its companions")
)
const asJson = Flag.Boolean("json").pipe(Flag.withDefault(false), Flag.withDescription("Print the report as JSON"))

const overwrite = (text: string) =>
  Effect.sync(() => {
    if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`)
  })

const throughHub = Effect.fnUntraced(function* (url: string, access: Access, files: Readonly<Record<string, string>>) {
  const { refused, requests } = splitUpload(files, maxBytes)
  const reports: Array<CatalogReport> = []
  for (const [index, part] of requests.entries()) {
    yield* overwrite(`part ${index + 1} of ${requests.length}`)
    const startedAt = reports[0]?.startedAt
    const body = startedAt === undefined ? part : { ...part, startedAt }
    reports.push(yield* request(url, access, "POST", "/catalog/import", CatalogReport, body))
  }
  return mergeReports({ startedAt: reports[0]?.startedAt ?? "", files: [] }, ...reports, {
    startedAt: "",
    files: refused
  })
})

const summary = (report: CatalogReport): string => {
  const lines = report.files.flatMap((file) => [
    [
      file.file.padEnd(28),
      `${String(file.records).padStart(6)} records`,
      `${String(file.inserted).padStart(6)} inserted`,
      `${String(file.updated).padStart(6)} updated`,
      `${String(file.unchanged).padStart(6)} unchanged`,
      `${String(file.rejected.length).padStart(6)} rejected`,
      ...(file.superseded === 0 ? [] : [`${file.superseded} superseded`])
    ].join("  "),
    ...(file.problem === null ? [] : [`  ! ${file.problem}`]),
    ...file.notes.map((note) => `  · ${note}`),
    ...file.rejected
      .slice(0, shownRejections)
      .map(({ index, key, reason }) => `  ✗ record ${index} (${key}): ${reason}`),
    ...(file.rejected.length > shownRejections
      ? [`  … ${file.rejected.length - shownRejections} more (--json shows all)`]
      : [])
  ])
  return lines.join("\n")
}

export const importCommand = Command.make(
  "import",
  { directory: source, json: asJson },
  Effect.fn(function* ({ directory, json }) {
    const { access, config } = yield* settings
    const { files, problems } = yield* readCatalogDirectory(directory)
    const hub = yield* find(config, access)
    const imported = Option.isSome(hub)
      ? yield* throughHub(hub.value, access, files)
      : yield* CatalogImport.use((service) =>
          service.importFiles(
            { files },
            {
              onProgress: ({ done, file, total }) => overwrite(`${file} ${done}/${total}`)
            }
          )
        ).pipe(
          Effect.provide(CatalogImport.layer.pipe(Layer.provide(Events.layerSql), Layer.provide(Hub.storage(config)))),
          Effect.mapError((error) => new CommandFailed({ message: error.message }))
        )
    yield* overwrite("")
    const report = withProblems(imported, problems)
    yield* Console.log(json ? Formatter.formatJson(report, { space: 2 }) : summary(report))
  })
).pipe(Command.withDescription("Take in a catalogue export; again and again without duplicates"))
