/** Servers in processes of their own, each on a database of its own, and load on them. */
import autocannon from "autocannon"
import { spawn } from "node:child_process"
import { join } from "node:path"
import { Client } from "pg"
import { databaseUrl } from "./database.ts"

const root = join(import.meta.dirname, "../..")

/** Makes an empty database and gives its URL. */
export const makeDatabase = async (name: string) => {
  const database = `bench_${name}_${process.pid}`
  const admin = async (statement: string) => {
    const client = new Client({ connectionString: databaseUrl })
    await client.connect()
    await client.query(statement)
    await client.end()
  }
  await admin(`drop database if exists ${database} with (force)`)
  await admin(`create database ${database}`)
  const url = new URL(databaseUrl)
  url.pathname = `/${database}`
  return { url: url.href, drop: () => admin(`drop database ${database} with (force)`) }
}

/** Starts a program of the project and waits for its line `listening http://…`. */
export const startServer = async (program: ReadonlyArray<string>, env: Readonly<Record<string, string>>) => {
  const child = spawn(process.execPath, program, {
    cwd: root,
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], PORT: "0", LOG_LEVEL: "error", ...env },
    stdio: ["ignore", "pipe", "pipe"]
  })
  let output = ""
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()))
  const url = await new Promise<string>((resolve, reject) => {
    const take = (chunk: Buffer) => {
      output += chunk.toString("utf8")
      const match = /listening\s+(http:\/\/\S+)/.exec(output)
      if (match?.[1] !== undefined) resolve(match[1])
    }
    child.stdout.on("data", take)
    child.stderr.on("data", take)
    child.once("exit", () => reject(new Error(`${program.join(" ")} ended early:\n${output}`)))
  })
  return {
    url,
    stop: async () => {
      child.kill("SIGTERM")
      await exited
    }
  }
}

export interface Load {
  readonly url: string
  readonly method?: "GET" | "POST"
  readonly headers?: Readonly<Record<string, string>>
  /** Made for each request. */
  readonly setupRequest?: () => { readonly headers: Readonly<Record<string, string>>; readonly body: string }
  /** The only status that counts. */
  readonly expect: number
}

const duration = 4

/** 20 connections, one request at a time on each. */
export const load = async ({ expect, headers, method, setupRequest, url }: Load) => {
  const statuses = new Map<number, number>()
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const instance = autocannon(
      {
        url,
        connections: 20,
        duration,
        method: method ?? "GET",
        ...(headers === undefined ? {} : { headers }),
        ...(setupRequest === undefined
          ? {}
          : { requests: [{ setupRequest: (request: autocannon.Request) => ({ ...request, ...setupRequest() }) }] })
      },
      (error, done) => (error === null || error === undefined ? resolve(done) : reject(error))
    )
    instance.on("response", (_client, statusCode) => statuses.set(statusCode, (statuses.get(statusCode) ?? 0) + 1))
  })
  const others = [...statuses].filter(([status]) => status !== expect)
  if (others.length > 0 || result.errors > 0) {
    throw new Error(`${url}: ${result.errors} errors, statuses ${JSON.stringify([...statuses])}`)
  }
  return { rate: result.requests.total / result.duration, p99: result.latency.p99 }
}
