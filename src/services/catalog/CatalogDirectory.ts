/** Reads a catalogue export from a directory. What is missing or unreadable is told, and stops nothing. */
import { Effect, FileSystem, Path } from "effect"
import { type CatalogReport, type FileReport, problemReport } from "./CatalogReport.ts"
import { catalogFiles, requiredFiles } from "./import/CatalogFiles.ts"

export interface CatalogDirectory {
  /** Text by file name. */
  readonly files: Readonly<Record<string, string>>
  /** The files of a catalogue that cannot be read here, but for the optional one when it is missing. */
  readonly problems: ReadonlyArray<FileReport>
}

/** Gives no files and a problem for each when the directory does not exist. */
export const readCatalogDirectory = Effect.fn("readCatalogDirectory")(function* (directory: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const found = yield* Effect.forEach(catalogFiles, ({ file }) =>
    fileSystem.readFile(path.join(directory, file)).pipe(
      Effect.map((bytes) => ({ file, ...decodeText(bytes) })),
      Effect.catch((error) =>
        Effect.succeed({
          file,
          text: null,
          problem: error.reason._tag === "NotFound" ? "missing" : `cannot be read: ${error.reason._tag}`
        })
      )
    )
  )
  const directoryContents: CatalogDirectory = {
    files: Object.fromEntries(found.flatMap(({ file, text }) => (text === null ? [] : [[file, text]]))),
    problems: found.flatMap(({ file, problem }) => {
      const isOptional = !requiredFiles.some((required) => required.file === file)
      return problem === null || (isOptional && problem === "missing") ? [] : [problemReport(file, problem)]
    })
  }
  return directoryContents
})

/** The report with the directory's own problems, in the order of the files. */
export const withProblems = (report: CatalogReport, problems: ReadonlyArray<FileReport>): CatalogReport => {
  const place = (file: string) => {
    const index = catalogFiles.findIndex((known) => known.file === file)
    return index === -1 ? catalogFiles.length : index
  }
  return { ...report, files: [...report.files, ...problems].sort((a, b) => place(a.file) - place(b.file)) }
}

const decodeText = (bytes: Uint8Array): { readonly text: string | null; readonly problem: string | null } => {
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes), problem: null }
  } catch {
    return { text: null, problem: "not well-formed UTF-8" }
  }
}
