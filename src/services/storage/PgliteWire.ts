/**
 * The wire between the PostgreSQL driver and PGlite: a Duplex that hands complete protocol messages to the database in
 * this process and streams its answers back.
 *
 * PGlite has one session, shared by every Duplex ever made for it. So a second one waits until the first is closed, and
 * each begins with a clean session, whatever the one before left behind.
 */
import type { PGlite } from "@electric-sql/pglite"
import { Duplex } from "node:stream"
import { setImmediate } from "node:timers/promises"

/** `CancelRequest` and `SSLRequest` (PostgreSQL protocol 3.0, section 55.7). */
const cancelRequest = 80_877_102
const sslRequest = 80_877_103

const terminate = "X".charCodeAt(0)

/** When the wires made so far for a database are closed. */
const earlierWires = new WeakMap<PGlite, Promise<void>>()

export const make = (pglite: PGlite): Duplex => {
  let pending: Buffer = Buffer.alloc(0)
  let started = false

  let closed = false
  const ended = Promise.withResolvers<void>()
  const earlier = earlierWires.get(pglite) ?? Promise.resolve()
  earlierWires.set(
    pglite,
    earlier.then(() => ended.promise)
  )
  const close = () => {
    closed = true
    ended.resolve()
  }

  /** Cuts everything that is complete from the front of `pending`. */
  const takeComplete = (): Buffer => {
    let end = 0
    let startup = !started
    while (true) {
      const header = startup ? 0 : 1
      if (pending.length < end + header + 4) break
      const length = pending.readInt32BE(end + header)
      if (pending.length < end + header + length) break
      end += header + length
      if (startup) break
      startup = false
    }
    const complete = pending.subarray(0, end)
    pending = pending.subarray(end)
    return complete
  }

  const wire = new Duplex({
    allowHalfOpen: false,
    read() {},
    write(chunk: Buffer, _encoding, done) {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
      run().then(() => done(), done)
    },
    final(done) {
      close()
      wire.push(null)
      done()
    },
    destroy(error, done) {
      close()
      done(error)
    }
  })

  const run = async (): Promise<void> => {
    while (!closed) {
      const messages = takeComplete()
      if (messages.length === 0) return
      if (!started) {
        const code = messages.readInt32BE(4)
        if (code === cancelRequest) {
          // Nothing runs while this is read: statements end before the process does anything else.
          close()
          wire.push(null)
          return
        }
        if (code === sslRequest) {
          wire.push("N")
          continue
        }
        await earlier
        if (closed) return
        await pglite.exec("rollback")
        await pglite.exec("discard all")
        started = true
        wire.push(Buffer.from(await pglite.execProtocolRaw(messages)))
        continue
      }
      if (messages[0] === terminate) {
        close()
        wire.push(null)
        return
      }
      // PGlite works on this thread, so a loop of statements would never let anything else have a turn.
      await setImmediate()
      if (closed) return
      await pglite.execProtocolRawStream(messages, {
        onRawData: (bytes) => {
          if (!closed) wire.push(Buffer.from(bytes))
        }
      })
    }
  }

  return wire
}
