/**
 * The body of a request or an answer, as the call log keeps it: JSON, XML and forms, redacted by their structure and then
 * cut. The structure is read whole before anything is cut, so that a cut never hides that a value is a secret.
 *
 * Not kept: what has no structure to go by (HTML, plain text, files, garbage) and what is larger than `largestBody`; the
 * type and size are written instead.
 */
import { Effect, Option, Predicate, Schema, Stream } from "effect"
import { Xml } from "effect/encoding"
import { clip, type Redactor } from "./Redaction.ts"

/** Bytes. */
export const largestBody = 64 * 1024

/** Characters. */
const longestKept = 8000

export interface Body {
  readonly contentType: string
  /** Bytes; null = not known. */
  readonly size: number | null
  /** Null: larger than `largestBody`, or a stream, which is not ours to read. */
  readonly bytes: Uint8Array | null
}

export const none: Body = { contentType: "", size: 0, bytes: null }

/** Null = there is no body. */
export const redacted = ({ bytes, contentType, size }: Body, redactor: Redactor): Effect.Effect<string | null> => {
  if (size === 0) return Effect.succeed(null)
  const unkept = Effect.succeed(
    `[not kept: ${size === null ? "a stream" : `${size} bytes`} of ${redactor.text(contentType.slice(0, 100)) || "unknown type"}]`
  )
  if (bytes === null) return unkept
  const text = new TextDecoder().decode(bytes).trim()
  if (/^<[?!\w]/.test(text) && !/html/i.test(contentType)) {
    return Effect.flatMap(readXml(text), (root) =>
      root === null ? unkept : Effect.succeed(keptOf(redactor, fromElement(root)))
    )
  }
  const json = parseJson(text)
  // A text or a number by itself stands under no name.
  if (Option.isSome(json) && Predicate.isObject(json.value)) return Effect.succeed(keptOf(redactor, json.value))
  return /x-www-form-urlencoded/i.test(contentType) ? Effect.succeed(clip(redactor.form(text), longestKept)) : unkept
}

const keptOf = (redactor: Redactor, value: unknown): string =>
  clip(JSON.stringify(redactor.value(value)) ?? "", longestKept)

const parseJson = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Unknown))

const readXml = (text: string): Effect.Effect<Xml.Element | null> =>
  Stream.make(text).pipe(
    Stream.pipeThroughChannel(Xml.decodeString({ maxDepth: 32 })),
    Stream.pipeThroughChannel(Xml.elements(["*"])),
    Stream.runHead,
    Effect.map(Option.getOrNull),
    Effect.catchTag("XmlError", () => Effect.succeed(null))
  )

/** `<a b="1"><c>x</c><c>y</c></a>` → `{ a: { "@b": "1", c: ["x", "y"] } }` */
const fromElement = (element: Xml.Element): unknown => ({ [element.name]: contentOf(element) })

const contentOf = ({ attributes, children }: Xml.Element): unknown => {
  const fields = new Map<string, unknown>(Object.entries(attributes).map(([name, value]) => [`@${name}`, value]))
  const texts: Array<string> = []
  for (const child of children) {
    if (typeof child === "string") {
      if (child.trim() !== "") texts.push(child.trim())
      continue
    }
    const before = fields.get(child.name)
    const content = contentOf(child)
    fields.set(
      child.name,
      before === undefined ? content : Array.isArray(before) ? [...before, content] : [before, content]
    )
  }
  if (fields.size === 0) return texts.join(" ")
  return Object.fromEntries(texts.length === 0 ? fields : [...fields, ["#text", texts.join(" ")]])
}
