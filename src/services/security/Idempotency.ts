/**
 * `Idempotency-Key`: a request that is sent again has its effect once, and gets the first answer again.
 *
 * Guarantees, per API key, method, path and Idempotency-Key, for 24 hours: the same body gets the first answer, another
 * body is a mismatch, a request that is still running is in progress (its lease of 60 s ends by itself if its process
 * dies). Only successful answers are kept, in the transaction of their effect: never one without the other.
 * Answers may hold secrets (a new API key), so they are stored sealed with AES-256-GCM under a key made from what the
 * caller presents, which the database does not have.
 */
import { Clock, Context, DateTime, Effect, Exit, Layer, Option, Queue, Redacted, Schema } from "effect"
import { createCipheriv, createDecipheriv, createHmac, hash } from "node:crypto"
import { IdSource } from "../../domain/Ids.ts"
import { Database } from "../storage/Database.ts"
import { isConnectionFailure, isUnsent } from "../storage/DatabaseErrors.ts"
import { outlive } from "../storage/Outlive.ts"
import type { Answer, Answered } from "./Answer.ts"
import { inBackground } from "./Housekeeping.ts"

/** The key was used for another request. HTTP 422. */
export class IdempotencyMismatch extends Schema.TaggedError<IdempotencyMismatch>()("IdempotencyMismatch", {}) {}

/** The first request is still running. HTTP 409. */
export class IdempotencyInProgress extends Schema.TaggedError<IdempotencyInProgress>()("IdempotencyInProgress", {
  /** When it can be known, at the latest. */
  retryAfterSeconds: Schema.Int
}) {}

export interface IdempotentRequest {
  /** Id of the API key. */
  readonly apiKeyId: string
  /** The API key itself: seals the stored answer. */
  readonly credential: Redacted.Redacted
  readonly method: string
  /** Without the query. */
  readonly path: string
  /** The `Idempotency-Key`. */
  readonly key: string
  /** Everything that must be the same the second time: query and body. */
  readonly fingerprint: Uint8Array
}

export class Idempotency extends Context.Service<
  Idempotency,
  {
    /**
     * With `transaction` (default) the effect runs in a database transaction and its answer is kept with it. Without,
     * for an effect that waits for something else, the answer is kept after it: a crash in between lets the request run
     * again, so it must be harmless.
     */
    readonly run: <E, R>(
      request: IdempotentRequest,
      effect: Effect.Effect<Answer, E, R>,
      options?: { readonly transaction?: boolean }
    ) => Effect.Effect<Answered, E | IdempotencyMismatch | IdempotencyInProgress, R>
  }
>()("hub/services/security/Idempotency") {
  static readonly layer: Layer.Layer<Idempotency, never, Database> = Layer.suspend(() =>
    Layer.effect(Idempotency, make)
  )
}

const memoryMillis = 24 * 3_600_000
const leaseMillis = 60_000

const make = Effect.gen(function* () {
  const database = yield* Database
  const { sql } = database

  /** Takes the key for this run: none when another one has it. */
  const claim = (id: Uint8Array, fingerprint: Uint8Array, token: string, now: number) =>
    sql`
      insert into idempotency_keys (id, fingerprint, token, lease_until, created_at)
      values (${id}, ${fingerprint}, ${token}, ${at(now + leaseMillis)}, ${at(now)})
      on conflict (id) do update
        set fingerprint = excluded.fingerprint, token = excluded.token, lease_until = excluded.lease_until,
          created_at = excluded.created_at, answer = null
        where idempotency_keys.created_at <= ${at(now - memoryMillis)}
          or (idempotency_keys.answer is null and idempotency_keys.lease_until <= ${at(now)})
      returning token
    `.pipe(
      Effect.orDie,
      Effect.map((rows) => rows.length > 0)
    )

  const find = (id: Uint8Array) =>
    sql`
      select fingerprint, answer, lease_until as "leaseUntil" from idempotency_keys where id = ${id}
    `.pipe(
      Effect.flatMap(decodeRows),
      Effect.map((rows) => Option.fromNullishOr(rows[0])),
      Effect.orDie
    )

  /** False: the lease ran out and another run has the key now. */
  const keep = (id: Uint8Array, token: string, answer: Uint8Array) =>
    sql`
      update idempotency_keys set answer = ${answer} where id = ${id} and token = ${token} returning token
    `.pipe(
      Effect.orDie,
      Effect.map((rows) => rows.length > 0)
    )

  const release = (id: Uint8Array, token: string) =>
    Effect.orDie(sql`delete from idempotency_keys where id = ${id} and token = ${token} and answer is null`)

  // Nobody else can have an embedded database open: who held these died with them.
  if (database.kind === "embedded") yield* Effect.orDie(sql`delete from idempotency_keys where answer is null`)
  /** Keys to give back when the database is there again: else who tries again would be told for a minute to wait. */
  const owed = yield* Queue.unbounded<Effect.Effect<unknown>>()
  // One after the other: what waits for the database must not be many.
  yield* Queue.take(owed).pipe(
    Effect.flatMap((giveBack) => outlive(giveBack, "giving an idempotency key back")),
    Effect.catchCause((cause) => Effect.logWarning("an idempotency key could not be given back", cause)),
    Effect.forever,
    Effect.forkScoped
  )

  yield* inBackground(
    "forget old idempotency keys",
    "1 hour",
    Effect.flatMap(
      Clock.currentTimeMillis,
      (now) => sql`delete from idempotency_keys where created_at <= ${at(now - memoryMillis)}`
    )
  )

  const run = Effect.fn("Idempotency.run")(function* <E, R>(
    request: IdempotentRequest,
    effect: Effect.Effect<Answer, E, R>,
    options?: { readonly transaction?: boolean }
  ): Effect.fn.Return<Answered, E | IdempotencyMismatch | IdempotencyInProgress, R> {
    const { credential } = request
    const id = hash("sha256", [request.apiKeyId, request.method, request.path, request.key].join("\n"), "buffer")
    const now = yield* Clock.currentTimeMillis
    const source = yield* IdSource
    const token = yield* source.uuidV4()
    const seal = (answer: Answer) =>
      Effect.map(source.randomBytes(12), (nonce) => encrypt(sealingKey(credential, id), nonce, answer))

    const attempt = Effect.gen(function* () {
      const answer = yield* effect
      if (!(yield* keep(id, token, yield* seal(answer)))) {
        return yield* new IdempotencyInProgress({ retryAfterSeconds: 1 })
      }
      return { answer, repeated: false }
    })

    // It may have been taken although the answer was lost.
    const isFirst = yield* Effect.tapCause(claim(id, request.fingerprint, token, now), (cause) =>
      isConnectionFailure(cause) && !isUnsent(cause) ? Queue.offer(owed, release(id, token)) : Effect.void
    )
    if (isFirst) {
      const first = options?.transaction === false ? attempt : database.transaction(attempt)
      return yield* Effect.onExit(first, (exit) => {
        if (Exit.isSuccess(exit)) return Effect.void
        return isConnectionFailure(exit.cause)
          ? Queue.offer(owed, release(id, token))
          : Effect.ignoreCause(release(id, token))
      })
    }
    const row = yield* find(id)
    // Released in between: the other run failed, and this one may be the first.
    if (Option.isNone(row)) return yield* new IdempotencyInProgress({ retryAfterSeconds: 1 })
    const { answer, fingerprint, leaseUntil } = row.value
    if (!Buffer.from(fingerprint).equals(request.fingerprint)) return yield* new IdempotencyMismatch()
    if (answer === null) {
      const wait = Math.max(1, Math.ceil((leaseUntil.getTime() - now) / 1000))
      return yield* new IdempotencyInProgress({ retryAfterSeconds: wait })
    }
    return { answer: yield* decrypt(sealingKey(credential, id), answer), repeated: true }
  })

  return Idempotency.of({ run })
})

const at = (millis: number) => DateTime.toDateUtc(DateTime.makeUnsafe(millis))

const sealingKey = (credential: Redacted.Redacted, id: Uint8Array): Uint8Array =>
  createHmac("sha256", Redacted.value(credential)).update("hub idempotency answer").update(id).digest()

const AnswerJson = Schema.fromJsonString(Schema.Struct({ status: Schema.Int, body: Schema.String }))
const decodeAnswer = Schema.decodeEffect(AnswerJson)
const encodeAnswer = Schema.encodeSync(AnswerJson)

/** nonce (12) · tag (16) · ciphertext */
const encrypt = (key: Uint8Array, nonce: Uint8Array, answer: Answer): Uint8Array => {
  const cipher = createCipheriv("aes-256-gcm", key, nonce)
  const text = Buffer.concat([cipher.update(encodeAnswer(answer), "utf8"), cipher.final()])
  return new Uint8Array(Buffer.concat([nonce, cipher.getAuthTag(), text]))
}

const decrypt = (key: Uint8Array, sealed: Uint8Array): Effect.Effect<Answer> =>
  Effect.suspend(() => {
    const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, 12))
    decipher.setAuthTag(sealed.subarray(12, 28))
    const text = decipher.update(sealed.subarray(28), undefined, "utf8") + decipher.final("utf8")
    return Effect.orDie(decodeAnswer(text))
  })

const decodeRows = Schema.decodeUnknownEffect(
  Schema.Array(
    Schema.Struct({
      fingerprint: Schema.Uint8Array,
      answer: Schema.NullOr(Schema.Uint8Array),
      leaseUntil: Schema.Date
    })
  )
)
