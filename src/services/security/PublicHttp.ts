/**
 * An HTTP client for addresses that somebody else chose: it reaches the public internet only.
 *
 * What counts is the address that is connected to. The name is resolved once, by the connection itself; when any address it
 * resolves to is not public, nothing is connected. So a name that changes its address between a check and the call gains
 * nothing, and neither does an address written into the URL in any of its spellings. The peer of the finished connection is
 * looked at once more before anything is sent. Redirects are not followed, proxies not used.
 */
import { NodeHttpClient } from "@effect/platform-node"
import { buildConnector } from "@effect/platform-node/Undici"
import { type Layer, Schema } from "effect"
import type { HttpClient } from "effect/http"
import { lookup as systemLookup, type LookupAddress } from "node:dns"
import { isIP, type LookupFunction } from "node:net"
import { isPublicText } from "../../domain/PublicAddress.ts"

/** In the cause of the client's `TransportError`. */
export class NotPublic extends Schema.TaggedError<NotPublic>()("NotPublic", {}) {
  // Not which address: that would tell of the network inside.
  override get message(): string {
    return "the address is not on the public internet"
  }
}

export interface PublicHttpOptions {
  /** Any address is fine: for a hub and targets inside of one network. Default false. */
  readonly allowPrivate?: boolean
  /** How names are resolved. Default: as the system does. */
  readonly lookup?: LookupFunction
}

export const layer = (options: PublicHttpOptions = {}): Layer.Layer<HttpClient.HttpClient> => {
  const lookup = options.lookup ?? systemLookup
  if (options.allowPrivate === true) return NodeHttpClient.layerUndiciOptions({ connect: { lookup } })
  const connect = buildConnector({ lookup: publicOnly(lookup) })
  return NodeHttpClient.layerUndiciOptions({
    connect: (target, callback) => {
      // An address in the URL is not looked up.
      const host = target.hostname.replace(/^\[|\]$/g, "")
      if (isIP(host) !== 0 && !isPublicText(host)) return callback(new NotPublic({}), null)
      return connect(target, (...[error, socket]) => {
        if (error !== null) return callback(error, null)
        if (isPublicText(socket.remoteAddress ?? "")) return callback(null, socket)
        socket.destroy()
        return callback(new NotPublic({}), null)
      })
    }
  })
}

/** Answers as `lookup` does, or with an error when any of the addresses is not public. */
const publicOnly =
  (lookup: LookupFunction): LookupFunction =>
  (hostname, options, callback) =>
    lookup(hostname, options, (error, address, family) => {
      if (error !== null) return callback(error, address, family)
      return addressesOf(address).every(isPublicText)
        ? callback(null, address, family)
        : callback(new NotPublic({}), "", 0)
    })

const addressesOf = (address: string | ReadonlyArray<LookupAddress>): ReadonlyArray<string> =>
  typeof address === "string" ? [address] : address.map((found) => found.address)
