import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Option, Scope } from "effect"
import { TestClock } from "effect/testing"
import { mkdir, readdir, symlink, writeFile } from "node:fs/promises"
import * as Net from "node:net"
import { join } from "node:path"
import * as EmbeddedLock from "../../../src/services/storage/EmbeddedLock.ts"
import * as ChildScript from "../../support/ChildScript.ts"
import { dataDirectory } from "../../support/HubProcess.ts"

/** On each line of input takes or drops the lock of its directory. */
const contender = `
  import { Effect, Exit, Scope } from "effect"
  import { createInterface } from "node:readline"
  import * as EmbeddedLock from "./src/services/storage/EmbeddedLock.ts"
  let scope
  console.log("ready")
  for await (const line of createInterface(process.stdin)) {
    if (line === "take") {
      scope = Effect.runSync(Scope.make())
      const exit = await Effect.runPromiseExit(EmbeddedLock.acquire(process.argv[1]).pipe(Scope.provide(scope)))
      if (exit._tag === "Success") await Effect.runPromise(exit.value.advertise("http://127.0.0.1:1"))
      console.log(exit._tag === "Success" ? "won" : "lost")
    } else {
      await Effect.runPromise(Scope.close(scope, Exit.void))
      console.log("dropped")
    }
  }`

const sockets = (directory: string) =>
  Effect.promise(async () => (await readdir(directory)).filter((file) => file.endsWith(".sock")))

describe("EmbeddedLock", () => {
  it.live("refuses a second holder, under any spelling of the directory, until the first lets go", () =>
    Effect.gen(function* () {
      const directory = yield* dataDirectory
      const alias = join(yield* dataDirectory, "alias")
      yield* Effect.promise(() => symlink(directory, alias))
      const first = yield* Scope.make()
      yield* EmbeddedLock.acquire(directory).pipe(Scope.provide(first))
      const refused = yield* Effect.flip(EmbeddedLock.acquire(alias))
      assert.strictEqual(refused._tag, "DatabaseInUse")
      assert.include(refused.message, alias)
      assert.include(refused.message, "HUB_URL")
      assert.include(refused.message, "HUB_DATA_DIR")
      yield* Scope.close(first, Exit.void)
      assert.deepStrictEqual(yield* sockets(directory), [])
      yield* EmbeddedLock.acquire(directory)
    })
  )

  it.live("tells where the holder can be reached, also from another process", () =>
    Effect.gen(function* () {
      const directory = yield* dataDirectory
      assert.isTrue(Option.isNone(yield* EmbeddedLock.runningHub(directory)))
      assert.isTrue(Option.isNone(yield* EmbeddedLock.runningHub(join(directory, "missing"))))
      const child = yield* ChildScript.start(contender, directory)
      yield* child.tell("take")
      yield* child.awaitLine(/won/)
      assert.deepStrictEqual(yield* EmbeddedLock.runningHub(directory), Option.some("http://127.0.0.1:1"))
      yield* child.kill
      assert.isTrue(Option.isNone(yield* EmbeddedLock.runningHub(directory)))
      const lock = yield* EmbeddedLock.acquire(directory)
      assert.deepStrictEqual(yield* EmbeddedLock.runningHub(directory), Option.some(""))
      yield* lock.advertise("http://127.0.0.1:3000")
      assert.deepStrictEqual(yield* EmbeddedLock.runningHub(directory), Option.some("http://127.0.0.1:3000"))
    })
  )

  it.live("of many that try at once in one process one wins", () =>
    Effect.gen(function* () {
      const directory = yield* dataDirectory
      const exits = yield* Effect.forEach(
        Array.from({ length: 10 }),
        () => Effect.exit(EmbeddedLock.acquire(directory)),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(exits.filter(Exit.isSuccess).length, 1)
      assert.strictEqual((yield* sockets(directory)).length, 1)
    })
  )

  it.live(
    "of many processes that try at once one wins, also over what a killed one left behind",
    () =>
      Effect.gen(function* () {
        const directory = yield* dataDirectory
        let children = yield* Effect.replicateEffect(ChildScript.start(contender, directory), 6)
        yield* Effect.forEach(children, (child) => child.awaitLine(/ready/), { concurrency: "unbounded" })
        while (children.length > 1) {
          yield* Effect.forEach(children, (child) => child.tell("take"))
          const outcomes = yield* Effect.forEach(
            children,
            (child) => Effect.map(child.awaitLine(/won|lost/), ([outcome]) => ({ child, outcome })),
            { concurrency: "unbounded" }
          )
          const winners = outcomes.filter(({ outcome }) => outcome === "won")
          assert.strictEqual(winners.length, 1)
          yield* Effect.forEach(winners, ({ child }) => child.kill)
          children = outcomes.filter(({ outcome }) => outcome === "lost").map(({ child }) => child)
        }
        yield* EmbeddedLock.acquire(directory)
      }),
    60_000
  )

  it.live("a directory with a long path has a lock like any other", () =>
    Effect.gen(function* () {
      const directory = join(yield* dataDirectory, "long".repeat(30), "path".repeat(30))
      const child = yield* ChildScript.start(contender, directory)
      yield* child.tell("take")
      yield* child.awaitLine(/won/)
      assert.strictEqual((yield* Effect.flip(EmbeddedLock.acquire(directory)))._tag, "DatabaseInUse")
      assert.deepStrictEqual(yield* EmbeddedLock.runningHub(directory), Option.some("http://127.0.0.1:1"))
      yield* child.kill
      assert.strictEqual((yield* sockets(directory)).length, 1)
      yield* EmbeddedLock.acquire(directory)
      assert.strictEqual((yield* sockets(directory)).length, 1)
    })
  )

  it.live("a holder that is too busy to answer still holds it", () =>
    Effect.gen(function* () {
      const directory = yield* dataDirectory
      const silent = Net.createServer(() => {})
      yield* Effect.promise(() => new Promise<void>((resolve) => silent.listen(join(directory, "hub.1.sock"), resolve)))
      yield* Effect.addFinalizer(() => Effect.sync(() => silent.close()))
      assert.strictEqual((yield* Effect.flip(EmbeddedLock.acquire(directory)))._tag, "DatabaseInUse")
    })
  )

  it.live("says so when the place cannot be used", () =>
    Effect.gen(function* () {
      const file = join(yield* dataDirectory, "file")
      yield* Effect.promise(() => writeFile(file, ""))
      const refused = yield* Effect.flip(EmbeddedLock.acquire(file))
      assert.strictEqual(refused._tag, "DatabaseUnavailable")
      assert.include(refused.message, file)
    })
  )

  it.effect("does not depend on the test clock", () =>
    Effect.gen(function* () {
      const directory = join(yield* dataDirectory, "new", "folders")
      yield* Effect.promise(() => mkdir(directory, { recursive: true }))
      yield* TestClock.adjust("1 day")
      yield* EmbeddedLock.acquire(directory)
      assert.strictEqual((yield* Effect.flip(EmbeddedLock.acquire(directory)))._tag, "DatabaseInUse")
    })
  )
})
