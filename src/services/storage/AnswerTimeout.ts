/**
 * Half-open connections: the network has forgotten a connection and tells neither side, so a statement on it would wait
 * for the operating system to give up, a quarter of an hour and more. A connection that has sent something and heard
 * nothing for a while is destroyed instead; the pool replaces it, and the statement fails as with any lost connection.
 *
 * A statement that takes longer than that fails too: whoever needs more time (migrations) uses a connection without it.
 * Encrypted connections are left alone: their messages cannot be told apart here.
 */
import * as Net from "node:net"

/** Milliseconds. */
const defaultPatience = 8000
const keepAlive = 30_000

/** ReadyForQuery, the end of every answer: type and length, before the transaction's state. */
const ready = Buffer.from([0x5a, 0, 0, 0, 5])

/**
 * For a connection's `stream`; undefined where there is no network in between (a Unix socket). `ended` is told whether the
 * attempt to connect succeeded. `patience`: milliseconds, default 8000.
 */
export const streamOf = (
  url: URL,
  ended: (isConnected: boolean) => void = () => {},
  patience = defaultPatience
): (() => Net.Socket) | undefined => {
  const host = url.searchParams.get("host") ?? decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, "$1")
  const port = Number(url.searchParams.get("port") ?? url.port)
  if (host.startsWith("/")) return undefined
  return () =>
    watch(
      Net.connect({
        host: host === "" ? "localhost" : host,
        port: port === 0 ? 5432 : port,
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: keepAlive
      }),
      ended,
      patience
    )
}

const watch = (socket: Net.Socket, ended: (isConnected: boolean) => void, patience: number): Net.Socket => {
  /** Bytes that had been sent when the last answer was complete. */
  let answered = 0
  let tail: Buffer = Buffer.alloc(0)
  let isFirst = true
  let isEncrypted = false
  socket.once("close", (hadError) => {
    // What asks for a statement to be cancelled is closed without a word: it tells nothing.
    if (answered === 0 && (hadError || socket.bytesRead > 0)) ended(isEncrypted)
  })
  socket.on("data", (chunk: Buffer) => {
    // The server agrees to encrypt: from here on nothing of it is seen.
    if (isFirst && chunk.length === 1 && chunk.toString("latin1") === "S") {
      socket.setTimeout(0)
      isEncrypted = true
    }
    isFirst = false
    tail = (chunk.length >= 6 ? chunk : Buffer.concat([tail, chunk])).subarray(-6)
    if (!tail.subarray(0, 5).equals(ready)) return
    if (answered === 0) ended(true)
    answered = socket.bytesWritten
  })
  // Neither sent nor heard anything for so long.
  socket.setTimeout(patience, () => {
    if (socket.bytesWritten > answered) socket.destroy(new Error(`no answer for ${patience / 1000} s`))
  })
  return socket
}
