import { PgConnection } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Redacted } from "effect"
import * as TcpProxy from "../../../drill/harness/TcpProxy.ts"
import * as AnswerTimeout from "../../../src/services/storage/AnswerTimeout.ts"
import { isConnectionFailure } from "../../../src/services/storage/DatabaseErrors.ts"
import { hasServer, serverUrl } from "../../support/Databases.ts"

const patience = 300

/** The server by way of a proxy. */
const proxied = Effect.gen(function* () {
  const url = new URL(serverUrl)
  const proxy = yield* TcpProxy.make({ host: url.hostname, port: url.port === "" ? 5432 : Number(url.port) })
  url.hostname = "127.0.0.1"
  url.port = String(proxy.port)
  return { proxy, url }
})

const setUp = Effect.gen(function* () {
  const { proxy, url } = yield* proxied
  const stream = AnswerTimeout.streamOf(url, () => {}, patience)
  return { proxy, connection: yield* PgConnection.make({ url: Redacted.make(url.href), stream }) }
})

const telling = Effect.gen(function* () {
  const { proxy, url } = yield* proxied
  const told: Array<boolean> = []
  const stream = AnswerTimeout.streamOf(url, (isConnected) => told.push(isConnected))
  return { proxy, stream, told, url: Redacted.make(url.href) }
})

describe.skipIf(!hasServer)("AnswerTimeout", () => {
  it.live("a statement on a half-open connection fails as with a lost one", () =>
    Effect.gen(function* () {
      const { connection, proxy } = yield* setUp
      yield* connection.query("select 1")
      yield* proxy.set({ _tag: "BlackHole" })
      const exit = yield* Effect.exit(connection.query("select 1"))
      assert(Exit.isFailure(exit))
      assert.isTrue(isConnectionFailure(exit.cause))
      assert.match(Cause.pretty(exit.cause), /no answer for 0.3 s/)
    })
  )

  it.live("a statement that takes longer than that fails too", () =>
    Effect.gen(function* () {
      const { connection } = yield* setUp
      assert.isTrue(Exit.isFailure(yield* Effect.exit(connection.query("select pg_sleep(1)"))))
    })
  )

  it.live("a connection that has nothing to say may be silent, also one that listens", () =>
    Effect.gen(function* () {
      const { connection } = yield* setUp
      const own = yield* connection.pin
      yield* own.listen("answer_timeout_test")
      yield* own.query("select 1")
      yield* Effect.sleep(3 * patience)
      yield* own.query("select 1")
    })
  )

  it.live("tells of attempts that succeed and fail; a statement that is cancelled is no failed attempt", () =>
    Effect.gen(function* () {
      const { proxy, stream, told, url } = yield* telling
      const connection = yield* PgConnection.make({ url, stream })
      yield* Effect.timeoutOption(connection.query("select pg_sleep(30)"), 100)
      yield* connection.query("select 1")
      assert.deepStrictEqual(told, [true])
      yield* proxy.set({ _tag: "Refuse" })
      assert.isTrue(Exit.isFailure(yield* Effect.exit(PgConnection.make({ url, stream }))))
      // Told when the socket closes, which is after its failure.
      while (told.length < 2) yield* Effect.sleep(10)
      assert.deepStrictEqual(told, [true, false])
    })
  )

  it("a Unix socket needs none", () => {
    assert.isUndefined(AnswerTimeout.streamOf(new URL("postgres:///test?host=/var/run/postgresql")))
    assert.isUndefined(AnswerTimeout.streamOf(new URL("postgres://user@%2Fvar%2Frun%2Fpostgresql/test")))
  })
})
