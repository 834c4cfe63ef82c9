/**
 * Completes package-lock.json after `npm install` changed it.
 *
 * A registry mirror may lack the binaries that a package lists for other platforms (optionalDependencies). npm then
 * leaves them out of the lock file, and `npm ci` refuses that lock everywhere, also where they exist and are needed.
 * This adds them at the version that their package asks for, marked with the platform that their name tells, so that
 * npm skips them elsewhere. They carry no integrity hash: it cannot be known here.
 *
 *     node scripts/lock.ts
 */
import { readFileSync, writeFileSync } from "node:fs"

interface Package {
  readonly version?: string
  readonly dev?: boolean
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly [other: string]: unknown
}

const systems = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"]
const processors = ["arm64", "arm", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "wasm32", "x64"]

const file = new URL("../package-lock.json", import.meta.url)
const lock: { packages: Record<string, Package> } = JSON.parse(readFileSync(file, "utf8"))

/** Where Node finds `name` from the package at `path`: in its own node_modules or in those above it. */
const isLocked = (path: string, name: string): boolean =>
  `${path === "" ? "" : `${path}/`}node_modules/${name}` in lock.packages ||
  (path !== "" && isLocked(path.slice(0, Math.max(0, path.lastIndexOf("node_modules/") - 1)), name))

const added: Array<string> = []
for (const [path, { dev, optionalDependencies = {} }] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    if (isLocked(path, name)) continue
    const words = name.split(/[/-]/)
    const os = systems.filter((system) => words.includes(system))
    const cpu = processors.filter((processor) => words.includes(processor))
    if (!/^\d+\.\d+\.\d+[^ ]*$/.test(version) || os.length + cpu.length === 0) {
      throw new Error(`${path} wants ${name}@${version}: no exact version of a package for one platform`)
    }
    const libc = words.includes("musl") ? ["musl"] : os.includes("linux") && words.includes("gnu") ? ["glibc"] : []
    lock.packages[`node_modules/${name}`] = {
      version,
      ...(cpu.length > 0 && { cpu }),
      ...(dev === true && { dev }),
      ...(libc.length > 0 && { libc }),
      optional: true,
      ...(os.length > 0 && { os })
    }
    added.push(`${name}@${version}`)
  }
}

const sorted = Object.entries(lock.packages).toSorted(([a], [b]) => a.localeCompare(b, "en"))
lock.packages = Object.fromEntries(sorted)
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
console.log(added.length === 0 ? "package-lock.json is complete" : `added ${added.length}: ${added.join(", ")}`)
