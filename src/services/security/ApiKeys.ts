/**
 * API keys: who may call the hub, and for what.
 *
 * Guarantees: a key is 256 random bits, shown once and stored as its SHA-256 (a fast hash is right for a random key; it
 * has nothing to guess); comparison takes constant time; a revocation counts from the moment `revoke` returns in this
 * process, and in others as soon as they hear of it (at once on a server, within `refreshMillis` in any case).
 * `authenticate` answers from memory: no request waits for the database. "Last used" is known to the minute; it is
 * written once a minute and when the layer closes, so a crash may lose the last minute of it.
 */
import { Clock, Context, DateTime, Effect, Layer, Option, Redacted, Schema } from "effect"
import type { SqlClient } from "effect/sql"
import { hash } from "node:crypto"
import { ApiKey, type ApiKeyCreate, ApiKeyId, ApiScope } from "../../domain/ApiKey.ts"
import { IdSource, now } from "../../domain/Ids.ts"
import { Database } from "../storage/Database.ts"
import { IsoFromDate } from "../storage/IsoFromDate.ts"
import { inBackground } from "./Housekeeping.ts"

/** The caller of a request. */
export interface Principal {
  /** Id of the key; `key_env…` for HUB_ADMIN_KEY. */
  readonly id: string
  /** Name of the key: the actor in histories and mappings. */
  readonly name: string
  readonly scopes: ReadonlyArray<ApiScope>
}

export class ApiKeyNotFound extends Schema.TaggedError<ApiKeyNotFound>()("ApiKeyNotFound", { id: Schema.String }) {}

export class ApiKeys extends Context.Service<
  ApiKeys,
  {
    /** The caller that presented this text as its key; none when it is unknown, expired or revoked. */
    readonly authenticate: (presented: string) => Effect.Effect<Option.Option<Principal>>
    /** The plain key is in the answer and nowhere else. */
    readonly create: (key: ApiKeyCreate) => Effect.Effect<{ readonly apiKey: ApiKey; readonly key: Redacted.Redacted }>
    /** Oldest first, revoked ones too. `page` from 1. */
    readonly list: (page: { readonly page: number; readonly limit: number }) => Effect.Effect<{
      readonly data: ReadonlyArray<ApiKey>
      readonly total: number
    }>
    /** Revoking twice changes nothing. */
    readonly revoke: (id: ApiKeyId) => Effect.Effect<ApiKey, ApiKeyNotFound>
    /**
     * At the first start (no key was ever made, and no admin key is configured): makes the key `admin` and returns it,
     * for the terminal. Later: none. Two processes that start at once make one.
     */
    readonly ensureAdmin: Effect.Effect<Option.Option<Redacted.Redacted>>
  }
>()("hub/services/security/ApiKeys") {
  /** `adminKey`: HUB_ADMIN_KEY, accepted as long as it is set. `refreshMillis`: default 15 000. */
  static readonly layer = (options: {
    readonly adminKey: Redacted.Redacted | null
    readonly refreshMillis?: number
  }): Layer.Layer<ApiKeys, never, Database> => Layer.effect(ApiKeys, make(options))
}

interface Entry {
  readonly digest: string
  /** The answer of `authenticate`, made once. */
  readonly found: Effect.Effect<Option.Option<Principal>>
  /** Milliseconds since 1970; Infinity = never. */
  readonly expires: number
}

const channel = "hub_api_keys"

const adminFound = Effect.succeedSome<Principal>({ id: "key_env", name: "admin", scopes: ["admin"] })

const make = Effect.fnUntraced(function* (options: {
  readonly adminKey: Redacted.Redacted | null
  readonly refreshMillis?: number
}) {
  const database = yield* Database
  const { sql } = database
  const admin = options.adminKey === null ? undefined : digestOf(Redacted.value(options.adminKey))
  const entries = new Map<string, Entry>()
  const used = new Set<string>()

  // Grows with every change made here: what was read before it is out of date, and must not bring back a revoked key.
  let version = 0

  const load = Effect.gen(function* () {
    for (;;) {
      const before = version
      const rows = yield* sql`
        select id, name, scopes, encode(digest, 'hex') as digest, expires_at as "expiresAt" from api_keys where revoked_at is null
      `.pipe(Effect.flatMap(decodeEntries))
      if (version !== before) continue
      entries.clear()
      for (const row of rows) entries.set(row.id, entryOf(row))
      return
    }
  })

  /** In memory too, once it is committed; then the other processes hear of it. */
  const apply = (change: () => void) =>
    database.afterCommit(
      Effect.suspend(() => {
        version++
        change()
        return database.notify(channel)
      })
    )

  const writeLastUse = Effect.gen(function* () {
    if (used.size === 0) return
    const ids = [...used]
    used.clear()
    yield* sql`update api_keys set last_used_at = ${yield* now}::timestamptz where id = any(${ids}::text[])`
  })

  const find = (id: ApiKeyId) =>
    sql`${selectKeys(sql)} where id = ${id}`.pipe(
      Effect.flatMap(decodeKeys),
      Effect.map((rows) => rows[0])
    )

  const create = Effect.fn("ApiKeys.create")(function* (key: ApiKeyCreate) {
    const source = yield* IdSource
    const ulid = yield* source.ulid
    const plain = `hub_${ulid}_${Buffer.from(yield* source.randomBytes(32)).toString("base64url")}`
    const id = ApiKeyId.make(`key_${ulid}`)
    const digest = digestOf(plain)
    const scopes = [...new Set(key.scopes)]
    const expiresAt =
      key.expiresAt === undefined || key.expiresAt === null
        ? null
        : DateTime.toDateUtc(DateTime.makeUnsafe(key.expiresAt))
    yield* sql`
      insert into api_keys (id, name, scopes, digest, expires_at, created_at)
      values (
        ${id}, ${key.name}, ${scopes}::text[], decode(${digest}, 'hex'), ${expiresAt}, ${yield* now}::timestamptz
      )
    `
    const apiKey = yield* find(id)
    if (apiKey === undefined) return yield* Effect.die(new Error("the key just made is gone"))
    yield* apply(() => entries.set(id, entryOf({ id, name: key.name, scopes, digest, expiresAt })))
    return { apiKey, key: Redacted.make(plain, { label: "ApiKey" }) }
  }, Effect.orDie)

  yield* Effect.orDie(load)
  yield* database.listen(
    channel,
    Effect.catchCause(load, (cause) => Effect.logWarning("Could not refresh API keys, trying again later", cause))
  )
  yield* Effect.addFinalizer(() => Effect.ignoreCause(writeLastUse))
  yield* inBackground("refresh API keys", options.refreshMillis ?? 15_000, load)
  yield* inBackground("write last use of API keys", 60_000, writeLastUse)

  return ApiKeys.of({
    authenticate: (presented) => {
      const digest = digestOf(presented)
      if (admin !== undefined && isSame(digest, admin)) return adminFound
      const id = `key_${keyPattern.exec(presented)?.[1]}`
      const entry = entries.get(id)
      if (entry === undefined || !isSame(digest, entry.digest)) return Effect.succeedNone
      if (entry.expires === Infinity) {
        used.add(id)
        return entry.found
      }
      return Effect.flatMap(Clock.currentTimeMillis, (millis) => {
        if (millis >= entry.expires) return Effect.succeedNone
        used.add(id)
        return entry.found
      })
    },
    create,
    list: Effect.fn("ApiKeys.list")(function* ({ limit, page }) {
      const rows = yield* sql`
        ${selectKeys(sql)} order by id limit ${limit} offset ${(page - 1) * limit}
      `.pipe(Effect.flatMap(decodeKeys))
      const [{ total }] = yield* sql`select count(*)::int as total from api_keys`.pipe(Effect.flatMap(decodeTotal))
      const lastUsedAt = yield* now
      return { data: rows.map((row) => (used.has(row.id) ? { ...row, lastUsedAt } : row)), total }
    }, Effect.orDie),
    revoke: Effect.fn("ApiKeys.revoke")(function* (id) {
      const revoked = yield* Effect.gen(function* () {
        yield* sql`update api_keys set revoked_at = coalesce(revoked_at, ${yield* now}::timestamptz) where id = ${id}`
        return yield* find(id)
      }).pipe(Effect.orDie)
      if (revoked === undefined) return yield* new ApiKeyNotFound({ id })
      yield* apply(() => entries.delete(id))
      return revoked
    }),
    ensureAdmin: database
      .transaction(
        Effect.gen(function* () {
          if (admin !== undefined) return Option.none()
          // Two first starts at once: the second waits here and then sees the first one's key.
          yield* sql`lock table api_keys in share row exclusive mode`
          const [{ total }] = yield* sql`select count(*)::int as total from api_keys`.pipe(Effect.flatMap(decodeTotal))
          if (total > 0) return Option.none()
          const { key } = yield* create({ name: "admin", scopes: ["admin"] })
          return Option.some(key)
        })
      )
      .pipe(Effect.orDie, Effect.withSpan("ApiKeys.ensureAdmin"))
  })
})

const keyPattern = /^hub_([0-9A-HJKMNP-TV-Z]{26})_[A-Za-z0-9_-]{43}$/

/** SHA-256 in hex: as text it costs a third of what it costs as bytes. */
const digestOf = (text: string): string => hash("sha256", text, "hex")

/** Looks at every character, wherever the first difference is. */
const isSame = (one: string, other: string): boolean => {
  let difference = one.length ^ other.length
  for (let index = 0; index < one.length; index++) difference |= one.charCodeAt(index) ^ other.charCodeAt(index)
  return difference === 0
}

const EntryRow = Schema.Struct({
  id: Schema.String,
  name: Schema.String,
  scopes: Schema.Array(ApiScope),
  digest: Schema.String,
  expiresAt: Schema.NullOr(Schema.Date)
})

const entryOf = ({ digest, expiresAt, id, name, scopes }: typeof EntryRow.Type): Entry => ({
  digest,
  found: Effect.succeedSome({ id, name, scopes }),
  expires: expiresAt === null ? Infinity : expiresAt.getTime()
})

const decodeEntries = Schema.decodeUnknownEffect(Schema.Array(EntryRow))

const decodeKeys = Schema.decodeUnknownEffect(
  Schema.Array(
    Schema.Struct({
      ...ApiKey.fields,
      expiresAt: Schema.NullOr(IsoFromDate),
      createdAt: IsoFromDate,
      revokedAt: Schema.NullOr(IsoFromDate),
      lastUsedAt: Schema.NullOr(IsoFromDate)
    })
  )
)

const decodeTotal = Schema.decodeUnknownEffect(Schema.Tuple([Schema.Struct({ total: Schema.Int })]))

const selectKeys = (sql: SqlClient.SqlClient) =>
  sql`
    select id, name, scopes, expires_at as "expiresAt", created_at as "createdAt", revoked_at as "revokedAt",
      last_used_at as "lastUsedAt"
    from api_keys
  `
