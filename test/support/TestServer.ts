/** The PostgreSQL server that tests may use: `HUB_TEST_DATABASE_URL`, else 127.0.0.1:5432/test, when it answers. */
import * as Net from "node:net"

const given = process.env["HUB_TEST_DATABASE_URL"]

export const url = given ?? "postgres://postgres@127.0.0.1:5432/test"

const { hostname, port } = new URL(url)

/** Does anything listen there? */
export const answers = await new Promise<boolean>((resolve) => {
  const socket = Net.connect({ host: hostname, port: port === "" ? 5432 : Number(port), timeout: 2000 })
  const answer = (yes: boolean) => {
    socket.destroy()
    resolve(yes)
  }
  socket.once("connect", () => answer(true))
  socket.once("timeout", () => answer(false))
  socket.once("error", () => answer(false))
})

/** What a run without a server has to say. A server that was asked for must be there. */
export const complaint = (): string | undefined => {
  if (answers) return undefined
  const place = `${hostname}:${port === "" ? 5432 : port}`
  if (given !== undefined) throw new Error(`HUB_TEST_DATABASE_URL: no server answers at ${place}`)
  return `No PostgreSQL server at ${place}: everything is tested on the embedded one, tests on a server are skipped.`
}
