/**
 * Which IP addresses belong to the public internet. Pure.
 *
 * Everything else is the inside of somebody's network, of this machine, or nobody's: loopback, private, link-local (where
 * clouds answer metadata), carrier-grade NAT, documentation, multicast, reserved. An IPv6 address that stands for an IPv4
 * address (mapped, NAT64) is judged by that. Source: the IANA registries of special-purpose addresses.
 */
import { Option, Result } from "effect"
import { IpNetwork, NetAddress } from "effect/net"

const networks = (...prefixes: ReadonlyArray<string>) => prefixes.map(IpNetwork.fromStringUnsafe)

const special4 = networks(
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4"
)

/** Global unicast; what is special inside of it: protocols (Teredo too), documentation, 6to4 with any IPv4 address in it. */
const global6 = IpNetwork.fromStringUnsafe("2000::/3")
const special6 = networks("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
const nat64 = IpNetwork.fromStringUnsafe("64:ff9b::/96")

const embedded = (address: NetAddress.Ipv6Address): Option.Option<NetAddress.Ipv4Address> =>
  IpNetwork.contains(nat64, address)
    ? Option.some(NetAddress.ipv4FromBytesUnsafe(new Uint8Array(NetAddress.ipv6ToOctets(address).slice(12))))
    : NetAddress.fromIpv4Mapped(address)

export const isPublic = (address: NetAddress.IpAddress): boolean => {
  if (NetAddress.isIpv4Address(address)) return !special4.some(IpNetwork.contains(address))
  const inside = embedded(address)
  if (Option.isSome(inside)) return isPublic(inside.value)
  return IpNetwork.contains(global6, address) && !special6.some(IpNetwork.contains(address))
}

/** An address as text; a zone (`fe80::1%eth0`) and whatever is no address are not public. */
export const isPublicText = (text: string): boolean =>
  Result.match(NetAddress.ipFromString(text), {
    onFailure: () => false,
    onSuccess: isPublic
  })
