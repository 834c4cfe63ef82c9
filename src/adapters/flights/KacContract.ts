/**
 * What the hub uses of the airports corporation's flight status (provider integrations, section 2):
 * `GET {base}/FlightStatusListDTL/v1/getFlightStatusListDetail?serviceKey&flightId&schDate`, answered in XML as
 * `response.body.items.item`: one, several or none. Pure; `KacMapper` says what an item means.
 *
 * An error comes as XML with status 200, in one of two shapes: `response.header.resultCode`, or, from the portal in front of
 * it, `OpenAPI_ServiceResponse.cmmMsgHeader.returnReasonCode`. XML is read with Effect's own module, which expands no
 * entities and reads nothing from outside.
 */
import { Effect, Option, Schema, Stream } from "effect"
import { Xml } from "effect/encoding"

const field = Schema.optionalKey(Schema.String)

/** One airport's word on a flight. What is empty is not there. */
export const KacItem = Schema.Struct({
  flightId: field,
  airlineKorean: field,
  /** `202611210905`, or `0905` of the day asked for. */
  scheduleDateTime: field,
  estimatedDateTime: field,
  gatenumber: field,
  remarkKorean: field,
  remarkEnglish: field,
  /** The other airport, in Korean. */
  airport: field,
  /** O = out, I = in. */
  io: field
})
export type KacItem = typeof KacItem.Type

/** What an answer with status 200 says. */
export type KacAnswer =
  | { readonly _tag: "Items"; readonly items: ReadonlyArray<KacItem> }
  /** Code of the error, as text; empty = it names none. */
  | { readonly _tag: "Failure"; readonly code: string }
  /** No XML, or XML that nobody agreed on. */
  | { readonly _tag: "Garbage" }

/** Reads an answer. Never fails: what cannot be read is Garbage. */
export const read = (text: string): Effect.Effect<KacAnswer> =>
  Stream.make(text).pipe(
    Stream.pipeThroughChannel(Xml.decodeString({ maxDepth: 32 })),
    Stream.pipeThroughChannel(Xml.elements(["*"])),
    Stream.runHead,
    Effect.map(Option.match({ onNone: (): KacAnswer => garbage, onSome: answerOf })),
    Effect.catchTag("XmlError", () => Effect.succeed<KacAnswer>(garbage))
  )

const garbage: KacAnswer = { _tag: "Garbage" }

const answerOf = (root: Xml.Element): KacAnswer => {
  if (root.name === "OpenAPI_ServiceResponse") {
    return { _tag: "Failure", code: textAt(root, "cmmMsgHeader", "returnReasonCode") ?? "" }
  }
  const body = childrenOf(root, "body")[0]
  const code = textAt(root, "header", "resultCode")
  if (root.name !== "response" || (code === undefined && body === undefined)) return garbage
  const number = code === undefined ? 0 : Number(code)
  // 3: no data, which is an answer.
  if (number === 3) return { _tag: "Items", items: [] }
  if (number !== 0) return { _tag: "Failure", code: code ?? "" }
  const items = childrenOf(body, "items").flatMap((list) => childrenOf(list, "item"))
  return { _tag: "Items", items: items.map(itemOf) }
}

const fields = Object.keys(KacItem.fields)

const itemOf = (element: Xml.Element): KacItem =>
  KacItem.make(
    Object.fromEntries(
      fields.flatMap((name) => {
        const text = textAt(element, name)
        return text === undefined ? [] : [[name, text]]
      })
    )
  )

const childrenOf = (parent: Xml.Element | undefined, name: string): ReadonlyArray<Xml.Element> =>
  (parent?.children ?? []).flatMap((child) => (typeof child !== "string" && child.name === name ? [child] : []))

/** The text of an element on a path of names, trimmed; undefined = not there, or empty. */
const textAt = (root: Xml.Element, ...path: ReadonlyArray<string>): string | undefined => {
  const found = path.reduce<Xml.Element | undefined>((element, name) => childrenOf(element, name)[0], root)
  const text = (found?.children ?? [])
    .filter((child) => typeof child === "string")
    .join("")
    .trim()
  return text === "" ? undefined : text
}
