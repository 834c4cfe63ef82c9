/**
 * A wire that can be broken: a TCP proxy between the hub and anything, its behaviour switched at run time. The port stays
 * the same for its life.
 *
 * It knows no protocol. What it breaks stays broken: a connection that bytes were swallowed of never works again, also
 * after the wire is whole, as with a firewall that has forgotten it.
 */
import { Effect, type Scope, Semaphore } from "effect"
import * as Net from "node:net"

export type Wire =
  | { readonly _tag: "Pass" }
  /** The port is closed, and every connection. */
  | { readonly _tag: "Refuse" }
  /** Every connection is reset (RST), and each new one as soon as it is there. */
  | { readonly _tag: "Reset" }
  /** Takes connections and bytes, and passes nothing on, in either direction. */
  | { readonly _tag: "BlackHole" }
  /** Passes each chunk of an answer on so many milliseconds later. */
  | { readonly _tag: "Slow"; readonly millis: number }
  /** Passes half of the next chunk of an answer on, and resets the connection. */
  | { readonly _tag: "Cut" }
  /** New connections go to this port instead; present ones are reset. */
  | { readonly _tag: "Divert"; readonly port: number }

export interface TcpProxy {
  readonly port: number
  /** Present connections are affected at once; returns when new ones are too. */
  readonly set: (wire: Wire) => Effect.Effect<void>
  /** Connections to the proxy that are open now, swallowed ones too. */
  readonly connections: Effect.Effect<number>
}

interface Link {
  readonly near: Net.Socket
  /** Null: there was nobody to connect to. */
  readonly far: Net.Socket | null
  swallowed: boolean
}

export const make = (target: {
  /** Default 127.0.0.1. */
  readonly host?: string
  /** A function: asked for each connection, for a target that is made after the proxy. */
  readonly port: number | (() => number)
}): Effect.Effect<TcpProxy, never, Scope.Scope> =>
  Effect.gen(function* () {
    const links = new Set<Link>()
    const toggling = yield* Semaphore.make(1)
    const targetPort = () => (typeof target.port === "number" ? target.port : target.port())
    let wire: Wire = { _tag: "Pass" }

    const reset = (link: Link) => {
      links.delete(link)
      link.near.resetAndDestroy()
      link.far?.resetAndDestroy()
    }

    const passAnswer = (link: Link, chunk: Buffer) => {
      if (link.swallowed) return
      if (wire._tag === "Slow") {
        // One delay for all: chunks stay in order.
        setTimeout(() => !link.swallowed && link.near.writable && link.near.write(chunk), wire.millis)
      } else if (wire._tag === "Cut") {
        link.near.write(chunk.subarray(0, Math.floor(chunk.length / 2)), () => reset(link))
        link.swallowed = true
      } else link.near.write(chunk)
    }

    const join = (link: Link, far: Net.Socket) => {
      const { near } = link
      near.on("data", (chunk: Buffer) => !link.swallowed && far.write(chunk))
      far.on("data", (chunk: Buffer) => passAnswer(link, chunk))
      // Who swallows does not pass the end on either: the other side sees a half-open connection.
      near.on("end", () => (link.swallowed ? near.end() : far.end()))
      far.on("end", () => {
        if (link.swallowed) return
        if (wire._tag === "Slow") setTimeout(() => near.end(), wire.millis)
        else near.end()
      })
      far.on("close", (failed) => failed && !link.swallowed && reset(link))
      near.on("close", (failed) => failed && !link.swallowed && reset(link))
      far.on("close", () => near.destroyed && links.delete(link))
    }

    const server = Net.createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
      near.on("error", () => {})
      if (wire._tag === "Reset") {
        near.resetAndDestroy()
        return
      }
      const isHole = wire._tag === "BlackHole"
      const far = isHole
        ? null
        : Net.connect({
            allowHalfOpen: true,
            noDelay: true,
            ...(wire._tag === "Divert" ? { port: wire.port } : { host: target.host ?? "127.0.0.1", port: targetPort() })
          })
      far?.on("error", () => {})
      const link: Link = { near, far, swallowed: isHole }
      links.add(link)
      // Who was swallowed of keeps its far side until the end.
      near.on("close", () => (far === null || far.destroyed) && links.delete(link))
      if (far !== null) join(link, far)
      else near.resume().on("end", () => near.end())
    })

    const listen = (port: number) =>
      Effect.callback<number>((resume) => {
        server.once("error", (error) => resume(Effect.die(error)))
        server.listen(port, "127.0.0.1", () => {
          server.removeAllListeners("error")
          const address = server.address()
          resume(Effect.succeed(address !== null && typeof address === "object" ? address.port : port))
        })
      })
    const cutAll = Effect.sync(() => links.forEach(reset))
    const close = Effect.callback<void>((resume) => {
      server.close(() => resume(Effect.void))
      links.forEach(reset)
    })

    const port = yield* Effect.acquireRelease(listen(0), () =>
      Effect.andThen(
        cutAll,
        Effect.suspend(() => (server.listening ? close : Effect.void))
      )
    )

    const set = Effect.fnUntraced(function* (next: Wire) {
      const before = wire
      wire = next
      if (next._tag === "Refuse") {
        if (server.listening) yield* close
        return
      }
      if (!server.listening) yield* listen(port)
      if (next._tag === "Reset" || next._tag === "Divert" || before._tag === "Divert") yield* cutAll
      if (next._tag === "BlackHole") for (const link of links) link.swallowed = true
    })

    return {
      port,
      set: (next) => Semaphore.withPermits(toggling, 1)(set(next)),
      connections: Effect.sync(() => [...links].filter(({ near }) => !near.destroyed).length)
    }
  })
