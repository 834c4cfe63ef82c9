/**
 * Fits a catalogue export into HTTP requests of limited size, for imports through a running hub. A file that does not
 * fit into one request is split; records of the same key stay together, so duplicates are found as in one piece.
 */
import { Result } from "effect"
import { type CatalogImportRequest, type CatalogReport, problemReport, type RejectedRecord } from "./CatalogReport.ts"
import { catalogFiles } from "./import/CatalogFiles.ts"
import { identityOf, readArray, rejection, toJson } from "./import/ParsedFile.ts"

export interface CatalogUpload {
  /** In the order they must be sent; the second and later ones with the `startedAt` of the first answer. */
  readonly requests: ReadonlyArray<CatalogImportRequest>
  /** On records that are too large for any request; merge it with the answers. */
  readonly refused: CatalogReport["files"]
}

/** `maxBytes`: of a request's body, e.g. a little less than 1 MiB. */
export const splitUpload = (files: Readonly<Record<string, string>>, maxBytes: number): CatalogUpload => {
  const requests: Array<CatalogImportRequest> = []
  const refused: Array<CatalogReport["files"][number]> = []
  for (const { file, key } of catalogFiles) {
    const text = new Map(Object.entries(files)).get(file)
    if (text === undefined) continue
    if (sizeOf({ files: { [file]: text } }) <= maxBytes) {
      requests.push({ files: { [file]: text } })
      continue
    }
    const records = readArray(text)
    if (Result.isFailure(records)) {
      refused.push(problemReport(file, records.failure))
      continue
    }
    const split = splitRecords(file, key, records.success, maxBytes)
    requests.push(...split.requests)
    if (split.rejected.length > 0) {
      refused.push({
        ...problemReport(file, ""),
        problem: null,
        records: split.rejected.length,
        rejected: split.rejected
      })
    }
  }
  return { requests: joinSmall(requests, maxBytes), refused }
}

const splitRecords = (file: string, key: ReadonlyArray<string>, records: ReadonlyArray<unknown>, maxBytes: number) => {
  const sized = records.map((raw, index) => ({
    raw,
    index,
    bytes: sizeOf(Result.getOrElse(toJson(raw), () => "")) + 12
  }))
  // Room for the names around the records.
  const room = maxBytes - 200 - 2 * file.length
  const requests: Array<CatalogImportRequest> = []
  const rejected: Array<RejectedRecord> = []
  let open: Array<(typeof sized)[number]> = []
  let bytes = 0
  const close = () => {
    if (open.length === 0) return
    requests.push({
      files: { [file]: Result.getOrElse(toJson(open.map(({ raw }) => raw)), () => "[]") },
      positions: { [file]: open.map(({ index }) => index) }
    })
    open = []
    bytes = 0
  }
  for (const group of Map.groupBy(sized, ({ raw }) => identityOf(raw, key)).values()) {
    for (const record of group) {
      if (record.bytes > room) {
        rejected.push(rejection({ index: record.index, key: "?", raw: record.raw }, "too large for a request"))
        continue
      }
      if (bytes + record.bytes > room) close()
      open.push(record)
      bytes += record.bytes
    }
  }
  close()
  return { requests, rejected }
}

/** Puts neighbours that fit into one request together. */
const joinSmall = (requests: ReadonlyArray<CatalogImportRequest>, maxBytes: number) => {
  const joined: Array<CatalogImportRequest> = []
  for (const request of requests) {
    const last = joined.at(-1)
    const both =
      last === undefined || last.positions !== undefined || request.positions !== undefined
        ? undefined
        : { files: { ...last.files, ...request.files } }
    if (both !== undefined && sizeOf(both) <= maxBytes) joined[joined.length - 1] = both
    else joined.push(request)
  }
  return joined
}

/** Bytes of its JSON text. */
const sizeOf = (value: unknown): number =>
  new TextEncoder().encode(Result.getOrElse(toJson(value), () => "")).byteLength
