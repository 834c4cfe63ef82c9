/** The PostgreSQL server that drills may use: `DATABASE_URL`, else 127.0.0.1:5432/test, when it answers. */
import { PgConnection } from "@effect/sql-pg"
import { Effect, Redacted, type Scope } from "effect"
import { randomUUID } from "node:crypto"
import type { NotRun } from "./Drill.ts"

const url = process.env["DATABASE_URL"] ?? "postgres://postgres@127.0.0.1:5432/test"

const ask = (statement: string) =>
  Effect.scoped(
    Effect.flatMap(PgConnection.make({ url: Redacted.make(url) }), (connection) => connection.query(statement))
  )

/** Its version; null: none answers. */
export const version = (): Promise<string | null> =>
  ask("show server_version").pipe(
    Effect.timeout("5 seconds"),
    Effect.map((result) => /"server_version":"([^"]*)"/.exec(JSON.stringify(result))?.[1] ?? "of an unknown version"),
    Effect.orElseSucceed(() => null),
    Effect.runPromise
  )

/** The URL of an empty database of its own, which is dropped with the scope. */
const fresh: Effect.Effect<string | NotRun, never, Scope.Scope> = Effect.gen(function* () {
  if ((yield* Effect.promise(version)) === null) {
    return { _tag: "NotRun", because: `no PostgreSQL server at ${new URL(url).host} (DATABASE_URL)` }
  }
  const name = `hub_drill_${randomUUID().replaceAll("-", "")}`
  yield* Effect.acquireRelease(Effect.orDie(ask(`create database ${name}`)), () =>
    Effect.orDie(ask(`drop database if exists ${name} with (force)`))
  )
  const own = new URL(url)
  own.pathname = `/${name}`
  return own.href
})

/** Runs a drill on an empty database of its own. */
export const onFresh = <A, E, R>(use: (url: string) => Effect.Effect<A, E, R>) =>
  Effect.flatMap(fresh, (made): Effect.Effect<A | NotRun, E, R> =>
    typeof made === "string" ? use(made) : Effect.succeed(made)
  )
