/**
 * Keeps secrets unreadable where they are stored: AES-256-GCM, by keys that only the settings know (`HUB_SECRET_KEYS`).
 *
 * Guarantees: what was sealed for one place (`context`) does not open at another; each sealing has a nonce of its own, from
 * the system's secure random source; an error never holds a secret or a key. The first key seals, every key opens, so that
 * keys can be exchanged: first add the new one behind the old one at every hub, then put it first, then take the old away.
 * Does not store anything.
 */
import { Effect, Layer, Redacted, Schema } from "effect"
import { Aead, SecureRandom } from "effect/crypto"
import { IdSource } from "../../domain/Ids.ts"

export interface SecretKey {
  /** 1 to 50 letters, digits, `-` or `_`: stored beside what it sealed. */
  readonly id: string
  /** 32 bytes. */
  readonly key: Redacted.Redacted<Uint8Array>
}

export interface Sealed {
  readonly keyId: string
  /** 12 bytes. */
  readonly nonce: Uint8Array
  readonly ciphertext: Uint8Array
}

/** There is no key to seal with: `HUB_SECRET_KEYS` is not set. */
export class NoSecretKey extends Schema.TaggedError<NoSecretKey>()("NoSecretKey", {}) {
  override get message(): string {
    return "no secret can be stored: HUB_SECRET_KEYS is not set"
  }
}

/** Sealed by a key that is not there (any more), or not for this place, or tampered with. */
export class SecretUnreadable extends Schema.TaggedError<SecretUnreadable>()("SecretUnreadable", {
  keyId: Schema.String,
  reason: Schema.Literals(["unknown key", "does not open"])
}) {}

export interface SecretBox {
  /** Of the key that seals; null = there is none. */
  readonly keyId: string | null
  readonly seal: (context: string, secret: Redacted.Redacted) => Effect.Effect<Sealed, NoSecretKey>
  readonly open: (context: string, sealed: Sealed) => Effect.Effect<Redacted.Redacted, SecretUnreadable>
}

/** A key that is not 32 bytes long is a defect: the settings were checked before. */
export const make = Effect.fnUntraced(
  function* (keys: ReadonlyArray<SecretKey>): Effect.fn.Return<SecretBox, never, Aead.Aead> {
    const aead = yield* Aead.Aead
    const known = new Map<string, Aead.Key>()
    for (const { id, key } of keys) {
      known.set(id, yield* Effect.orDie(Aead.key(Aead.aes256Gcm, Redacted.value(key))))
    }
    const keyId = keys[0]?.id ?? null

    return {
      keyId,
      seal: Effect.fnUntraced(function* (context, secret) {
        const key = keyId === null ? undefined : known.get(keyId)
        if (keyId === null || key === undefined) return yield* new NoSecretKey()
        const nonce = yield* IdSource.use((source) => source.randomBytes(12))
        const ciphertext = yield* Effect.orDie(
          aead.encrypt(key, encode(Redacted.value(secret)), { nonce, aad: encode(context) })
        )
        return { keyId, nonce, ciphertext }
      }),
      open: Effect.fnUntraced(function* (context, sealed) {
        const key = known.get(sealed.keyId)
        if (key === undefined) return yield* new SecretUnreadable({ keyId: sealed.keyId, reason: "unknown key" })
        const bytes = yield* Effect.mapError(
          aead.decrypt(key, sealed.ciphertext, { nonce: sealed.nonce, aad: encode(context) }),
          () => new SecretUnreadable({ keyId: sealed.keyId, reason: "does not open" })
        )
        return Redacted.make(new TextDecoder().decode(bytes))
      })
    }
  },
  Effect.provide(Layer.provide(Aead.layerWebCrypto, SecureRandom.layerWebCrypto))
)

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
