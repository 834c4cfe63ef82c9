/**
 * Secrets that operators set at run time: stored sealed (`SecretBox`), bound to their integration and name. A secret is
 * never changed, it gets a new version; old versions stay, so that a roll-back finds them. Failures of SQL are defects.
 */
import { Effect, Record, type Redacted, Schema } from "effect"
import { now } from "../../domain/Ids.ts"
import type { NoSecretKey, Sealed, SecretBox } from "../security/SecretBox.ts"
import type { Database } from "../storage/Database.ts"
import { IsoFromDate } from "../storage/IsoFromDate.ts"

/** A version that is in force. */
export interface StoredSecret {
  readonly version: number
  readonly setBy: string
  readonly setAt: string
  /** Null: it cannot be read, see the log. */
  readonly secret: Redacted.Redacted | null
}

export const make = ({ sql }: Database["Service"], box: SecretBox) => {
  const open = (integration: string, name: string, sealed: Sealed) =>
    Effect.catch(box.open(placeOf(integration, name), sealed), ({ keyId, reason }) =>
      Effect.as(
        Effect.annotateLogs(Effect.logError("a stored secret cannot be read (HUB_SECRET_KEYS)"), {
          integration,
          secret: name,
          keyId,
          reason
        }),
        null
      )
    )

  return {
    seal: (integration: string, name: string, secret: Redacted.Redacted): Effect.Effect<Sealed, NoSecretKey> =>
      box.seal(placeOf(integration, name), secret),
    /** Gives its version. In the transaction that holds the lock of the integration. */
    add: Effect.fnUntraced(function* (integration: string, name: string, sealed: Sealed, by: string) {
      const [row] = yield* Effect.flatMap(
        sql`
          insert into runtime_secrets (integration, name, version, key_id, nonce, ciphertext, set_by, set_at)
          select ${integration}, ${name}, coalesce(max(version), 0) + 1, ${sealed.keyId}, ${sealed.nonce}::bytea,
            ${sealed.ciphertext}::bytea, ${by}, ${yield* now}::timestamptz
          from runtime_secrets where integration = ${integration} and name = ${name}
          returning version`,
        decodeVersion
      )
      return row.version
    }, Effect.orDie),
    /** By name, of the versions asked for. */
    read: Effect.fnUntraced(function* (integration: string, versions: Readonly<Record<string, number>>) {
      const found = new Map<string, StoredSecret>()
      if (Record.isEmptyReadonlyRecord(versions)) return found
      const rows = yield* Effect.flatMap(
        sql`
          select integration, name, version, key_id as "keyId", nonce, ciphertext, set_by as "setBy", set_at as "setAt"
          from runtime_secrets where integration = ${integration}`,
        decodeRows
      )
      for (const { name, setAt, setBy, version, ...sealed } of rows) {
        if (versions[name] !== version) continue
        found.set(name, { version, setBy, setAt, secret: yield* open(integration, name, sealed) })
      }
      return found
    }, Effect.orDie),
    /** Seals with the first key what another one sealed. Hubs that do it at once do it once. Gives how many. */
    rotate: Effect.fnUntraced(function* () {
      if (box.keyId === null) return 0
      const rows = yield* Effect.flatMap(
        sql`
          select integration, name, version, key_id as "keyId", nonce, ciphertext, set_by as "setBy", set_at as "setAt"
          from runtime_secrets where key_id <> ${box.keyId}`,
        decodeRows
      )
      let rotated = 0
      for (const { integration, name, version, ...old } of rows) {
        const secret = yield* open(integration, name, old)
        if (secret === null) continue
        const { ciphertext, keyId, nonce } = yield* box.seal(placeOf(integration, name), secret)
        yield* sql`
          update runtime_secrets set key_id = ${keyId}, nonce = ${nonce}::bytea, ciphertext = ${ciphertext}::bytea
          where integration = ${integration} and name = ${name} and version = ${version} and nonce = ${old.nonce}::bytea`
        rotated++
      }
      return rotated
    }, Effect.orDie)
  }
}

/** What a secret is bound to. */
const placeOf = (integration: string, name: string): string => `hub secret\0${integration}\0${name}`

const Row = Schema.Struct({
  integration: Schema.String,
  name: Schema.String,
  version: Schema.Int,
  keyId: Schema.String,
  nonce: Schema.Uint8Array,
  ciphertext: Schema.Uint8Array,
  setBy: Schema.String,
  setAt: IsoFromDate
})
const decodeRows = Schema.decodeUnknownEffect(Schema.Array(Row))
const decodeVersion = Schema.decodeUnknownEffect(Schema.Tuple([Schema.Struct({ version: Schema.Int })]))
