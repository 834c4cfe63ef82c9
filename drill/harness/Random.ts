/** Numbers that look random and are the same again for the same seed. Not for secrets. */
import { hash } from "node:crypto"

/** Numbers in [0, 1) for one drill of a run; other drills of the run do not change them (mulberry32). */
export const seeded = (seed: number, name: string): (() => number) => {
  let state = hash("sha256", `${seed}:${name}`, "buffer").readUInt32LE(0)
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
