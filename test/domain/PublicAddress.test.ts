import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { IpNetwork, NetAddress } from "effect/net"
import { isPublic, isPublicText } from "../../src/domain/PublicAddress.ts"

const Octet = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 }))
const Octets = Schema.Tuple([Octet, Octet, Octet, Octet])
const ipv4 = (octets: readonly [number, number, number, number]) =>
  NetAddress.ipv4FromBytesUnsafe(new Uint8Array(octets))

/** Written down again, by what no list of networks is needed for. */
const insideOf4 = ([a, b, c]: readonly [number, number, number, number]): boolean =>
  a === 0 ||
  a === 10 ||
  a === 127 ||
  a >= 224 ||
  (a === 100 && b >= 64 && b <= 127) ||
  (a === 169 && b === 254) ||
  (a === 172 && b >= 16 && b <= 31) ||
  (a === 192 && b === 168) ||
  (a === 192 && b === 0 && (c === 0 || c === 2)) ||
  (a === 192 && b === 88 && c === 99) ||
  (a === 198 && (b === 18 || b === 19)) ||
  (a === 198 && b === 51 && c === 100) ||
  (a === 203 && b === 0 && c === 113)

describe("PublicAddress", () => {
  it.prop(
    "an IPv4 address is judged the same as it is, mapped into IPv6, and behind NAT64",
    [Octets],
    ([octets]) => {
      const address = ipv4(octets)
      assert.strictEqual(isPublic(address), !insideOf4(octets))
      assert.strictEqual(isPublic(NetAddress.toIpv4Mapped(address)), isPublic(address))
      assert.strictEqual(isPublicText(`64:ff9b::${octets.join(".")}`), isPublic(address))
    },
    { arbitrary: { runs: 1000 } }
  )

  it("refuses the first and the last address of every special network", () => {
    for (const network of [
      "10.0.0.0/8",
      "100.64.0.0/10",
      "127.0.0.0/8",
      "169.254.0.0/16",
      "172.16.0.0/12",
      "192.168.0.0/16",
      "198.18.0.0/15",
      "224.0.0.0/4",
      "240.0.0.0/4",
      "::/128",
      "::1/128",
      "fc00::/7",
      "fe80::/10",
      "ff00::/8",
      "2001::/32",
      "2001:db8::/32",
      "2002::/16",
      "::ffff:127.0.0.0/104",
      "::ffff:169.254.169.254/128"
    ]) {
      const prefix = IpNetwork.fromStringUnsafe(network)
      assert.isFalse(isPublic(IpNetwork.firstAddress(prefix)), network)
      assert.isFalse(isPublic(IpNetwork.lastAddress(prefix)), network)
    }
  })

  it("lets the public internet through, and nothing that is no address", () => {
    for (const text of ["1.1.1.1", "8.8.8.8", "100.128.0.1", "172.32.0.1", "2606:4700::1111", "2a00:1450:4001::200e"]) {
      assert.isTrue(isPublicText(text), text)
    }
    for (const text of ["", "localhost", "127.1", "0x7f000001", "2130706433", "fe80::1%eth0", "fd00:ec2::254"]) {
      assert.isFalse(isPublicText(text), text)
    }
  })
})
