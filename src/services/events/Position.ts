/**
 * Places in the log: which partition an ordering key belongs to, and how a position is written as text.
 *
 * Hash and number of partitions are fixed when a log is created: others would break the order per key.
 */
import { Effect, Schema } from "effect"
import type { Position } from "./EventRecord.ts"

/** A client sent a position that this log did not give out. */
export class InvalidPosition extends Schema.TaggedError<InvalidPosition>()("InvalidPosition", {
  position: Schema.String
}) {}

/** The name under which a log stores its hash. */
export const hashName = "fnv1a-32"

/** FNV-1a, 32 bits, over the UTF-8 bytes of the text. */
export const fnv1a = (text: string): number => {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code > 0x7f) return fnv1aOfBytes(encoder.encode(text))
    hash = Math.imul(hash ^ code, 0x01000193)
  }
  return hash >>> 0
}

export const partitionOf = (key: string, partitions: number): number => fnv1a(key) % partitions

/** The position before the first record. */
export const origin = (partitions: number): Position => Array.from({ length: partitions }, () => 0)

/** The numbers in base 36, joined by dots. For clients it is opaque. */
export const encodePosition = (position: Position): string => position.map((seq) => seq.toString(36)).join(".")

/** Fails when the text is not a position of a log with this number of partitions. */
export const decodePosition = (text: string, partitions: number): Effect.Effect<Position, InvalidPosition> => {
  const parts = text.split(".")
  const seqs = parts.map((part) => (/^(0|[1-9a-z][0-9a-z]{0,10})$/.test(part) ? Number.parseInt(part, 36) : Number.NaN))
  return seqs.length === partitions && seqs.every(Number.isSafeInteger)
    ? Effect.succeed(seqs)
    : Effect.fail(new InvalidPosition({ position: text.slice(0, 200) }))
}

const encoder = new TextEncoder()

const fnv1aOfBytes = (bytes: Uint8Array): number => {
  let hash = 0x811c9dc5
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}
